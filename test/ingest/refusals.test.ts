import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { ACTIONS, type Action } from '../../src/domain/conversation/activity.ts';
import type { Activity } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, type Engine, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let engine: Engine;
const NOBODY = '0190a0a0-0000-7000-8000-000000000000';
/** Another account on the same database, with one object of each kind. */
let foreign: { channelId: string; conversationId: string; agentId: string; skillId: string };
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  const { deps } = engine;
  const accountId = await createAccount(deps, { name: 'foreign' });
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const [agentId] = (await ensureAgents(deps, accountId, ['eve'])).values();
  const [skillId] = (await ensureSkills(deps, accountId, ['sales'])).values();
  const [begun] = await recordActivities(deps, accountId, [
    { target: { channelId, address: 'x' }, action: { kind: 'INBOUND' } },
  ]);
  foreign = {
    channelId,
    conversationId: begun?.conversationId as string,
    agentId: agentId as string,
    skillId: skillId as string,
  };
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
/** The number of rows of each table, to check that nothing was written. */
const rows = async () =>
  (
    await engine.db.sql`
      select (select count(*) from contact) as contacts, (select count(*) from conversation) as conversations,
        (select count(*) from event) as events, (select count(*) from lane) as lanes, (select sum(revision) from conversation) as revisions`
  )[0];
const to = (address: string) => ({ channelId: engine.channelId, address });

describe('a reference to something that does not exist', () => {
  it.each<[string, () => Activity, string]>([
    [
      'an unknown conversation',
      () => ({ target: { conversationId: NOBODY }, action: { kind: 'COMMENT' } }),
      'conversationId',
    ],
    [
      'an id that is none',
      () => ({ target: { conversationId: "x'; drop" }, action: { kind: 'COMMENT' } }),
      'conversationId',
    ],
    [
      "another account's conversation",
      () => ({ target: { conversationId: foreign.conversationId }, action: { kind: 'COMMENT' } }),
      'conversationId',
    ],
    [
      'an unknown channel',
      () => ({ target: { channelId: NOBODY, address: 'a' }, action: { kind: 'INBOUND' } }),
      'channelId',
    ],
    [
      'a channel id that is none',
      () => ({ target: { channelId: 'web', address: 'a' }, action: { kind: 'INBOUND' } }),
      'channelId',
    ],
    [
      "another account's channel",
      () => ({ target: { channelId: foreign.channelId, address: 'x' }, action: { kind: 'INBOUND' } }),
      'channelId',
    ],
    [
      'an unknown agent',
      () => ({ target: to('a'), action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: NOBODY } }),
      'agentId',
    ],
    [
      'an agent id that is none',
      () => ({ target: to('a'), action: { kind: 'ASSIGN', agentId: 'ann' } }),
      'agentId',
    ],
    [
      "another account's agent",
      () => ({ target: to('a'), action: { kind: 'START', by: 'AGENT', agentId: foreign.agentId } }),
      'agentId',
    ],
    [
      'an unknown skill',
      () => ({ target: to('a'), action: { kind: 'INBOUND', skillId: NOBODY } }),
      'skillId',
    ],
    [
      "another account's skill",
      () => ({ target: to('a'), action: { kind: 'SKILL', skillId: foreign.skillId } }),
      'skillId',
    ],
    ['a contact who never wrote', () => ({ target: to('a'), action: { kind: 'COMMENT' } }), 'address'],
  ])('(%s) is refused as not found, and writes nothing', async (_, activity, field) => {
    const before = await rows();
    const [result] = await engine.apply(activity());
    expect(result).toMatchObject({
      outcome: 'REFUSED',
      conversationId: null,
      error: { code: 'NOT_FOUND', field },
    });
    expect(await rows()).toEqual(before);
  });

  it('fails the whole call if it is the account', async () => {
    const activity = { target: to('a'), action: { kind: 'INBOUND' } } as const;
    await expect(recordActivities(engine.deps, NOBODY, [activity])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      field: 'accountId',
    });
  });

  it('leaves the conversation of the other account unchanged', async () => {
    await engine.writes('x');
    const [theirs] = await engine.db
      .sql`select revision from conversation where id = ${foreign.conversationId}`;
    expect(theirs?.revision).toBe(1);
    expect(await engine.conversations('x')).toHaveLength(1);
  });
});

describe('invalid input', () => {
  it('an activity 61 s ahead is refused; one 59 s ahead is recorded with the current time', async () => {
    const refused = await engine.writes('ahead', { at: inMs(61_000) });
    expect(refused).toMatchObject({ outcome: 'REFUSED', error: { code: 'INVALID_INPUT', field: 'at' } });
    expect(await engine.conversations('ahead')).toEqual([]);
    expect(await engine.writes('ahead', { at: inMs(59_000) })).toMatchObject({ outcome: 'APPLIED' });
    const now = engine.clock.now();
    const stamped = await engine.latest('ahead');
    expect(stamped).toMatchObject({ started_at: now, last_activity_at: now, newest_at: now });
    expect((await engine.feed(stamped.id))[0]).toMatchObject({ at: now, recorded_at: now });
  });

  it.each([
    ['no instant', new Date(Number.NaN)],
    ['one before 1970', new Date(-1)],
  ])('an activity at an invalid time (%s) is refused', async (_, instant) => {
    expect(await engine.writes('instant', { at: instant })).toMatchObject({ error: { field: 'at' } });
  });

  it('an empty address is refused', async () => {
    expect(await engine.writes('')).toMatchObject({ outcome: 'REFUSED', error: { field: 'address' } });
  });

  it('an empty call has no results', async () => expect(await engine.apply()).toEqual([]));

  it('a call of 1,001 activities is refused as a whole; one of 1,000 is accepted', async () => {
    const many = Array.from({ length: 1001 }, (_, index) => ({
      target: to(`many ${index}`),
      action: { kind: 'INBOUND' } as const,
    }));
    const before = await rows();
    await expect(engine.apply(...many)).rejects.toMatchObject({
      code: 'TOO_MANY',
      field: 'activities',
      max: 1000,
    });
    expect(await rows()).toEqual(before);
    const results = await engine.apply(...many.slice(1));
    expect(results).toHaveLength(1000);
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['APPLIED']));
    expect(engine.told.at(-1)?.conversationIds).toEqual(results.map(({ conversationId }) => conversationId));
  });
});

