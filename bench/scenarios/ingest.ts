import type { Action } from '../../src/domain/activity.ts';
import { apply } from '../../src/lifecycle/apply.ts';
import type { Activity } from '../../src/lifecycle/lifecycle.ts';
import { openFloor } from '../baselines/floor-ingest.ts';
import { keepBusy, takeTurns } from '../measure.ts';
import { type Message, messageSource } from '../messages.ts';
import type { Findings } from '../report.ts';
import type { Stage } from '../stage.ts';

const CONCURRENCY = 16;
const A_CALL = 500;
const TURNS = 5;
const TURN_MS = 4_000;

/** How many messages a second the engine takes, one a call and 500 a call, against plain SQL that writes the same. */
export async function ingest(stage: Stage): Promise<Findings> {
  const next = await messageSource(stage);
  const refused: string[] = [];
  const byEngine = (count: number) => async () => {
    const results = await apply(stage.engine.deps, stage.big.accountId, next(count).map(activityOf));
    for (const { outcome } of results) if (outcome !== 'APPLIED') refused.push(outcome);
    return count;
  };
  const floor = openFloor(stage, CONCURRENCY);
  try {
    const singly = await takeTurns(
      [
        { name: 'engine', run: (forMs) => keepBusy(CONCURRENCY, forMs, byEngine(1)) },
        { name: 'floor', run: (forMs) => keepBusy(CONCURRENCY, forMs, () => floor.write(next(1))) },
      ],
      TURNS,
      TURN_MS,
    );
    const together = await takeTurns(
      [
        { name: 'engine', run: (forMs) => keepBusy(2, forMs, byEngine(A_CALL)) },
        { name: 'floor', run: (forMs) => keepBusy(2, forMs, () => floor.write(next(A_CALL))) },
      ],
      TURNS,
      TURN_MS / 4,
    );
    return {
      figures: [
        ...figuresOf(`one a call, ${CONCURRENCY} at once`, singly, 0.7),
        ...figuresOf(`${A_CALL} a call, 2 at once`, together, 0.5),
      ],
      failures: refused.length > 0 ? [`${refused.length} were not applied: ${[...new Set(refused)]}`] : [],
    };
  } finally {
    await floor.close();
  }
}

function figuresOf(what: string, rates: Map<string, number>, atLeast: number): Findings['figures'] {
  const engine = rates.get('engine') ?? 0;
  const floor = rates.get('floor') ?? 0;
  return [
    { name: `${what}: engine`, value: engine, unit: '/s' },
    { name: `${what}: floor`, value: floor, unit: '/s' },
    { name: `${what}: engine / floor`, value: engine / floor, unit: '×', atLeast },
  ];
}

function activityOf({ channelId, address, messageId, kind, agentId }: Message): Activity {
  const action: Action =
    kind === 'INBOUND' ? { kind } : { kind, sender: 'AGENT', ...(agentId === null ? {} : { agentId }) };
  return { target: { channelId, address }, action, messageId };
}
