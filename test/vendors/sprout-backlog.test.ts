import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, DAY, type Engine, HOUR, openEngine } from '../support/engine.ts';
import { setProfile } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'), { profile: 'SPROUT' });
});
beforeEach(async () => {
  const { accountId, channelId, sales } = engine;
  for (const place of [{}, { channelId }, { skillId: sales }, { channelId, skillId: sales }])
    await engine.policy({ autoClose: null }, place);
  await engine.policy({ autoCloseAfter: 'P1D', autoCloseCaseStatuses: null, reopenWithin: null });
  await engine.db.sql`update agent set online = true, capacity = null where account_id = ${accountId}`;
});
afterAll(() => engine.drop());

const now = () => engine.clock.now();
const plus = (instant: Date, ms: number) => new Date(instant.getTime() + ms);
const run = (ms: number) => engine.runUntil(plus(now(), ms));
const to = (profile: string) =>
  setProfile(
    engine.deps,
    engine.accountId,
    { profile, expectedVersion: null },
    { changedBy: 'test', why: null },
  );
const statusOf = async (address: string) => (await engine.latest(address)).status;

/** A case in the queue sales; it stays quiet from now on. */
async function begun(address: string) {
  await engine.writes(address, { skillId: engine.sales });
  await engine.answers(address);
}
/** Cases that have been quiet for a month, some awaiting the agent. */
async function backlog(name: string): Promise<string[]> {
  const addresses = ['a', 'b', 'c', 'd'].map((each) => `${name} ${each}`);
  for (const address of addresses) await begun(address);
  await engine.writes(`${name} d`, { skillId: engine.sales });
  await run(30 * DAY);
  return addresses;
}
/** Nothing of a backlog closes from now on, but what somebody is heard in, and that from then. */
async function expectUntouched(addresses: readonly string[], begin = begun) {
  const [heard, commented, ...rest] = addresses as [string, string, ...string[]];
  const enabled = now();
  await engine.runUntil(enabled);
  await engine.runUntil(plus(enabled, DAY));
  for (const address of addresses) expect(await statusOf(address)).toBe('ACTIVE');
  await engine.writes(heard);
  await engine.does(commented, { kind: 'COMMENT' });
  await begin(`${heard}, begun since`);
  const since = now();
  await engine.runUntil(plus(since, DAY - 1));
  expect(await statusOf(heard)).toBe('ACTIVE');
  await run(40 * DAY);
  for (const address of [heard, `${heard}, begun since`])
    expect(await engine.latest(address)).toMatchObject({
      ...{ status: 'ENDED', ended_at: plus(since, DAY), end_reason: 'AUTO_CLOSE', lateness_ms: '0' },
    });
  for (const address of [commented, ...rest])
    expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE', ended_at: null });
}

