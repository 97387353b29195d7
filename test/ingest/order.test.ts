import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { type Engine, openEngine } from '../support/engine.ts';
import {
  goingOn,
  type Happened,
  inCalls,
  isToldBeforeItsMessage,
  sentAt,
  shuffled,
  TOLD_AT,
} from '../support/shuffled.ts';

/** Set ORDER_RUNS to search longer. A failure prints its seed and path; pass them to `fc.assert` to replay it. */
const RUNS = Number(process.env.ORDER_RUNS ?? 60);

let engine: Engine;
let made = 0;
beforeAll(async () => {
  engine = await openEngine(TOLD_AT);
  await engine.policy({ inactivate: true, inactivateAfter: 'P1D', resetOn: ['TAG', 'BOT_MESSAGE'] });
});
afterAll(() => engine.drop());

/** The action with this engine's ids of agents and skills. */
function named(action: Action): Action {
  const { agentId, skillId } = action as { agentId?: string; skillId?: string | null };
  return {
    ...action,
    ...(agentId ? { agentId: agentId === 'ann' ? engine.ann : engine.bob } : {}),
    ...(skillId ? { skillId: engine.care } : {}),
  } as Action;
}

/** Records a new contact's activities in these calls. Returns null if one of them is not applied. */
async function tell(calls: readonly (readonly Happened[])[]) {
  const address = `order ${++made}`;
  const idOf = (id: string) => `${address} ${id}`;
  for (const call of calls) {
    const results = await engine.apply(
      ...call.map((each) => {
        const action = named(each.action);
        return {
          target: { channelId: engine.channelId, address },
          action: action.kind === 'RECEIPT' ? { ...action, of: idOf(action.of) } : action,
          at: sentAt(each),
          messageId: idOf(each.messageId),
        };
      }),
    );
    if (results.some(({ outcome }) => outcome !== 'APPLIED')) return null;
  }
  const { id, contact_id, ...state } = await engine.latest(address);
  const [lane] = await engine.db.sql`select wake_at from lane where id = ${state.lane_id as string}`;
  return { state, isWoken: lane?.wake_at !== undefined };
}

it('LL-2 activities of every kind lead to the same stored state in whatever order and calls they arrive', {
  timeout: 120_000 + RUNS * 5_000,
}, async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(shuffled(goingOn, 7), async ({ inOrder, order, sizes }) => {
      fc.pre(!isToldBeforeItsMessage(inOrder));
      const expected = await tell(inOrder.map((each) => [each]));
      fc.pre(expected !== null);
      const told = await tell(inCalls(order, sizes));
      fc.pre(told !== null);
      compared++;
      expect(told).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
  expect(compared).toBe(RUNS);
});
