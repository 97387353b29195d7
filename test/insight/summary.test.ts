import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConversations } from '../../src/db/rows/conversations-by-id.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { explain, instantsOf } from '../../src/insight/explanation/explain.ts';
import { factOf } from '../../src/insight/explanation/guard-facts.ts';
import { summarise } from '../../src/insight/explanation/summary.ts';
import { readSteps } from '../../src/insight/feed.ts';
import { createCalendar } from '../../src/rules/calendars.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { setAccountCalendar, setExemptTags } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
afterAll(() => engine.drop());
const PLAIN = { autoClose: true, autoCloseAfter: 'PT2H', remindBefore: [], inactivate: false };
afterEach(async () => {
  await engine.db.sql`delete from outage`;
  await engine.db
    .sql`update account set calendar_id = null, exempt_tags = '{}', rules_version = rules_version + 1`;
  await engine.policy({ ...PLAIN, queueTimeout: false });
});

let made = 0;
/** Creates a conversation that ann answered, at 12:00 on 2 March 2026, and applies these actions to it, a minute apart. */
async function conversation(...actions: Action[]): Promise<string> {
  engine.clock.advance(at('12:00').getTime() - engine.clock.now().getTime());
  const address = `explained ${++made}`;
  await engine.writes(address);
  await engine.answers(address);
  for (const action of actions) {
    engine.clock.advance(MINUTE);
    await engine.does(address, action);
  }
  return (await engine.latest(address)).id;
}

/** Its explanation in a sentence, as it is read at an instant. */
async function said(id: string, now: Date = engine.clock.now()): Promise<string> {
  const { rules, conversation, explanation } = await explained(id);
  return summarise({ explanation, conversation, rules, now });
}
async function explained(id: string) {
  const { accountId, db, deps } = engine;
  const [row] = await readConversations(db.sql, accountId, [id]);
  if (!row) throw new Error('no such conversation');
  const rules = await deps.rules.newest(accountId);
  const [steps = []] = await readSteps(db.sql, accountId, [
    { conversationId: id, instants: instantsOf(row) },
  ]);
  return { rules, conversation: row, explanation: explain(rules, row, steps) };
}
/** Stops the time: an outage, a downtime or a pause of the account. */
async function stop(kind: 'OUTAGE' | 'DOWNTIME' | 'PAUSE', since: Date, until: Date | null): Promise<void> {
  const { accountId, db, deps } = engine;
  await db.sql`insert into outage ${db.sql({ account_id: accountId, id: deps.newId(), since, until, kind, channel_id: null })}`;
  await db.sql`update account set rules_version = rules_version + 1`;
}
let calendars = 0;
/** Gives the account open hours. */
async function open(timeZone: string, from: string, until: string, days = [1, 2, 3, 4, 5, 6, 7]) {
  const { accountId, deps } = engine;
  const call = { key: null, request: null };
  const hours = { timeZone, weekly: days.map((day) => ({ day, from, until })), holidays: [] };
  const name = `hours ${++calendars}`;
  const { id } = await createCalendar(deps, accountId, { name, hours, ifExists: 'ERROR' }, call);
  await setAccountCalendar(deps, { accountId, author: { changedBy: 'test', why: null }, call }, id);
}
const close = (text: string) => `Does not close by itself: ${text}. ${PROTECTED}`;
const PROTECTED =
  'Ends at 12:00 on 31 May (UTC): the system protection allows 90 days of silence, from 12:00 today.';