describe('enabling', () => {
  it.each<[string, () => { channelId?: string; skillId?: string }]>([
    ['the account', () => ({})],
    ['a channel', () => ({ channelId: engine.channelId })],
    ['a queue', () => ({ skillId: engine.sales })],
    ['a queue on a channel', () => ({ channelId: engine.channelId, skillId: engine.sales })],
  ])('SP-6 for %s closes none of a backlog', async (place, where) => {
    const addresses = await backlog(place);
    await engine.policy({ autoClose: true }, where());
    await expectUntouched(addresses);
  });

  it('SP-6 with a lower threshold in the same change, and another after it, neither', async () => {
    const addresses = await backlog('lowered');
    await engine.policy({ autoClose: true, autoCloseAfter: 'PT1H' });
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await engine.policy({ autoCloseAfter: 'P1D' });
    await expectUntouched(addresses);
  });

  it('SP-6 disabled and enabled again, it counts only from the second time', async () => {
    await engine.policy({ autoClose: true });
    await begun('between');
    await run(HOUR);
    await engine.policy({ autoClose: false });
    const addresses = await backlog('twice');
    await engine.policy({ autoClose: true });
    await expectUntouched(['between', ...addresses].reverse());
  });

  it('SP-6 disabled and enabled at once, those nearly due begin anew', async () => {
    await engine.policy({ autoClose: true });
    await begun('nearly due');
    await run(DAY - 1);
    await engine.policy({ autoClose: false });
    await engine.policy({ autoClose: true });
    await run(30 * DAY);
    expect(await statusOf('nearly due')).toBe('ACTIVE');
  });

  it('SP-6 switched on again where it is on, it takes back nothing', async () => {
    await engine.policy({ autoClose: true });
    await begun('on and on');
    const since = now();
    await run(DAY - HOUR);
    await engine.policy({ autoClose: true, autoCloseAfter: 'P1D' }, { skillId: engine.sales });
    await engine.runUntil(plus(since, DAY));
    expect(await engine.latest('on and on')).toMatchObject({ ended_at: plus(since, DAY) });
    await engine.policy({ autoCloseAfter: null }, { skillId: engine.sales });
  });

  it('SP-6 an activity of the very instant counts, one of the millisecond before does not', async () => {
    await begun('just before');
    engine.clock.advance(1);
    await engine.policy({ autoClose: true });
    await begun('just then');
    const since = now();
    await run(30 * DAY);
    expect(await statusOf('just before')).toBe('ACTIVE');
    expect(await engine.latest('just then')).toMatchObject({ ended_at: plus(since, DAY) });
  });

  it('SP-6 a message from before that arrives after it is no activity since', async () => {
    await begun('late');
    const written = plus(now(), HOUR);
    await run(2 * HOUR);
    await engine.policy({ autoClose: true });
    await run(HOUR);
    await engine.writes('late', { at: written });
    expect(await engine.latest('late')).toMatchObject({ last_activity_at: written });
    await run(30 * DAY);
    expect(await statusOf('late')).toBe('ACTIVE');
  });

  it('SP-6 SP-4 picking one more case status closes none that have it already', async () => {
    const addresses = ['picked a', 'picked b', 'picked c'];
    const begin = async (address: string, caseStatus = 'pending') => {
      await begun(address);
      await engine.does(address, { kind: 'CASE_STATUS', caseStatus });
    };
    await engine.policy({ autoClose: true, autoCloseCaseStatuses: ['solved'] });
    for (const address of addresses) await begin(address);
    await run(30 * DAY);
    await begin('picked before', 'solved');
    const solved = now();
    await run(HOUR);
    await engine.policy({ autoCloseCaseStatuses: ['solved', 'pending'] });
    await engine.runUntil(plus(solved, DAY));
    expect(await engine.latest('picked before')).toMatchObject({ ended_at: plus(solved, DAY) });
    await expectUntouched(addresses, begin);
  });

  it('SP-6 a profile that has it on, after one that has not, closes none of the backlog', async () => {
    const addresses = await backlog('profile');
    await to('LULL');
    await engine.runUntil(plus(now(), DAY));
    for (const address of addresses) expect(await statusOf(address)).toBe('ACTIVE');
    await engine.answers('profile a');
    await begun('profile, begun since');
    const since = now();
    await run(59 * DAY);
    for (const address of ['profile a', 'profile, begun since'])
      expect(await engine.latest(address)).toMatchObject({ ended_at: plus(since, DAY) });
    for (const address of ['profile b', 'profile c', 'profile d'])
      expect(await engine.latest(address)).toMatchObject({ end_reason: 'PROTECTION' });
    await to('SPROUT');
  });
});

