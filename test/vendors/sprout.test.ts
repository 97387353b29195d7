import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, DAY, type Engine, HOUR, openEngine } from '../support/engine.ts';
import { changeRules, setProfile } from '../support/flows.ts';

const AUTHOR = { changedBy: 'test', why: null };
let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'), { profile: 'SPROUT' });
});
beforeEach(async () => {
  await engine.policy({ autoClose: null, autoCloseAfter: null }, { skillId: engine.sales });
  await engine.policy({ autoClose: true, autoCloseAfter: 'P2D', autoCloseCaseStatuses: null });
  await engine.db.sql`update agent set online = true, capacity = null where account_id = ${engine.accountId}`;
});
afterAll(() => engine.drop());

const now = () => engine.clock.now();
const plus = (instant: Date, ms: number) => new Date(instant.getTime() + ms);
const run = (ms: number) => engine.runUntil(plus(now(), ms));

/** Nobody has closed it one millisecond before, and the timer has at the instant. */
async function expectClosesAt(address: string, instant: Date) {
  await engine.runUntil(plus(instant, -1));
  expect(await engine.latest(address)).toMatchObject({ ended_at: null });
  await engine.runUntil(instant);
  expect(await engine.latest(address)).toMatchObject({
    ...{ status: 'ENDED', end_reason: 'AUTO_CLOSE', ended_by: 'SYSTEM', ended_at: instant, lateness_ms: '0' },
  });
}
/** A case with Ann in which somebody is awaited. */
async function begun(address: string, awaited: 'AGENT' | 'CONSUMER' = 'CONSUMER', skillId?: string) {
  await engine.writes(address, skillId ? { skillId } : {});
  await engine.answers(address);
  if (awaited === 'AGENT') await engine.writes(address);
  expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE', awaiting: awaited });
}

describe('inactivity', () => {
  const restarting: [string, () => Action][] = [
    ['an inbound message', () => ({ kind: 'INBOUND' })],
    ['an outbound message', () => ({ kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob })],
    ['a status change', () => ({ kind: 'CASE_STATUS', caseStatus: 'pending' })],
  ];
  const passing: [string, () => Action][] = [
    ['a comment', () => ({ kind: 'COMMENT', agentId: engine.ann })],
    ['a tag', () => ({ kind: 'TAG', add: ['urgent'], remove: [] })],
    ['a reassignment', () => ({ kind: 'ASSIGN', agentId: engine.bob })],
    ['another queue', () => ({ kind: 'SKILL', skillId: engine.care })],
    ['a return to the queue', () => ({ kind: 'TO_QUEUE' })],
    ['a reader', () => ({ kind: 'READER_JOINED', agentId: engine.bob })],
    ['a message of a workflow', () => ({ kind: 'OUTBOUND', sender: 'AUTOMATION' })],
  ];
  const each = (list: [string, () => Action][]) =>
    list.flatMap(([name, action]) =>
      (['AGENT', 'CONSUMER'] as const).map((awaited) => [name, awaited, action] as const),
    );

  it.each(each(restarting))('SP-1 %s restarts it while the %s is awaited', async (name, awaited, action) => {
    const address = `${name}, ${awaited}`;
    await begun(address, awaited);
    await run(DAY + 1);
    const restarted = now();
    expect((await engine.does(address, action())).outcome).toBe('APPLIED');
    await expectClosesAt(address, plus(restarted, 2 * DAY));
  });

  it.each(each(passing))('SP-1 %s does not while the %s is awaited', async (name, awaited, action) => {
    const address = `${name}, ${awaited}`;
    await begun(address, awaited);
    const quietSince = now();
    await run(DAY + 1);
    expect((await engine.does(address, action())).outcome).toBe('APPLIED');
    await expectClosesAt(address, plus(quietSince, 2 * DAY));
  });

  it('SP-1 it does not matter whether anybody ever took the case, or who began it', async () => {
    await engine.writes('nobody took it');
    await engine.does('business began', { kind: 'START', by: 'AGENT', agentId: engine.ann });
    const began = now();
    await expectClosesAt('nobody took it', plus(began, 2 * DAY));
    expect(await engine.latest('business began')).toMatchObject({
      ...{ former_status: 'NEW', end_reason: 'AUTO_CLOSE', ended_at: plus(began, 2 * DAY) },
    });
  });

  it('SP-2 unless it is switched on, nothing ever closes; switched off, it stops at once', async () => {
    await begun('off in time');
    const quietSince = now();
    await engine.runUntil(plus(quietSince, 2 * DAY - 1));
    await engine.policy({ autoClose: null });
    await begun('never on');
    await engine.does('never on', { kind: 'INACTIVATE' });
    await engine.jumpTo(plus(quietSince, 400 * DAY));
    for (const address of ['off in time', 'never on'])
      expect(await engine.latest(address)).toMatchObject({ ended_at: null });
  });
});

