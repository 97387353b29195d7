import { withRecording } from '../../src/app.ts';
import type { EngineDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import type { DelayedJobs } from '../baselines/delayed-jobs.ts';
import { openFloor } from '../baselines/floor-ingest.ts';
import { type Contender, keepBusy, takeTurns } from '../measure.ts';
import { activityOf, messageSource } from '../messages.ts';
import type { Figure, Findings } from '../report.ts';
import type { Stage } from '../stage.ts';

const CONCURRENCY = 16;
const A_CALL = 500;
/** Long calls at once: while one is decided, others are written. */
const LONG_AT_ONCE = 4;
const TURNS = 5;
const TURN_MS = 3_000;
/** What delayed jobs are to be left behind by, where each is removed and added anew. */
const TARGETS = { redis: 1.3, postgres: 3 } as const;

/**
 * How many messages a second the engine takes, one a call and 500 a call, against plain SQL that writes the
 * same, and against the same engine with a delayed job for each conversation instead of its lanes' alarms.
 */
export async function ingest(stage: Stage, onProgress: Progress): Promise<Findings> {
  const next = await messageSource(stage);
  const { deps } = stage.engine;
  const refused: string[] = [];
  const applied = async (with_: EngineDeps, count: number) => {
    const results = await recordActivities(with_, stage.big.accountId, next(count).map(activityOf));
    for (const { outcome } of results) if (outcome !== 'APPLIED') refused.push(outcome);
    return results;
  };
  const byEngine = (count: number) => async () => (await applied(deps, count)).length;
  const unscheduled = withRecording(deps, async (flow) => (await flow).result);
  const byJobs = (restart: DelayedJobs['restart']) => async () => {
    const results = await applied(unscheduled, 1);
    for (const { conversationId } of results) if (conversationId !== null) await restart(conversationId);
    return results.length;
  };

  const floor = openFloor(stage, CONCURRENCY);
  try {
    const contenders: Contender[] = [
      { name: 'engine', run: (forMs) => keepBusy(CONCURRENCY, forMs, byEngine(1)) },
      { name: 'floor', run: (forMs) => keepBusy(CONCURRENCY, forMs, () => floor.write(next(1))) },
    ];
    const kinds: (keyof typeof TARGETS)[] = [];
    for (const kind of ['redis', 'postgres'] as const) {
      const jobs = await stage.delayedJobs.on(kind);
      if (jobs === null) continue;
      kinds.push(kind);
      const run = (restart: DelayedJobs['restart']) => (forMs: number) =>
        keepBusy(CONCURRENCY, forMs, byJobs(restart));
      contenders.push({ name: kind, run: run(jobs.restart) });
      contenders.push({ name: `${kind}, moved`, run: run(jobs.postpone) });
    }
    const singly = await takeTurns(contenders, TURNS, TURN_MS, onProgress);
    const lost = await lostJobs(stage, kinds);
    // A million jobs less to sweep while others are measured.
    await stage.delayedJobs.close();
    const together = await takeTurns(
      [
        { name: 'engine', run: (forMs) => keepBusy(LONG_AT_ONCE, forMs, byEngine(A_CALL)) },
        { name: 'floor', run: (forMs) => keepBusy(LONG_AT_ONCE, forMs, () => floor.write(next(A_CALL))) },
      ],
      TURNS,
      TURN_MS / 2,
      onProgress,
    );
    const one = `one a call, ${CONCURRENCY} at once`;
    return {
      figures: [
        ...figuresOf(one, singly, 0.7),
        ...kinds.flatMap((kind) => jobFiguresOf(one, singly, kind)),
        ...figuresOf(`${A_CALL} a call, ${LONG_AT_ONCE} at once`, together, 0.5, 15_000),
      ],
      failures: [
        ...(refused.length > 0 ? [`${refused.length} were not applied: ${[...new Set(refused)]}`] : []),
        ...lost,
      ],
    };
  } finally {
    await floor.close();
  }
}

/** A baseline that had lost jobs on the way would have had less to do. */
async function lostJobs(
  { big, delayedJobs }: Stage,
  kinds: readonly (keyof typeof TARGETS)[],
): Promise<string[]> {
  const failures: string[] = [];
  for (const kind of kinds) {
    const count = await (await delayedJobs.on(kind))?.count();
    if (count !== big.conversations)
      failures.push(`${count} delayed jobs on ${kind} for ${big.conversations} conversations`);
  }
  return failures;
}

function figuresOf(what: string, rates: Map<string, number>, atLeast: number, perSecond?: number): Figure[] {
  const engine = rates.get('engine') ?? 0;
  const floor = rates.get('floor') ?? 0;
  return [
    {
      ...{ name: `${what}: engine`, value: engine, unit: '/s' },
      ...(perSecond === undefined ? {} : { atLeast: perSecond }),
    },
    { name: `${what}: floor`, value: floor, unit: '/s' },
    { name: `${what}: engine / floor`, value: engine / floor, unit: '×', atLeast },
  ];
}

function jobFiguresOf(what: string, rates: Map<string, number>, kind: keyof typeof TARGETS): Figure[] {
  const engine = rates.get('engine') ?? 0;
  const anew = rates.get(kind) ?? 0;
  const moved = rates.get(`${kind}, moved`) ?? 0;
  const jobs = `delayed jobs on ${kind}`;
  return [
    { name: `${what}: ${jobs}`, value: anew, unit: '/s' },
    { name: `${what}: engine / ${jobs}`, value: engine / anew, unit: '×', atLeast: TARGETS[kind] },
    { name: `${what}: ${jobs}, moved in place`, value: moved, unit: '/s' },
    { name: `${what}: engine / ${jobs}, moved in place`, value: engine / moved, unit: '×' },
  ];
}
