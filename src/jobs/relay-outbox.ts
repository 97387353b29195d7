import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type ClaimedEffect, claimOutbox, finishOutbox, putOffOutbox } from '../db/outbox.ts';
import type { LifecycleDeps } from '../lifecycle/lifecycle.ts';
import type { Log } from '../log.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** A nudge: the outbox has something to send. What that is, stands in the outbox alone. */
export const relayOutbox = defineJob({ name: 'relay-outbox', schema: z.object({}) });

/** What became of one attempt at an effect. */
export type EffectResult =
  | { state: 'SENT' }
  | { state: 'DROPPED' | 'DEAD'; error: string }
  /** Whoever carried it out has written what became of it. */
  | { state: 'WRITTEN' }
  /** It has to wait its turn; that is no attempt. */
  | { state: 'LATER'; afterMs: number }
  /** What became of it could not be written: it is looked at again once the claim is over. */
  | { state: 'UNWRITTEN'; error: unknown }
  | { state: 'RETRY'; error: string; afterMs: number | null };

/** Carries out one kind of effect. */
export type CarryOut = (effect: ClaimedEffect) => Promise<EffectResult>;
export type EffectHandlers = Readonly<Record<ClaimedEffect['kind'], CarryOut>>;

const MOMENT_MS = 100;
const LEASE_MS = 60_000;
const AT_ONCE = 50;
/** For how long a relay claims more: with a slow subscriber there is always more, and a process that stops waits for it. */
const LONGEST_MS = 10_000;
/** For how long a relay waits, all in all, for effects whose turn is soon. */
const LONGEST_WAIT_MS = 5_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60 * 60_000;
/** About two days of trying. */
export const MOST_ATTEMPTS = 50;
/** However long a channel asks to be left alone. */
const LONGEST_ASKED_MS = 24 * 60 * 60_000;

/**
 * Nudges the relay; a queue that is down is no matter, as the reconciler relays too. Nudges of one moment are one
 * job at its end, never one that is running already: that may have looked before there was anything to send.
 */
export async function nudgeRelay(queues: Queues, clock: Clock, log: Log): Promise<void> {
  const now = clock.now().getTime();
  const moment = Math.floor(now / MOMENT_MS) + 1;
  try {
    await queues.add(relayOutbox, {}, { id: `relay-${moment}`, delayMs: moment * MOMENT_MS - now });
  } catch (error) {
    log.warn({ err: error }, 'the queue did not take a nudge; the reconciler will relay');
  }
}

/** Carries out the effects that are due, for 10 s at most: the next round goes on. An attempt that throws, as with no answer, is tried again with growing pauses. */
export async function relay(
  deps: Pick<LifecycleDeps, 'db' | 'clock'>,
  handlers: EffectHandlers,
  log: Log,
): Promise<number> {
  let done = 0;
  let waited = 0;
  const until = deps.clock.now().getTime() + LONGEST_MS;
  for (;;) {
    const claimed = await claimOutbox(deps.db.sql, deps.clock.now(), LEASE_MS, AT_ONCE);
    const waits = await Promise.all(claimed.map((effect) => carryOut(deps, handlers, effect, log)));
    done += claimed.length;
    if (deps.clock.now().getTime() >= until) return done;
    if (claimed.length === AT_ONCE) continue;
    // Who only has to wait their turn is not left to the reconciler.
    const waitMs = Math.min(...waits.filter((wait) => wait > 0), Number.POSITIVE_INFINITY);
    if (waited + waitMs > LONGEST_WAIT_MS) return done;
    waited += waitMs;
    await delay(waitMs);
  }
}

/** Carries out one effect and writes what became of it; how long it has to wait its turn, 0 for not at all. */
async function carryOut(
  deps: Pick<LifecycleDeps, 'db' | 'clock'>,
  handlers: EffectHandlers,
  effect: ClaimedEffect,
  log: Log,
): Promise<number> {
  const result = await handlers[effect.kind](effect).catch((error: unknown): EffectResult => {
    log.warn({ err: error, effect: effect.id, kind: effect.kind }, 'an effect failed');
    // Nobody knows how far the attempt before this one came, and that must not be forgotten.
    if (effect.begunAt !== null) return { state: 'UNWRITTEN', error };
    return { state: 'RETRY', error: error instanceof Error ? error.message : String(error), afterMs: null };
  });
  const now = deps.clock.now();
  if (result.state === 'WRITTEN') return 0;
  if (result.state === 'UNWRITTEN') {
    log.error({ err: result.error, effect: effect.id }, 'what became of an effect could not be written');
    return 0;
  }
  if (result.state === 'LATER') {
    await putOffOutbox(deps.db.sql, effect, new Date(now.getTime() + result.afterMs));
    return result.afterMs;
  }
  const error = 'error' in result ? result.error.slice(0, 500) : null;
  if (result.state !== 'RETRY' || effect.attempts >= MOST_ATTEMPTS) {
    const state = result.state === 'RETRY' ? 'DEAD' : result.state;
    await finishOutbox(deps.db.sql, effect, { state, dueAt: now, now, error });
    return 0;
  }
  const pauseMs = Math.max(
    Math.min(result.afterMs ?? 0, LONGEST_ASKED_MS),
    Math.min(FIRST_RETRY_MS * 2 ** (effect.attempts - 1), LONGEST_RETRY_MS),
  );
  await finishOutbox(deps.db.sql, effect, {
    state: 'PENDING',
    dueAt: new Date(now.getTime() + pauseMs),
    now,
    error,
  });
  return 0;
}

/** Relays when nudged. */
export const implementRelayOutbox = (
  deps: Pick<LifecycleDeps, 'db' | 'clock'>,
  handlers: EffectHandlers,
  log: Log,
) =>
  implementJob(relayOutbox, async () => {
    await relay(deps, handlers, log);
  });
