import { type Deciding, type Decisions, decideStepwise } from '../../src/ingest/decide-call.ts';

/** Decides a whole call without yielding to the event loop. */
export function decideAll(deciding: Deciding): Decisions {
  const steps = decideStepwise(deciding);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
