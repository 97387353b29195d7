import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConversations } from '../../src/db/rows/conversations-by-id.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { GUARDS, type GuardName } from '../../src/domain/time/timers.ts';
import { explain, instantsOf } from '../../src/insight/explain.ts';
import { readSteps } from '../../src/insight/feed.ts';
import { DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.drop());

let made = 0;
/** Creates a conversation that ann answered, and applies these actions to it, a minute apart. */
async function conversation(...actions: Action[]): Promise<string> {
  const address = `explained ${++made}`;
  await engine.writes(address);
  await engine.answers(address);
  for (const action of actions) {
    engine.clock.advance(MINUTE);
    await engine.does(address, action);
  }
  return (await engine.latest(address)).id;
}

async function explained(id: string) {
  const { accountId, db, deps } = engine;
  const [row] = await readConversations(db.sql, accountId, [id]);
  if (!row) throw new Error('no such conversation');
  const [account] = await db.sql`select rules_version from account where account_id = ${accountId}`;
  const rules = await deps.rules.at(accountId, Number(account?.rules_version));
  const asked = { conversationId: id, instants: instantsOf(row) };
  const [steps = []] = await readSteps(db.sql, accountId, [asked]);
  const { due, timers } = explain(rules, row, steps);
  const timer = (kind: string) => {
    const found = timers.find(({ timer }) => timer.kind === kind);
    if (!found) throw new Error(`no ${kind}`);
    return found;
  };
  return {
    row,
    due,
    timers,
    timer,
    failing: (kind: string) =>
      timer(kind)
        .guards.filter(({ passes }) => !passes)
        .map(({ name }) => name),
  };
}

describe('LL-1 the due time, and the timer that comes next', () => {
  it('is that of the first listed timer and of the conversation', async () => {
    await engine.policy({
      autoClose: true,
      autoCloseAfter: 'PT2H',
      remindBefore: ['PT10M'],
      inactivate: true,
    });
    const { row, due, timers } = await explained(await conversation());
    expect(due?.timer.kind).toBe('INACTIVATE');
    expect(due?.at).toEqual(new Date(row.lastActivityAt.getTime() + 30 * MINUTE));
    expect(
      timers.map(({ timer, dueAt }) => [timer.kind, dueAt && dueAt.getTime() - row.lastActivityAt.getTime()]),
    ).toEqual([
      ['INACTIVATE', 30 * MINUTE],
      ['REMIND', 110 * MINUTE],
      ['AUTO_CLOSE', 2 * HOUR],
      ['PROTECT', 90 * DAY],
      ['RELEASE_HOLD', null],
      ['END_INACTIVE', null],
      ['END_UNANSWERED', null],
      ['QUEUE_TIMEOUT', null],
    ]);
    await engine.policy({ remindBefore: [], inactivate: false });
  });

  it('names the layer of the policy that set it', async () => {
    const { version } = await engine.policy({ autoCloseAfter: 'PT1H' }, { skillId: engine.sales });
    const { timer } = await explained(await conversation({ kind: 'SKILL', skillId: engine.sales }));
    expect(timer('AUTO_CLOSE').timer.origin).toEqual({ scope: 'SKILL', version, clamped: false });
    expect(timer('PROTECT').timer.origin).toBeNull();
    expect(timer('END_UNANSWERED').timer.origin).toMatchObject({ scope: 'PROFILE' });
  });

  it('is null for an ended conversation', async () => {
    const { due, timers } = await explained(await conversation({ kind: 'END', by: 'AGENT' }));
    expect({ due, timers }).toEqual({ due: null, timers: [] });
  });
});

describe('LL-1 the activity that last restarted the clock', () => {
  it.each<[string, Action[], string, Record<string, unknown>]>([
    ['an answer', [], 'AUTO_CLOSE', { kind: 'OUTBOUND', revision: 2 }],
    [
      'the answer, and not a later comment',
      [{ kind: 'COMMENT' }],
      'AUTO_CLOSE',
      { kind: 'OUTBOUND', revision: 2 },
    ],
    [
      'a later answer',
      [{ kind: 'OUTBOUND', sender: 'AGENT' }],
      'AUTO_CLOSE',
      { kind: 'OUTBOUND', revision: 3 },
    ],
    [
      'the first answer, and not a later one, for the timer that counts from the first (SF-4)',
      [{ kind: 'OUTBOUND', sender: 'AGENT' }],
      'INACTIVATE',
      { kind: 'OUTBOUND', revision: 2 },
    ],
    [
      "the answer, and not a bot's message (PE-5)",
      [{ kind: 'OUTBOUND', sender: 'BOT' }],
      'AUTO_CLOSE',
      { revision: 2 },
    ],
    [
      'a change of case status, by the reset matrix (LL-10)',
      [{ kind: 'CASE_STATUS', caseStatus: 'open' }],
      'AUTO_CLOSE',
      { kind: 'CASE_STATUS', revision: 3 },
    ],
    [
      'the release of a hold',
      [{ kind: 'HOLD', until: null }, { kind: 'RELEASE' }],
      'AUTO_CLOSE',
      { kind: 'RELEASE', revision: 4 },
    ],
    [
      'the change of status',
      [{ kind: 'COMMENT' }, { kind: 'TO_QUEUE' }, { kind: 'COMMENT' }],
      'QUEUE_TIMEOUT',
      { kind: 'TO_QUEUE', revision: 4 },
    ],
    [
      'the hold, for its end',
      [{ kind: 'HOLD', until: new Date('2027-01-01T00:00:00Z') }, { kind: 'COMMENT' }],
      'RELEASE_HOLD',
      { kind: 'HOLD', revision: 3 },
    ],
  ])('is %s', async (_, actions, kind, movedBy) => {
    const { timer } = await explained(await conversation(...actions));
    expect(timer(kind).clockAt).not.toBeNull();
    expect(timer(kind).movedBy).toMatchObject(movedBy);
  });

  it('is the timer that restarted the clock', async () => {
    await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
    const id = await conversation();
    await engine.runUntil(new Date(engine.clock.now().getTime() + 11 * MINUTE));
    const { timer, row } = await explained(id);
    expect(row.status).toBe('INACTIVE');
    expect(timer('END_INACTIVE').movedBy).toMatchObject({ kind: 'TIMER', timer: 'INACTIVATE' });
    await engine.policy({ inactivate: false });
  });

  it('is null if the feed does not contain it', async () => {
    const id = await conversation();
    await engine.db.sql`delete from event where conversation_id = ${id}`;
    expect((await explained(id)).timer('AUTO_CLOSE').movedBy).toBeNull();
  });
});