describe('case statuses', () => {
  it('SP-4 only cases in the picked statuses close, and what moves into one counts from then', async () => {
    await engine.policy({ autoCloseCaseStatuses: ['pending', 'solved'] });
    const statuses = { 'is open': 'open', 'is pending': 'pending', 'is solved': 'solved', 'has none': null };
    for (const [address, caseStatus] of Object.entries(statuses)) {
      await begun(address);
      if (caseStatus) await engine.does(address, { kind: 'CASE_STATUS', caseStatus });
    }
    const since = now();
    await expectClosesAt('is pending', plus(since, 2 * DAY));
    expect(await engine.latest('is solved')).toMatchObject({ ended_at: plus(since, 2 * DAY) });
    await run(30 * DAY);
    for (const address of ['is open', 'has none'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE' });
    await engine.does('is open', { kind: 'CASE_STATUS', caseStatus: 'solved' });
    await expectClosesAt('is open', plus(now(), 2 * DAY));
  });

  it('SP-4 SP-13 a queue may have picked others', async () => {
    await engine.policy({ autoCloseCaseStatuses: ['solved'] });
    await engine.policy({ autoCloseCaseStatuses: ['open'] }, { skillId: engine.sales });
    for (const [address, skillId] of [['open here'], ['open in sales', engine.sales]] as const) {
      await begun(address, 'CONSUMER', skillId);
      await engine.does(address, { kind: 'CASE_STATUS', caseStatus: 'open' });
    }
    await expectClosesAt('open in sales', plus(now(), 2 * DAY));
    expect(await engine.latest('open here')).toMatchObject({ status: 'ACTIVE' });
    await engine.policy({ autoCloseCaseStatuses: null }, { skillId: engine.sales });
  });
});

it('SP-4 who picks no case statuses any more can choose a profile that knows none', async () => {
  const { accountId, deps } = engine;
  const to = (profile: string) => setProfile(deps, accountId, { profile, expectedVersion: null }, AUTHOR);
  await engine.policy({ autoClose: null, autoCloseAfter: null, autoCloseCaseStatuses: ['solved'] });
  await engine.policy({ reopenWithin: null });
  const faults = [{ channelId: null, skillId: null, field: 'autoCloseCaseStatuses' }];
  await expect(to('LIVEPERSON')).rejects.toMatchObject({ code: 'PROFILE_REFUSED', faults });
  await engine.policy({ autoCloseCaseStatuses: null });
  expect((await to('LIVEPERSON')).profile.id).toBe('LIVEPERSON');
  expect((await to('SPROUT')).profile.id).toBe('SPROUT');
});

describe('changing the threshold', () => {
  it('SP-10 raised, it closes by the new one and what is closed stays so; lowered, it takes the newly due', async () => {
    await engine.policy({ autoCloseAfter: 'P3D' });
    const start = now();
    await begun('first');
    await run(DAY);
    await begun('second');
    await run(DAY);
    await begun('third');
    await expectClosesAt('first', plus(start, 3 * DAY));
    const closed = await engine.latest('first');

    await engine.policy({ autoCloseAfter: 'P5D' });
    await engine.runUntil(plus(start, 5 * DAY));
    for (const address of ['second', 'third'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE' });
    expect(await engine.latest('first')).toEqual(closed);

    const { version } = await engine.policy({ autoCloseAfter: 'P3DT12H' });
    await engine.runUntil(now());
    expect(await engine.latest('second')).toMatchObject({
      ...{ status: 'ENDED', ended_at: plus(start, 5 * DAY), lateness_ms: '0' },
      rules_version: String(version),
    });
    await expectClosesAt('third', plus(start, 2 * DAY + 3.5 * DAY));
    expect(await engine.latest('first')).toEqual(closed);
  });

  it('SP-13 one threshold holds for all queues, but for a queue with its own', async () => {
    await engine.policy({ autoCloseAfter: 'PT5H' }, { skillId: engine.sales });
    await begun('in sales', 'AGENT', engine.sales);
    await begun('in care', 'AGENT', engine.care);
    await begun('in none', 'AGENT');
    const since = now();
    await expectClosesAt('in sales', plus(since, 5 * HOUR));
    await expectClosesAt('in care', plus(since, 2 * DAY));
    expect(await engine.latest('in none')).toMatchObject({ ended_at: plus(since, 2 * DAY) });
  });

  it('SP-13 a queue may be left out, or be the only one', async () => {
    await engine.policy({ autoClose: false }, { skillId: engine.sales });
    await begun('left out', 'CONSUMER', engine.sales);
    await begun('not left out', 'CONSUMER', engine.care);
    await expectClosesAt('not left out', plus(now(), 2 * DAY));
    await engine.policy({ autoClose: false });
    await engine.policy({ autoClose: true }, { skillId: engine.sales });
    await begun('the only one', 'CONSUMER', engine.sales);
    await begun('any other', 'CONSUMER', engine.care);
    await expectClosesAt('the only one', plus(now(), 2 * DAY));
    await run(DAY);
    for (const address of ['left out', 'any other'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE' });
  });
});

describe('the credit', () => {
  it('SP-8 goes to whoever is assigned at the close, whoever answered or ends it', async () => {
    await begun('handed on');
    await engine.does('handed on', { kind: 'ASSIGN', agentId: engine.bob });
    await begun('by another');
    await engine.does('by another', { kind: 'END', by: 'SUPERVISOR', agentId: engine.bob });
    await expectClosesAt('handed on', plus(now(), 2 * DAY));
    expect(await engine.latest('handed on')).toMatchObject({ credited_agent_id: engine.bob });
    expect(await engine.latest('by another')).toMatchObject({ credited_agent_id: engine.ann });
  });

  it('SP-8 without an agent nobody gets it, also not who had it before', async () => {
    await engine.writes('never assigned');
    await begun('back in the queue');
    await engine.does('back in the queue', { kind: 'TO_QUEUE' });
    await expectClosesAt('never assigned', plus(now(), 2 * DAY));
    for (const address of ['never assigned', 'back in the queue'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ENDED', credited_agent_id: null });
  });

  it('SP-8 closed again by another it is the credit of that one', async () => {
    await begun('twice');
    await engine.does('twice', { kind: 'END', by: 'AGENT', agentId: engine.ann });
    await run(HOUR);
    await engine.writes('twice');
    await engine.does('twice', { kind: 'ASSIGN', agentId: engine.bob });
    expect(await engine.latest('twice')).toMatchObject({ credited_agent_id: null });
    await expectClosesAt('twice', plus(now(), 2 * DAY));
    expect(await engine.latest('twice')).toMatchObject({ credited_agent_id: engine.bob });
  });
});

describe('the notification of a closed case', () => {
  /** What a subscriber to everything is owed for a conversation. */
  const owed = async (address: string) => {
    const { id } = await engine.latest(address);
    const rows = await engine.db.sql`
      select payload->>'type' as type from outbox where account_id = ${engine.accountId} and conversation_id = ${id} order by id`;
    return rows.map(({ type }) => type).filter((type) => type !== 'conversation.started');
  };

  it('SP-11 leaves out what the timer closed, and tells of all else, in this profile', async () => {
    const events = ['conversation.started', 'conversation.ended', 'case_closed'];
    await changeRules(engine.deps, { accountId: engine.accountId, author: AUTHOR }, async (sql) => {
      const row = { account_id: engine.accountId, id: engine.deps.newId(), url: 'https://example.com' };
      await sql`insert into webhook_endpoint ${sql({ ...row, secret: 'whsec_x', events, created_at: now() })}`;
      return { kind: 'ENDPOINT', channelId: null, skillId: null, before: null, after: {} };
    });
    for (const by of ['AGENT', 'CUSTOMER', 'SUPERVISOR', 'BOT'] as const) {
      await begun(`told, ${by}`);
      await engine.does(`told, ${by}`, { kind: 'END', by });
      expect(await owed(`told, ${by}`)).toEqual(['conversation.ended', 'case_closed']);
    }
    await begun('told, opted out');
    await engine.does('told, opted out', { kind: 'INBOUND', text: ' stop ' });
    expect(await owed('told, opted out')).toEqual(['conversation.ended', 'case_closed']);
    await begun('told, timer');
    await expectClosesAt('told, timer', plus(now(), 2 * DAY));
    expect(await owed('told, timer')).toEqual(['conversation.ended']);
    await engine.writes('told, timer');
    await engine.does('told, timer', { kind: 'END', by: 'AGENT' });
    expect((await owed('told, timer')).at(-1)).toBe('case_closed');
  });

  it('SP-11 in a profile that tells of all ends, a timer’s is told as well', async () => {
    await engine.policy({ autoClose: null, autoCloseAfter: null });
    const { accountId, deps } = engine;
    const to = (profile: string) => setProfile(deps, accountId, { profile, expectedVersion: null }, AUTHOR);
    await to('SALESFORCE');
    await begun('told, salesforce');
    await engine.does('told, salesforce', { kind: 'INACTIVATE' });
    await run(DAY);
    expect(await engine.latest('told, salesforce')).toMatchObject({ end_reason: 'INACTIVE' });
    expect(await owed('told, salesforce')).toEqual(['conversation.ended', 'case_closed']);
    await to('SPROUT');
  });
});
