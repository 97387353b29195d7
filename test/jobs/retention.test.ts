import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { retain } from '../../src/jobs/retention.ts';
import { at, DAY, type Engine, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

const YEAR = Temporal.Duration.from({ days: 365 });

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
beforeEach(async () => {
  await engine.db.sql`delete from outbox`;
  await retain(engine.deps, Temporal.Duration.from('PT0S'));
});
afterAll(() => engine.drop());

async function ended(address: string): Promise<string> {
  const { conversationId } = await engine.writes(address);
  await engine.answers(address);
  await engine.does(address, { kind: 'END', by: 'AGENT', agentId: engine.ann });
  return conversationId as string;
}
/** Resolves once a connection waits for a lock of another. */
async function somebodyWaits() {
  for (;;) {
    const [row] = await engine.db.sql`
      select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock') as waits`;
    if (row?.waits) return;
  }
}
const feedOf = async (id: string) => (await engine.feed(id)).length;

describe('retention of conversations', () => {
  it('removes conversations that ended longer ago than `keepEnded`, with their feed, and no others', async () => {
    const old = await ended('old');
    engine.clock.advance(MINUTE);
    const young = await ended('young');
    engine.clock.advance(365 * DAY);
    expect(await retain(engine.deps, YEAR)).toEqual({
      effects: 0,
      answers: 0,
      deliveries: 0,
      conversations: 1,
    });
    expect([await feedOf(old), await feedOf(young)]).toEqual([0, 3]);
    expect(await engine.conversations('old')).toEqual([]);
    expect(await engine.conversations('young')).toMatchObject([{ id: young, status: 'ENDED' }]);
  });

  it('never removes an open conversation', async () => {
    const { conversationId } = await engine.writes('open');
    await engine.db.sql`update conversation set lane_id = null where id = ${conversationId as string}`;
    engine.clock.advance(1000 * DAY);
    expect(await retain(engine.deps, YEAR)).toMatchObject({ conversations: 0 });
    expect(await feedOf(conversationId as string)).toBe(1);
  });

  it('removes no conversation without `keepEnded`', async () => {
    const old = await ended('kept');
    engine.clock.advance(1000 * DAY);
    expect(await retain(engine.deps, null)).toEqual({
      effects: 0,
      answers: 0,
      deliveries: 0,
      conversations: 0,
    });
    expect(await feedOf(old)).toBe(3);
  });

  it('leaves a contact without conversations that starts a new one, with nothing to reopen', async () => {
    await ended('anew');
    engine.clock.advance(366 * DAY);
    await retain(engine.deps, YEAR);
    expect(await engine.writes('anew')).toMatchObject({ outcome: 'APPLIED' });
    expect(await engine.conversations('anew')).toMatchObject([
      { status: 'WAITING', previous_id: null, revision: 1 },
    ]);
  });

  it('keeps a newer conversation, and its link to the removed one', async () => {
    const old = await ended('newer');
    engine.clock.advance(366 * DAY);
    const { conversationId: next } = await engine.writes('newer');
    await retain(engine.deps, YEAR);
    expect(await engine.conversations('newer')).toMatchObject([
      { id: next, previous_id: old, status: 'WAITING' },
    ]);
    await engine.answers('newer');
    expect(await engine.latest('newer')).toMatchObject({ id: next, status: 'ACTIVE' });
  });

  it('keeps a conversation that is reopened at the same time', async () => {
    const id = await ended('reopened');
    engine.clock.advance(366 * DAY);
    const holding = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    const reopening = inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from contact where latest_conversation_id = ${id} for no key update`;
      await sql`update conversation set status = 'WAITING', ended_at = null where id = ${id}`;
      holding.resolve();
      await going.promise;
    });
    await holding.promise;
    const removed = retain(engine.deps, YEAR);
    await somebodyWaits();
    going.resolve();
    await reopening;
    expect(await removed).toMatchObject({ conversations: 0 });
    expect(await feedOf(id)).toBe(3);
    await engine.db.sql`update conversation set status = 'ENDED', ended_at = ${at('12:00')} where id = ${id}`;
  });

  it('removes more rows than a batch holds, of every account', async () => {
    const { deps } = engine;
    const other = await createAccount(deps, { name: 'other' });
    const channelId = await ensureChannel(deps, other, { name: 'web', adapter: 'web', settings: {} });
    for (const [accountId, on] of [
      [engine.accountId, engine.channelId],
      [other, channelId],
    ] as const)
      for (const prefix of ['first', 'second'])
        await recordActivities(
          deps,
          accountId,
          Array.from({ length: 600 }, (_, index) => ({
            target: { channelId: on, address: `${prefix} ${index}` },
            action: { kind: 'INBOUND' } as const,
          })),
        );
    await engine.db
      .sql`update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine.clock.now()} where status <> 'ENDED'`;
    engine.clock.advance(366 * DAY);
    const { conversations } = await retain(deps, YEAR);
    expect(conversations).toBeGreaterThanOrEqual(2400);
    const [left] = await engine.db
      .sql`select count(*)::int from event where conversation_id not in (select id from conversation)`;
    expect(left?.count).toBe(0);
  });
});

describe('retention of effects', () => {
  it('removes effects finished 30 days ago, and never a pending one', async () => {
    const conversationId = await ended('effects');
    const effect = async (state: string, doneAt: Date | null) => {
      const id = engine.deps.newId();
      const dueAt = at('12:00');
      await engine.db
        .sql`insert into outbox ${engine.db.sql({ account_id: engine.accountId, id, kind: 'SEND_WEBHOOK', conversation_id: conversationId, revision: 1, endpoint_id: null, channel_id: engine.channelId, payload: {}, state, attempts: 1, due_at: dueAt, created_at: dueAt, done_at: doneAt, error: null })}`;
      return id;
    };
    const done = engine.clock.now();
    for (const state of ['SENT', 'DEAD', 'DROPPED']) await effect(state, done);
    const owed = await effect('PENDING', null);
    const young = await effect('SENT', new Date(done.getTime() + 1));
    engine.clock.advance(30 * DAY + 1);
    expect(await retain(engine.deps, YEAR)).toEqual({
      effects: 3,
      answers: 0,
      deliveries: 0,
      conversations: 0,
    });
    const left = await engine.db.sql`select id from outbox order by id`;
    expect(left.map(({ id }) => id)).toEqual([owed, young]);
  });
});
