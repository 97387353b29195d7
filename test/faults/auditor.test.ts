import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { urlOf } from '../support/live.ts';
import { type Audit, audit, type Seen } from './auditor.ts';
import { INVARIANTS } from './invariants.ts';

let engine: Engine;
/** Conversations by their state. */
let open: string;
let closed: string;
let ended: string;
let returned: string;
let endpoint: string;
let seen: Seen;

beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  const { db, deps, accountId, channelId } = engine;
  endpoint = deps.newId();
  await db.sql`insert into webhook_endpoint ${db.sql({
    ...{ account_id: accountId, id: endpoint, url: 'https://desk.example/', secret: 'x' },
    ...{ events: ['conversation.ended'], created_at: at('11:00') },
  })}`;
  await engine.policy({ autoCloseAfter: 'PT1H' });
  for (const address of ['closed', 'returned', 'ended']) {
    await engine.writes(address, { messageId: `from ${address}` });
    await engine.answers(address);
  }
  await engine.does('ended', { kind: 'END', by: 'AGENT', agentId: engine.ann });
  await engine.runUntil(at('13:00'));
  await engine.writes('returned', { at: at('12:59') });
  await engine.writes('open');
  await engine.answers('open');
  await engine.wakeAll();
  await db.sql`update outbox set state = 'SENT', attempts = 1, done_at = ${engine.clock.now()}`;
  const idOf = async (address: string) => (await engine.latest(address)).id;
  [open, closed, ended, returned] = (await Promise.all(
    ['open', 'closed', 'ended', 'returned'].map(idOf),
  )) as [string, string, string, string];
  const owed = await db.sql<{ id: string }[]>`select id from outbox`;
  seen = {
    acknowledged: [{ channel_id: channelId, message_id: 'from ended' }],
    taken: owed.map(({ id }) => ({ outbox_id: id, times: 1 })),
    shown: [],
  };
});
afterAll(() => engine.drop());

class RollbackError extends Error {}

/** The names of the invariants that are violated in a corrupted copy, each with the ids it reports. */
async function found(
  corrupt: (sql: TransactionSql) => PromiseLike<unknown>,
  more: Audit = {},
): Promise<Record<string, string[]>> {
  const names: Record<string, string[]> = {};
  const copy = inTransaction(engine.db.sql, async (sql) => {
    await corrupt(sql);
    for (const { invariant, id } of await audit(sql, { now: engine.clock.now(), seen, ...more }))
      names[invariant] = [...(names[invariant] ?? []), id];
    throw new RollbackError();
  });
  await expect(copy).rejects.toThrow(RollbackError);
  return names;
}

const nothing = () => Promise.resolve();
/** A message of the closed conversation, sent at one instant, and its end seen at another. */
const sentAndSeen = (sent: string, seenAt: string): Seen => ({
  ...seen,
  acknowledged: [
    ...(seen.acknowledged ?? []),
    { channel_id: engine.channelId, message_id: 'from closed', at: at(sent).toISOString() },
  ],
  ends: [{ conversation_id: closed, revision: 3, seen_at: at(seenAt).toISOString() }],
});
const later = (ms: number): Audit => ({ now: new Date(engine.clock.now().getTime() + ms) });