describe('LL-1 the sentence about a conversation that closes', () => {
  it('says when, and which silence counts', async () => {
    await engine.policy(PLAIN);
    const id = await conversation();
    expect(await said(id)).toBe('Closes at 14:00 (UTC): 2 hours of silence count from 12:00.');
    expect(await said(id, at('14:00:01'))).toBe(
      'Closes now, due since 14:00 (UTC): 2 hours of silence count from 12:00.',
    );
  });

  it('names the day if it is another one, the year if it is another one, and seconds if there are any', async () => {
    await engine.policy({ ...PLAIN, autoCloseAfter: 'P1DT5S' });
    const id = await conversation();
    expect(await said(id)).toBe(
      'Closes at 12:00:05 tomorrow (UTC): 1 day 5 seconds of silence count from 12:00 today.',
    );
    await engine.policy({ ...PLAIN, autoCloseAfter: 'P2D' });
    expect(await said(id)).toBe(
      'Closes at 12:00 on 4 March (UTC): 2 days of silence count from 12:00 today.',
    );
    expect(await said(id, new Date('2025-12-31T08:00:00Z'))).toBe(
      'Closes at 12:00 on 4 March 2026 (UTC): 2 days of silence count from 12:00 on 2 March 2026.',
    );
  });

  it('PE-8 names closed hours, in the time zone of the calendar', async () => {
    await engine.policy({ ...PLAIN, autoCloseAfter: 'PT5M' });
    await open('Europe/Berlin', '08:00', '13:00');
    // 12:00 UTC is 13:00 in Berlin.
    expect(await said(await conversation())).toBe(
      'Closes at 08:05 tomorrow (Europe/Berlin): 5 minutes of silence count from 13:00, and the calendar is closed from 13:00 to 08:00.',
    );
  });

  it('PE-8 counts closed hours that are many, and names the last', async () => {
    await engine.policy({ ...PLAIN, autoCloseAfter: 'PT12H' });
    await open('UTC', '09:00', '13:00');
    expect(await said(await conversation())).toBe(
      'Closes at 12:00 on 5 March (UTC): 12 hours of silence count from 12:00 today, and the calendar is closed 3 times in between, the last time from 13:00 to 09:00.',
    );
  });

  it('LL-7 names outages, downtimes and pauses that are over', async () => {
    await engine.policy(PLAIN);
    const id = await conversation();
    await stop('OUTAGE', at('12:10'), at('12:20'));
    await stop('DOWNTIME', at('12:30'), at('12:35'));
    await stop('PAUSE', at('12:40'), at('12:45'));
    expect(await said(id, at('13:00'))).toBe(
      'Closes at 14:20 (UTC): 2 hours of silence count from 12:00, an outage from 12:10 to 12:20 does not count, a downtime of Lull from 12:30 to 12:35 does not count, and a pause from 12:40 to 12:45 does not count.',
    );
  });

  it('PE-2 names the reminder that comes next, and the close after it', async () => {
    await engine.policy({ ...PLAIN, remindBefore: ['PT10M'] });
    expect(await said(await conversation())).toBe(
      'A reminder is sent at 13:50 (UTC), and it closes at 14:00: 2 hours of silence count from 12:00.',
    );
  });

  it('SF-5 SF-8 says when it becomes inactive, and when it ends as inactive', async () => {
    await engine.policy({ ...PLAIN, inactivate: true, inactivateAfter: 'PT10M' });
    const id = await conversation();
    expect(await said(id)).toBe(
      'Becomes inactive at 12:10 (UTC): the customer has 10 minutes to answer, from 12:00.',
    );
  });

  it('PE-10 says when it leaves the queue', async () => {
    await engine.policy({ ...PLAIN, queueTimeout: true, queueTimeoutAfter: 'PT1H' });
    expect(await said(await conversation({ kind: 'TO_QUEUE' }))).toBe(
      'Ends at 13:01 (UTC): 1 hour in the queue count from 12:01.',
    );
  });

  it('PE-6 says until when it is on hold', async () => {
    expect(await said(await conversation({ kind: 'HOLD', until: at('15:00') }))).toBe(
      'The hold ends at 15:00 (UTC): no other timer of its policy acts until then, and its clocks restart.',
    );
  });
});

