import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_REPLAYED_STEPS } from '../../src/domain/conversation/insert-late-activity.ts';
import type { Activity, ActivityResult, ServiceDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, depsWith, type Engine, openEngine } from '../support/engine.ts';
import { recordOnce, recordPlayed } from '../support/flows.ts';
import { type Listened, listenedTo } from '../support/listened.ts';

let engine: Engine;
let listened: Listened;
let deps: ServiceDeps;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  listened = listenedTo(engine);
  deps = depsWith(engine, { db: { ...engine.db, sql: listened.sql } });
});
afterAll(async () => {
  await listened.close();
  await engine.drop();
});

const inbound = (target: Activity['target'], messageId: string): Activity => ({
  target,
  action: { kind: 'INBOUND' },
  messageId,
});
const to = (address: string): Activity['target'] => ({ channelId: engine.channelId, address });
/** Makes one concurrent call for each activity and returns the results. */
async function atOnce(...activities: Activity[]): Promise<ActivityResult[]> {
  const calls = activities.map((activity) => recordActivities(deps, engine.accountId, [activity]));
  return (await Promise.all(calls)).flat();
}
/** Opens conversations whose lane is known, forgets the statements sent so far, and returns the ids. */
async function open(...addresses: string[]): Promise<string[]> {
  const results = await atOnce(...addresses.map((address) => inbound(to(address), `${address} first`)));
  engine.clock.advance(1);
  listened.forget();
  return results.map(({ conversationId }) => conversationId as string);
}
const applied = (conversationId: string | undefined) => ({ outcome: 'APPLIED', conversationId, error: null });
const messagesOf = async (conversationId: string | undefined) =>
  (await engine.feed(conversationId as string)).map(({ message_id }) => message_id);
/** The optimistic writes that were sent: the number of conversations and the lock timeout of each. */
const unlocked = () =>
  listened.sent
    .filter(({ text }) => /^\s*with written as/.test(text))
    .map(({ parameters }) => ({ conversations: parameters[1], lockWait: parameters[3] }));
const transactions = () => listened.sent.filter(({ text }) => text.startsWith('begin')).length;

describe('concurrent calls', () => {
  it('on open conversations wait 250 ms for a lock, and a single call waits as long as any statement', async () => {
    await open('waits 1', 'waits 2');
    await atOnce(inbound(to('waits 1'), 'waits 1 a'), inbound(to('waits 2'), 'waits 2 a'));
    expect(unlocked()).toEqual([{ conversations: '2', lockWait: '250' }]);
    listened.forget();
    await atOnce(inbound(to('waits 1'), 'waits 1 b'), inbound(to('waits 1'), 'waits 1 c'));
    expect(unlocked()).toEqual([{ conversations: '1', lockWait: '250' }]);
    listened.forget();
    await atOnce(inbound(to('waits 1'), 'waits 1 d'));
    expect(unlocked()).toEqual([{ conversations: '1', lockWait: '5000' }]);
  });

  it('by address and by conversation id take one read of each kind and one write', async () => {
    const [first, second, third] = (await open('by 1', 'by 2', 'by 3')) as [string, string, string];
    const results = await atOnce(
      inbound(to('by 1'), 'by address 1'),
      inbound({ conversationId: second }, 'by id 2'),
      inbound({ conversationId: first }, 'by id 1'),
      inbound(to('by 3'), 'by address 3'),
    );
    expect(results).toEqual([first, second, first, third].map(applied));
    expect(unlocked()).toEqual([{ conversations: '3', lockWait: '250' }]);
    expect(listened.sent).toHaveLength(3);
    expect(await messagesOf(first)).toEqual(['by 1 first', 'by address 1', 'by id 1']);
    expect(await messagesOf(second)).toEqual(['by 2 first', 'by id 2']);
    expect(await messagesOf(third)).toEqual(['by 3 first', 'by address 3']);
  });

  it('are not batched with a call that has an idempotency key or records a timeline', async () => {
    const addresses = ['plain 1', 'keyed', 'played', 'plain 2'] as const;
    const [one, keyed, played, two] = await open(...addresses);
    const once = () =>
      recordOnce(deps, engine.accountId, inbound(to('keyed'), 'keyed'), { key: 'k', request: {} });
    const until = engine.clock.now();
    const [first, second, third, last] = await Promise.all([
      recordActivities(deps, engine.accountId, [inbound(to('plain 1'), 'plain 1')]),
      once(),
      recordPlayed(deps, engine.accountId, [inbound(to('played'), 'played')], until),
      recordActivities(deps, engine.accountId, [inbound(to('plain 2'), 'plain 2')]),
    ]);
    expect([first, second, third, last]).toEqual([[applied(one)], keyed, [applied(played)], [applied(two)]]);
    expect(unlocked()).toEqual([{ conversations: '2', lockWait: '250' }]);
    expect(transactions()).toBe(2);
    expect(listened.sent.filter(({ text }) => text.includes('set local lock_timeout'))).toEqual([]);
    for (const [index, id] of [one, keyed, played, two].entries())
      expect(await messagesOf(id)).toEqual([`${addresses[index]} first`, addresses[index]]);
    expect(await once()).toBe(keyed);
    expect(await messagesOf(keyed)).toEqual(['keyed first', 'keyed']);
  });
});

it('LL-2 late activities of a long conversation that exceed the limit for two calls together are applied call by call', async () => {
  const LENGTH = 2_000;
  const LATE = 45;
  expect(2 * LATE * LENGTH).toBeGreaterThan(1.5 * MAX_REPLAYED_STEPS);
  expect(LATE * (LENGTH + 2 * LATE)).toBeLessThan(MAX_REPLAYED_STEPS);
  const [id] = await open('long');
  const first = engine.clock.now().getTime() - 1;
  const wrote = (index: number) => ({
    ...inbound(to('long'), `long ${index}`),
    at: new Date(first + 10 + index),
  });
  const past = Array.from({ length: LENGTH }, (_, index) => wrote(index));
  engine.clock.advance(10_000);
  for (const part of [past.slice(0, LENGTH / 2), past.slice(LENGTH / 2)])
    await recordActivities(deps, engine.accountId, part);
  const tagged = (name: string) =>
    recordActivities(
      deps,
      engine.accountId,
      Array.from({ length: LATE }, (_, index): Activity => {
        const action = { kind: 'TAG', add: [`${name} ${index}`], remove: [] } as const;
        return { target: to('long'), action, at: new Date(first + 5) };
      }),
    );
  listened.forget();
  const results = await Promise.all([tagged('one'), tagged('two')]);
  expect(results).toEqual([Array(LATE).fill(applied(id)), Array(LATE).fill(applied(id))]);
  // One transaction for both calls, and one for the rest of the second call.
  expect(transactions()).toBe(2);
  expect(listened.sent.filter(({ text }) => text.startsWith('set local lock_timeout = 250'))).toHaveLength(1);
  const { tags, revision } = await engine.latest('long');
  expect(revision).toBe(1 + LENGTH + 2 * LATE);
  expect((tags as string[]).toSorted()).toEqual(
    ['one', 'two']
      .flatMap((name) => Array.from({ length: LATE }, (_, index) => `${name} ${index}`))
      .toSorted(),
  );
});