describe('the auditor', () => {
  it('finds nothing in a correct database with conversations in each state', async () => {
    expect(await found(nothing)).toEqual({});
    const states = await Promise.all(['open', 'closed', 'ended', 'returned'].map(engine.latest));
    expect(states.map(({ status, end_reason }) => [status, end_reason])).toEqual([
      ['ACTIVE', null],
      ['ENDED', 'AUTO_CLOSE'],
      ['ENDED', 'COMMAND'],
      ['ACTIVE', null],
    ]);
    expect((await engine.feed(returned)).map(({ effect }) => effect)).toContain('REVOKED');
    expect(await engine.db.sql`select 1 from outbox where endpoint_id = ${endpoint}`).toHaveLength(3);
  });

  const CASES: [string, (sql: TransactionSql) => PromiseLike<unknown>, () => string[], (() => Audit)?][] = [
    [
      'no timer acts before it is due',
      (sql) => sql`update event set data = '{"due": "2026-03-02T13:00:00.001Z"}'
        where conversation_id = ${closed} and kind = 'TIMER'`,
      () => [closed],
    ],
    [
      'no timer acts by a clock that is ahead',
      async (sql) => {
        const ahead = at('13:00:00.001');
        await sql`update event set at = ${ahead} where conversation_id = ${closed} and kind = 'TIMER'`;
        await sql`update conversation set ended_at = ${ahead} where id = ${closed}`;
      },
      () => [closed],
    ],
    [
      'no conversation closes sooner after its last message than the threshold in force',
      (sql) =>
        sql`update event set at = at + interval '1 ms' where conversation_id = ${closed} and kind = 'OUTBOUND'`,
      () => [closed],
    ],
    [
      'no customer sees a close sooner after a message was sent than the threshold in force',
      nothing,
      () => [closed],
      () => ({ seen: sentAndSeen('12:00:01', '13:00:00.5') }),
    ],
    [
      'no end has a timestamp later than the moment it was seen',
      nothing,
      () => [ended],
      () => ({
        seen: {
          ...seen,
          ends: [{ conversation_id: ended, revision: 3, seen_at: at('11:59:59').toISOString() }],
        },
      }),
    ],
    [
      'no conversation that is due stays open',
      (sql) => sql`update lane set wake_at = ${at('14:00:16')}`,
      () => [open],
      () => later(HOUR + 16_000),
    ],
    [
      "every lane's alarm is before the due time of its conversations",
      (sql) =>
        sql`update lane set wake_at = null where id = (select lane_id from conversation where id = ${open})`,
      () => [open],
    ],
    [
      'no conversation is ended twice, and nothing happens in it after its end',
      (sql) => sql`update event set effect = 'STARTED' where conversation_id = ${open} and revision = 2`,
      () => [open],
    ],
    [
      'each end has one event',
      (sql) => sql`update conversation set ended_at = ended_at + interval '1 ms' where id = ${ended}`,
      () => [ended],
    ],
    [
      'the events of a conversation are numbered without a gap',
      (sql) => sql`delete from event where conversation_id = ${open} and revision = 1`,
      () => [open],
    ],
    [
      "a conversation's row agrees with its newest event",
      (sql) => sql`update event set status = 'WAITING' where conversation_id = ${open} and revision = 2`,
      () => [open],
    ],
    [
      'every acknowledged message is in the feed once',
      (sql) =>
        sql`update event set message_id = 'another' where conversation_id = ${ended} and kind = 'INBOUND'`,
      () => ['from ended'],
    ],
    [
      'a conversation is in the lane of its facts',
      (sql) => sql`update conversation set stage = 2 where id = ${open}`,
      () => [open],
    ],
    [
      'an open conversation is in a lane or set aside, an ended one in none',
      (sql) => sql`update conversation set lane_id = null where id = ${open}`,
      () => [open],
    ],
    [
      'a contact has at most one open conversation',
      async (sql) => {
        await sql`drop index conversation_open_contact`;
        const [row] =
          await sql`update conversation set contact_id = (select contact_id from conversation where id = ${returned})
          where id = ${open} returning contact_id`;
        contact = row?.contact_id;
      },
      () => [contact],
    ],
    [
      'each subscriber has one effect for an event',
      (sql) => sql`update outbox set endpoint_id = ${engine.deps.newId()} where conversation_id = ${closed}`,
      () => [closed],
    ],
    [
      'no effect stays in the outbox without being sent',
      (sql) => sql`update outbox set state = 'PENDING' where id = ${seen.taken?.[0]?.outbox_id as string}`,
      () => [seen.taken?.[0]?.outbox_id as string],
      () => later(HOUR / 2),
    ],
    [
      'every effect marked as sent was received, and nothing else was',
      (sql) => sql`select 1`,
      () => [seen.taken?.[0]?.outbox_id as string],
      () => ({ ...later(6_000), seen: { ...seen, taken: seen.taken?.slice(1) ?? [] } }),
    ],
    [
      'a channel that delivers repeated messages gets each message once',
      (sql) => sql`update outbox set kind = 'DELIVER_MESSAGE', payload = '{"part": "CLOSE_MESSAGE"}'
        where conversation_id = ${closed}`,
      () => ['closed'],
      () => ({ seen: { ...seen, shown: [{ channel_id: engine.channelId, address: 'closed', times: 2 }] } }),
    ],
  ];
  let contact: string;

  it.each(CASES)('reports a violation of: %s', async (name, corrupt, ids, more) => {
    expect(await found(corrupt, more?.())).toEqual({ [name]: ids() });
  });

  it('accepts messages that wait for an open circuit breaker, unless its next attempt is overdue', async () => {
    const owed = seen.taken?.[0]?.outbox_id as string;
    const waiting = (retryAt: Date, destination: string) => (sql: TransactionSql) =>
      sql`with breaker as (insert into circuit_breaker (account_id, destination_id, kind, failures, why, retry_at)
        values (${engine.accountId}, ${destination}, 'ENDPOINT', 10, 'down', ${retryAt})
      ) update outbox set state = 'PENDING' where id = ${owed}`;
    const [when, lies] = [later(HOUR / 2), { 'no effect stays in the outbox without being sent': [owed] }];
    expect(await found(waiting(when.now as Date, endpoint), when)).toEqual({});
    expect(await found(waiting(at('13:00'), endpoint), when)).toEqual(lies);
    expect(await found(waiting(when.now as Date, engine.channelId), when)).toEqual(lies);
  });

  it('has a test case for each invariant', () => {
    expect(CASES.map(([name]) => name)).toEqual(INVARIANTS.map(({ name }) => name));
  });

  it('finds nothing if ends were seen one threshold after the last message, at the recorded time', async () => {
    expect(await found(nothing, { seen: sentAndSeen('12:00', '13:00') })).toEqual({});
  });

  it('reports an end without an event and an event without an end', async () => {
    const lost = await found(
      (sql) => sql`update event set effect = null where conversation_id = ${ended} and effect = 'ENDED'`,
    );
    expect(lost['each end has one event']).toEqual([ended]);
    const stray = await found(
      (sql) => sql`update event set effect = 'ENDED' where conversation_id = ${open} and revision = 2`,
    );
    expect(stray['each end has one event']).toEqual([open]);
  });

  it('reports an effect that is owed twice and one that was received but never owed', async () => {
    const twice = await found(
      (sql) => sql`insert into outbox
        select (jsonb_populate_record(outbox, jsonb_build_object('id', ${engine.deps.newId()}::text, 'state', 'DROPPED'))).*
        from outbox where conversation_id = ${closed}`,
    );
    expect(twice).toEqual({ 'each subscriber has one effect for an event': [closed] });
    const stray = engine.deps.newId();
    const more = { seen: { ...seen, taken: [...(seen.taken ?? []), { outbox_id: stray, times: 1 }] } };
    expect(await found(nothing, more)).toEqual({
      'every effect marked as sent was received, and nothing else was': [stray],
    });
  });

  it('reports a lane whose alarm is overdue, and a conversation that is due by a lowered threshold', async () => {
    const [lane] = await engine.db.sql`select lane_id as id from conversation where id = ${open}`;
    const overdue = await found(
      (sql) => sql`update lane set wake_at = ${at('12:40')} where id = ${lane?.id}`,
    );
    expect(overdue).toEqual({ "every lane's alarm is before the due time of its conversations": [lane?.id] });
    const lowered = await found(
      (sql) => sql`update policy_layer set fields = '{"autoCloseAfter": "PT20M"}'`,
      later(21 * MINUTE),
    );
    expect(lowered['no conversation that is due stays open']).toEqual([open]);
  });

  it('runs as a program whose exit code tells whether there are violations', async () => {
    const run = () =>
      spawnSync(process.execPath, [join(import.meta.dirname, 'auditor.ts'), urlOf(engine.address)], {
        encoding: 'utf8',
      });
    // The fake clock is in the past, so by the database's time the open conversation is long overdue.
    const { status, stdout } = run();
    expect(status).toBe(1);
    expect(stdout).toContain(
      `no conversation that is due stays open: ${open}: due at 2026-03-02 14:00:00+00 and open`,
    );
    await engine.jumpTo(at('15:00'));
    await engine.db.sql`update outbox set state = 'SENT'`;
    await engine.db.sql`update lane set wake_at = null`;
    expect(run()).toMatchObject({ status: 0, stdout: `${INVARIANTS.length} invariants, 0 violations\n` });
  });
});