describe('a message after the close', () => {
  const ended = async (address: string, by: 'TIMER' | 'AGENT' | 'CUSTOMER' | 'SUPERVISOR' | 'BOT') => {
    await begun(address);
    if (by === 'TIMER') await run(DAY);
    else await engine.does(address, { kind: 'END', by });
    expect(await engine.latest(address)).toMatchObject({
      ended_by: by === 'TIMER' ? 'SYSTEM' : by,
      ended_at: now(),
    });
    return (await engine.latest(address)).id;
  };
  const counted = async (address: string) => (await engine.conversations(address)).length;
  beforeEach(() => engine.policy({ autoClose: true }));

  it.each(['TIMER', 'AGENT', 'CUSTOMER', 'SUPERVISOR', 'BOT'] as const)(
    'SP-7 ended by %s it reopens up to the end of the window, and is a new one 1 ms after it',
    async (by) => {
      const within = await ended(`${by}, within`, by);
      const closed = now();
      await engine.writes(`${by}, after`, { skillId: engine.sales, at: closed });
      await engine.does(`${by}, after`, { kind: 'END', by: by === 'TIMER' ? 'AGENT' : by });
      const after = (await engine.latest(`${by}, after`)).id;
      await engine.runUntil(plus(closed, 4 * DAY));
      await engine.writes(`${by}, within`);
      expect(await engine.latest(`${by}, within`)).toMatchObject({
        ...{ id: within, status: 'ACTIVE', agent_id: engine.ann, awaiting: 'AGENT', ended_at: null },
      });
      expect(await counted(`${by}, within`)).toBe(1);
      engine.clock.advance(1);
      await engine.writes(`${by}, after`);
      expect(await engine.latest(`${by}, after`)).toMatchObject({ previous_id: after, status: 'WAITING' });
      expect(await counted(`${by}, after`)).toBe(2);
    },
  );

  it('SP-7 after an opt-out nothing reopens it, also where the timer had ended it before', async () => {
    await begun('opted out');
    await engine.does('opted out', { kind: 'INBOUND', text: 'STOP' });
    const id = (await engine.latest('opted out')).id;
    await ended('opted out later', 'TIMER');
    await engine.does('opted out later', { kind: 'INBOUND', text: 'Unsubscribe' });
    expect(await engine.latest('opted out later')).toMatchObject({ status: 'ENDED' });
    await run(HOUR);
    for (const address of ['opted out', 'opted out later']) {
      await engine.writes(address);
      expect(await counted(address)).toBe(2);
      expect(await engine.latest(address)).toMatchObject({ status: 'WAITING', agent_id: null });
    }
    expect((await engine.conversations('opted out'))[0]).toMatchObject({ id, end_reason: 'OPT_OUT' });
    // The next case was not closed by it.
    const next = (await engine.latest('opted out')).id;
    await run(DAY + HOUR);
    await engine.writes('opted out');
    expect(await engine.latest('opted out')).toMatchObject({ id: next, status: 'WAITING', ended_at: null });
  });

  it('SP-7 it goes to the last agent if online and under capacity, else to the queue', async () => {
    for (const address of ['free', 'full', 'offline', 'nobody']) await ended(address, 'AGENT');
    await engine.writes('nobody', { at: now() });
    await engine.does('nobody', { kind: 'TO_QUEUE' });
    await engine.does('nobody', { kind: 'END', by: 'CUSTOMER' });
    engine.clock.advance(1);
    const [{ open } = { open: 0 }] = await engine.db.sql<{ open: number }[]>`
      select count(*)::int as open from conversation where account_id = ${engine.accountId} and agent_id = ${engine.ann} and status <> 'ENDED'`;
    const ann = (set: { online?: boolean; capacity?: number }) =>
      engine.db
        .sql`update agent set ${engine.db.sql(set)} where account_id = ${engine.accountId} and id = ${engine.ann}`;
    await ann({ capacity: open + 1 });
    await engine.writes('free');
    expect(await engine.latest('free')).toMatchObject({ status: 'ACTIVE', agent_id: engine.ann });
    await engine.writes('full');
    expect(await engine.latest('full')).toMatchObject({ status: 'WAITING', agent_id: null });
    await ann({ capacity: open + 100, online: false });
    await engine.writes('offline');
    expect(await engine.latest('offline')).toMatchObject({ status: 'WAITING', agent_id: null });
    await ann({ online: true });
    await engine.writes('nobody');
    expect(await engine.latest('nobody')).toMatchObject({ status: 'WAITING', agent_id: null });
    for (const address of ['free', 'full', 'offline', 'nobody']) expect(await counted(address)).toBe(1);
  });

  it('SP-7 the window can be off, and can be another', async () => {
    await engine.policy({ reopenWithin: 'PT0S' });
    const id = await ended('window off', 'AGENT');
    engine.clock.advance(1);
    await engine.writes('window off');
    expect(await engine.latest('window off')).toMatchObject({ previous_id: id, status: 'WAITING' });
    await engine.policy({ reopenWithin: 'P30D' });
    const other = await ended('window of a month', 'TIMER');
    await run(30 * DAY);
    await engine.writes('window of a month');
    expect(await engine.latest('window of a month')).toMatchObject({ id: other, status: 'ACTIVE' });
  });

  it('SP-7 SP-1 reopened, it closes again after the threshold', async () => {
    const id = await ended('closes again', 'CUSTOMER');
    await run(DAY);
    await engine.writes('closes again');
    const since = now();
    await run(30 * DAY);
    expect(await engine.conversations('closes again')).toMatchObject([{ id, ended_at: plus(since, DAY) }]);
  });
});