describe('on an ended conversation', () => {
  const command = (kind: Action['kind']): Action => {
    const all: Partial<Record<Action['kind'], Action>> = {
      OUTBOUND: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann },
      START: { kind: 'START', by: 'AGENT' },
      ASSIGN: { kind: 'ASSIGN', agentId: engine.ann },
      TAG: { kind: 'TAG', add: ['seen'], remove: [] },
      SKILL: { kind: 'SKILL', skillId: null },
      CASE_STATUS: { kind: 'CASE_STATUS', caseStatus: 'solved' },
      RECEIPT: { kind: 'RECEIPT', of: 'm', state: 'READ' },
      CLIENT: { kind: 'CLIENT', clientVersion: '2' },
      MANUAL_RESPONSE_TIME: { kind: 'MANUAL_RESPONSE_TIME', responseAt: null },
      HOLD: { kind: 'HOLD', until: null },
      END: { kind: 'END', by: 'AGENT' },
    };
    return all[kind] ?? ({ kind } as Action);
  };
  const refused = [
    'OUTBOUND',
    'START',
    'ASSIGN',
    'SKILL',
    'TO_QUEUE',
    'MANUAL_RESPONSE_TIME',
    'INACTIVATE',
    'HOLD',
    'RELEASE',
    'END',
  ];

  it.each(ACTIONS.filter((kind) => refused.includes(kind)))('%s by id is refused', async (kind) => {
    const { conversationId } = await engine.writes('ended');
    await engine.does('ended', { kind: 'END', by: 'AGENT' });
    const before = await rows();
    const target = { conversationId: conversationId as string };
    const [result] = await engine.apply({ target, action: command(kind) });
    expect(result).toMatchObject({
      outcome: 'REFUSED',
      error: { code: 'CONVERSATION_ENDED', conversationId },
    });
    expect(await rows()).toEqual(before);
  });

  it('every other activity is recorded', async () => {
    const { conversationId } = await engine.writes('noted');
    await engine.does('noted', { kind: 'END', by: 'AGENT' });
    const target = { conversationId: conversationId as string };
    for (const kind of ACTIONS.filter(
      (each) => !refused.includes(each) && each !== 'REOPEN' && each !== 'INBOUND',
    ))
      expect((await engine.apply({ target, action: command(kind) }))[0]).toMatchObject({
        outcome: 'APPLIED',
        conversationId,
      });
    expect(await engine.latest('noted')).toMatchObject({
      status: 'ENDED',
      tags: ['seen'],
      case_status: 'solved',
    });
  });
});

describe('a call of several activities', () => {
  it('applies the others when some are refused, with each result in its place', async () => {
    const results = await engine.apply(
      { target: to('call a'), action: { kind: 'INBOUND' } },
      { target: { conversationId: NOBODY }, action: { kind: 'COMMENT' } },
      { target: to('call a'), action: { kind: 'INACTIVATE' } },
      { target: to('call b'), action: { kind: 'COMMENT' } },
      { target: to('call a'), action: { kind: 'TAG', add: ['t'], remove: [] } },
      { target: to('call c'), action: { kind: 'OUTBOUND', sender: 'OWN' } },
      { target: to('call d'), action: { kind: 'INBOUND' }, at: inMs(2 * MINUTE) },
    );
    expect(results.map(({ outcome, error }) => error?.code ?? outcome)).toEqual([
      'APPLIED',
      'NOT_FOUND',
      'NOT_ALLOWED',
      'NOT_FOUND',
      'APPLIED',
      'IGNORED',
      'INVALID_INPUT',
    ]);
    expect(await engine.latest('call a')).toMatchObject({ status: 'WAITING', tags: ['t'], revision: 2 });
  });

  it('creates no contact for refused activities, although others are applied', async () => {
    const [{ count }] = (await engine.db.sql`
      select count(*)::int from contact where account_id = ${engine.accountId} and address in ('call b', 'call c', 'call d')`) as unknown as [
      { count: number },
    ];
    expect(count).toBe(0);
  });

  it('creates no contact if none is applied', async () => {
    const before = await rows();
    const results = await engine.apply(
      { target: to('nothing a'), action: { kind: 'COMMENT' } },
      { target: to('nothing b'), action: { kind: 'OUTBOUND', sender: 'OWN' } },
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['REFUSED', 'IGNORED']);
    expect(await rows()).toEqual(before);
  });

  it('applies those of one contact in the order of their times, and returns results in the order of the call', async () => {
    const results = await engine.apply(
      {
        target: to('order'),
        action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann },
        at: inMs(-1000),
      },
      { target: to('order'), action: { kind: 'INBOUND' }, at: inMs(-2000) },
      { target: to('order'), action: { kind: 'RELEASE' }, at: inMs(-3000) },
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['APPLIED', 'APPLIED', 'REFUSED']);
    expect(await engine.latest('order')).toMatchObject({
      status: 'ACTIVE',
      started_by: 'CUSTOMER',
      awaiting: 'CONSUMER',
    });
  });
});