describe('LL-1 every guard', () => {
  const seen = new Set<GuardName>();
  const failing = async (id: string, kind: string) => {
    const { timers, failing } = await explained(id);
    for (const each of timers) for (const { name } of each.guards) seen.add(name);
    return failing(kind);
  };

  it('passes if the timer runs', async () => {
    expect(await failing(await conversation(), 'AUTO_CLOSE')).toEqual([]);
  });

  it.each<[string, Action[], string, GuardName[]]>([
    ['the awaited side (LP-6)', [{ kind: 'INBOUND' }], 'AUTO_CLOSE', ['AWAITED_MATCHES']],
    ['the hold (PE-6)', [{ kind: 'HOLD', until: null }], 'AUTO_CLOSE', ['NOT_HELD']],
    ['no hold', [], 'RELEASE_HOLD', ['HELD', 'CLOCK_IS_SET']],
    ['the status', [], 'END_UNANSWERED', ['STATUS_MATCHES']],
    ['the switch (SP-2)', [], 'INACTIVATE', ['SWITCHED_ON']],
    ['no warning left (PE-2)', [], 'REMIND', ['REMINDER_IS_LEFT']],
    [
      'a promised answer (LP-7)',
      [{ kind: 'MANUAL_RESPONSE_TIME', responseAt: new Date('2026-12-01T00:00:00Z') }],
      'AUTO_CLOSE',
      ['NO_MANUAL_RESPONSE'],
    ],
  ])('shows the condition that keeps a timer from running: %s', async (_, actions, kind, guards) => {
    expect(await failing(await conversation(...actions), kind)).toEqual(guards);
  });

  it('shows an exempt tag (PE-7)', async () => {
    const { sql } = engine.db;
    await sql`update account set exempt_tags = array['vip'], rules_version = rules_version + 1`;
    const id = await conversation({ kind: 'TAG', add: ['vip'], remove: [] });
    expect(await failing(id, 'AUTO_CLOSE')).toEqual(['NOT_EXEMPT']);
    expect(await failing(id, 'PROTECT')).toEqual([]);
  });

  it('shows a case status (SP-4), and a clock from before the switch was on (SP-6)', async () => {
    const id = await conversation();
    await engine.policy({ autoCloseCaseStatuses: ['solved'] });
    expect(await failing(id, 'AUTO_CLOSE')).toEqual(['CASE_STATUS_MATCHES']);
    await engine.policy({ autoCloseCaseStatuses: null, autoClose: false });
    engine.clock.advance(MINUTE);
    await engine.policy({ autoClose: true });
    expect(await failing(id, 'AUTO_CLOSE')).toEqual(['SINCE_ENABLED']);
  });

  it('shows a full overflow (PE-10)', async () => {
    await engine.policy({ queueTimeout: true, queueTimeoutThen: 'OVERFLOW', overflowSkillId: engine.care });
    const id = await conversation({ kind: 'TO_QUEUE' }, { kind: 'SKILL', skillId: engine.care });
    expect(await failing(id, 'QUEUE_TIMEOUT')).toEqual(['CAN_OVERFLOW']);
    await engine.policy({ queueTimeout: false });
  });

  it('shows a pause (LL-15) and an outage without an end (LL-7)', async () => {
    const id = await conversation();
    const { accountId, db, deps, clock } = engine;
    const outage = { account_id: accountId, id: deps.newId(), since: clock.now(), until: null };
    await db.sql`insert into outage ${db.sql({ ...outage, kind: 'PAUSE', channel_id: null })}`;
    await db.sql`update account set rules_version = rules_version + 1`;
    expect(await failing(id, 'AUTO_CLOSE')).toEqual(['NOT_PAUSED', 'TIME_RUNS']);
    await db.sql`delete from outage`;
    await db.sql`update account set rules_version = rules_version + 1`;
  });

  it('shows that a conversation was set aside', async () => {
    const id = await conversation();
    await engine.db.sql`update conversation set lane_id = null where id = ${id}`;
    expect(await failing(id, 'AUTO_CLOSE')).toEqual(['NOT_SET_ASIDE']);
    expect((await explained(id)).due).toBeNull();
  });

  it('has a declared name, and every declared name occurs', () => {
    expect([...seen].sort()).toEqual([...GUARDS].sort());
  });
});