describe('LL-1 the sentence about a conversation that does not close by itself', () => {
  it('LP-6 says that the agent is awaited', async () => {
    expect(await said(await conversation({ kind: 'INBOUND' }))).toBe(
      close('the agent is expected to write next, and only silence of the customer counts').replaceAll(
        '12:00',
        '12:01',
      ),
    );
  });

  it('PE-6 says that it is on hold', async () => {
    expect(await said(await conversation({ kind: 'HOLD', until: null }))).toBe(
      close('it is on hold until it is released or the customer writes'),
    );
  });

  it('PE-7 names the exempt tag', async () => {
    const { accountId, deps } = engine;
    const request = {
      accountId,
      author: { changedBy: 'test', why: null },
      call: { key: null, request: null },
    };
    await setExemptTags(deps, request as never, ['vip', 'legal'] as never);
    expect(await said(await conversation({ kind: 'TAG', add: ['vip'], remove: [] }))).toBe(
      close('the tag vip exempts it'),
    );
    expect(await said(await conversation({ kind: 'TAG', add: ['vip', 'legal'], remove: [] }))).toBe(
      close('the tags vip and legal exempt it'),
    );
  });

  it('LL-15 says since when automatic ends are paused', async () => {
    const id = await conversation();
    await stop('PAUSE', at('12:30'), null);
    expect(await said(id, at('13:00'))).toBe(
      'Does not close by itself: automatic ends are paused since 12:30.',
    );
  });

  it('LL-7 says since when an outage stops the time', async () => {
    const id = await conversation();
    await stop('OUTAGE', at('12:30'), null);
    expect(await said(id, at('13:00'))).toBe(
      'Does not close by itself: an outage since 12:30 has no end yet.',
    );
  });

  it('LL-1 says that Lull set it aside', async () => {
    const id = await conversation();
    await engine.db.sql`update conversation set lane_id = null where id = ${id}`;
    expect(await said(id)).toBe(
      'Does not close by itself: Lull set it aside because it could not write it, and its next activity restarts the timers.',
    );
  });

  it('LP-7 says that an agent promised an answer', async () => {
    const promised = { kind: 'MANUAL_RESPONSE_TIME', responseAt: at('18:00') } as const;
    expect(await said(await conversation(promised))).toContain(': an agent promised an answer by 18:00.');
  });

  it('combines the reasons if there are several', async () => {
    const id = await conversation({ kind: 'INBOUND' }, { kind: 'HOLD', until: null });
    expect(await said(id)).toContain(
      'by itself: it is on hold until it is released or the customer writes, and the agent is expected to write next, and only silence of the customer counts.',
    );
  });

  it('says when and by whom it was ended', async () => {
    const id = await conversation({ kind: 'END', by: 'AGENT' });
    expect(await said(id)).toBe('Ended at 12:01 (UTC): an agent ended it.');
    await engine.policy(PLAIN);
    const other = await conversation();
    await engine.runUntil(new Date(at('12:00').getTime() + 2 * HOUR));
    expect(await said(other, new Date('2026-03-03T08:00:00Z'))).toBe(
      'Ended at 14:00 yesterday (UTC): it was silent for as long as its policy allows.',
    );
  });
});

it('LL-1 guards are facts the right way round', async () => {
  const facts = async (...actions: Action[]) => {
    const { explanation } = await explained(await conversation(...actions));
    const close = explanation.timers.find(({ timer }) => timer.kind === 'AUTO_CLOSE');
    return close?.guards.map(factOf);
  };
  expect(await facts()).toEqual(
    expect.arrayContaining(['held: no', 'exempt tag: no', 'paused: no', 'switched on: yes', 'set aside: no']),
  );
  expect(await facts({ kind: 'HOLD', until: null })).toContain('held: yes');
});

// The last test: conversations from before the switch was on never close.
it('SP-2 SP-4 SP-6 the sentence says what the policy leaves out, and since when it closes', async () => {
  const open = await conversation({ kind: 'CASE_STATUS', caseStatus: 'open' });
  await engine.policy({ autoCloseCaseStatuses: ['solved'] });
  expect(await said(open)).toContain(': its policy does not close the case status open.');
  await engine.policy({ autoCloseCaseStatuses: null });
  const id = await conversation();
  await engine.policy({ autoClose: false });
  expect(await said(id)).toBe(close('its policy has no automatic close'));
  engine.clock.advance(MINUTE);
  await engine.policy({ autoClose: true });
  expect(await said(id)).toBe(close('its clock is from before the automatic close was switched on at 12:01'));
});
