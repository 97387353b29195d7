import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
let made = 0;
beforeAll(async () => {
  engine = await openEngine(at('20:00'));
  await engine.policy({ inactivate: true, inactivateAfter: 'P1D' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
/** The state of a conversation without its ids and its placement. */
async function stateOf(address: string) {
  const { id, contact_id, placed_at, ...state } = await engine.latest(address);
  return state;
}

type Message = { minute: number; from: 'customer' | 'ann' | 'bob' };
const messages = fc.uniqueArray(
  fc.record({ minute: fc.integer({ min: 0, max: 300 }), from: fc.constantFrom('customer', 'ann', 'bob') }),
  { selector: ({ minute }) => minute, minLength: 2, maxLength: 7 },
) as fc.Arbitrary<Message[]>;

/** Reports messages in the given order, each in a separate call or all in one, while the clock stands still. */
async function report(all: readonly Message[], calls: 'one by one' | 'at once'): Promise<string> {
  const address = `late ${++made}`;
  const action = (from: Message['from']): Action =>
    from === 'customer'
      ? { kind: 'INBOUND' }
      : { kind: 'OUTBOUND', sender: 'AGENT', agentId: from === 'ann' ? engine.ann : engine.bob };
  const activities = all.map(({ minute, from }) => ({
    target: { channelId: engine.channelId, address },
    action: action(from),
    at: new Date(at('12:00').getTime() + minute * MINUTE),
    messageId: `${address} ${minute}`,
  }));
  const results = calls === 'at once' ? await engine.apply(...activities) : await oneByOne(activities);
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['APPLIED']));
  return address;
}
async function oneByOne(activities: Parameters<Engine['apply']>) {
  const results: Awaited<ReturnType<Engine['apply']>> = [];
  for (const activity of activities) results.push(...(await engine.apply(activity)));
  return results;
}

describe('messages out of order', () => {
  it('LL-2 leave the conversation as if they had come in order, provided no timer falls due', async () => {
    await fc.assert(
      fc.asyncProperty(messages, async (shuffled) => {
        const inOrder = [...shuffled].sort((a, b) => a.minute - b.minute);
        const expected = await stateOf(await report(inOrder, 'one by one'));
        expect(await stateOf(await report(shuffled, 'one by one'))).toEqual(expected);
        expect(await stateOf(await report(shuffled, 'at once'))).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('get the newest revision in the feed, with the time they were sent and the time they were reported', async () => {
    const sent = inMs(-HOUR);
    await engine.writes('feed');
    await engine.answers('feed');
    engine.clock.advance(MINUTE);
    await engine.writes('feed', { at: sent });
    const { id } = await engine.latest('feed');
    expect(await engine.feed(id)).toMatchObject([
      { revision: 1, kind: 'INBOUND' },
      { revision: 2, kind: 'OUTBOUND' },
      {
        revision: 3,
        kind: 'INBOUND',
        at: sent,
        recorded_at: engine.clock.now(),
        status: 'ACTIVE',
        awaiting: 'CONSUMER',
      },
    ]);
  });

  it('SF-4 make the conversation inactive at once when a late answer shows that the customer was awaited for longer', async () => {
    await engine.policy({ inactivateAfter: 'PT10M' });
    await engine.runUntil(inMs(MINUTE));
    engine.clock.advance(2 * 24 * HOUR);
    await engine.runUntil(engine.clock.now());
    await engine.writes('longer', { at: inMs(-30 * MINUTE) });
    await engine.answers('longer');
    await engine.runUntil(inMs(MINUTE));
    expect(await engine.latest('longer')).toMatchObject({ status: 'ACTIVE' });
    await engine.answers('longer', { at: inMs(-20 * MINUTE) });
    await engine.runUntil(engine.clock.now());
    expect(await engine.latest('longer')).toMatchObject({
      status: 'INACTIVE',
      awaiting_since: engine.clock.now(),
    });
  });

  it('change nothing when a late command is refused, and the result says so', async () => {
    await engine.writes('refused', { at: inMs(-HOUR) });
    await engine.writes('refused');
    const result = await engine.does('refused', { kind: 'START', by: 'AGENT' }, { at: inMs(-30 * MINUTE) });
    expect(result).toMatchObject({ outcome: 'REFUSED', error: { code: 'NOT_ALLOWED' } });
    expect(await engine.latest('refused')).toMatchObject({ revision: 2, started_by: 'CUSTOMER' });
  });
});
