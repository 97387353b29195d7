import type { Sql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readConversations } from '../../src/db/rows/conversations-by-id.ts';
import type { Activity } from '../../src/engine.ts';
import { explain, instantsOf } from '../../src/insight/explain.ts';
import { readFeed, readSteps } from '../../src/insight/feed.ts';
import { listOpen } from '../../src/insight/lists/conversation-list.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { partitionByAccount } from '../support/partitioned.ts';
import { onServer } from '../support/postgres.ts';

const PARTS = 8;
let engine: Engine;
let tables: string[] = [];
beforeAll(async () => {
  engine = await openEngine(at('12:00'), {
    prepare: async (address) => {
      tables = await onServer(address, (sql) => partitionByAccount(sql, PARTS));
      // The counts of a connection are visible once it has ended.
      await onServer(address, async (sql) => {
        await aloneIn(sql);
        await sql`select pg_stat_reset()`;
      });
    },
  });
  await engine.policy({ autoCloseAfter: 'PT2H', remindBefore: ['PT1H'] });
});
afterAll(() => engine.drop());

async function aloneIn(sql: Sql): Promise<void> {
  await vi.waitFor(
    async () => {
      const others = await sql`
      select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;
      expect(others.length).toBe(0);
    },
    { timeout: 60_000, interval: 20 },
  );
}

/** Activities of many customers at once, as one call. */
const manyWrite = (count: number): Activity[] =>
  Array.from({ length: count }, (_, index) => ({
    target: { channelId: engine.channelId, address: `many ${index}` },
    action: { kind: 'INBOUND' },
    messageId: `many ${index}`,
  }));

async function rulesInForce() {
  const [row] = await engine.db.sql`select rules_version from account where account_id = ${engine.accountId}`;
  return engine.deps.rules.at(engine.accountId, Number(row?.rules_version));
}

describe('with every table partitioned by account', () => {
  it('each table has partitions, and all its constraints and indexes', async () => {
    const { sql } = engine.db;
    const [plain] = await sql`select count(*)::int as count from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and not relispartition`;
    expect(plain?.count).toBe(2);
    const [divided] = await sql`select count(*)::int as count from pg_class where relkind = 'p'`;
    expect(divided?.count).toBe(tables.length);
    const indexes = await sql`select relname from pg_class where relkind = 'I' and relname in
      ('conversation_open_contact', 'conversation_last_activity', 'event_message', 'event_feed', 'lane_facts', 'lane_wake', 'outbox_turn')`;
    expect(indexes).toHaveLength(7);
  });

  it('conversations start, continue and reach subscribers once, and the index refuses a second open one of a contact', async () => {
    expect((await engine.apply(...manyWrite(500))).map(({ outcome }) => outcome)).toEqual(
      Array(500).fill('APPLIED'),
    );
    expect((await engine.apply(...manyWrite(2))).map(({ outcome }) => outcome)).toEqual([
      'DUPLICATE',
      'DUPLICATE',
    ]);
    await engine.writes('ada');
    await engine.answers('ada');
    await engine.does('ada', { kind: 'TAG', add: ['vip'], remove: [] });
    expect(await engine.latest('ada')).toMatchObject({ status: 'ACTIVE', awaiting: 'CONSUMER', revision: 3 });
    await expect(
      engine.db
        .sql`insert into conversation select (jsonb_populate_record(conversation, jsonb_build_object('id', gen_random_uuid()))).*
        from conversation where account_id = ${engine.accountId} and id = ${(await engine.latest('ada')).id}`,
    ).rejects.toMatchObject({ code: '23505' });
  });

  it('a late activity takes its place, a list and an explanation are read, and the feed is ordered', async () => {
    const { sql } = engine.db;
    await engine.writes('ada', { at: new Date(engine.clock.now().getTime() - MINUTE) });
    const { id, contact_id } = await engine.latest('ada');
    expect(await engine.latest('ada')).toMatchObject({ revision: 4, awaiting: 'CONSUMER' });
    const rules = await rulesInForce();
    const [listed] = await listOpen(sql, rules, engine.clock.now(), {
      ...{
        by: 'DUE',
        direction: 'ASC',
        filter: {},
        dueBefore: null,
        after: null,
        backwards: false,
        limit: 20,
      },
    });
    expect(listed?.conversation.contactId).toBe(contact_id);
    const [row] = await readConversations(sql, engine.accountId, [id]);
    if (!row) throw new Error('it was not found');
    const [steps = []] = await readSteps(sql, engine.accountId, [
      { conversationId: id, instants: instantsOf(row) },
    ]);
    expect(explain(rules, row, steps).due?.at).toEqual(new Date(at('12:00').getTime() + HOUR));
    const feed = await vi.waitFor(
      async () => {
        const read = await readFeed(sql, engine.accountId, null as never, 1_000);
        expect(read.length).toBe(504);
        return read;
      },
      { timeout: 60_000, interval: 20 },
    );
    expect(feed.filter(({ conversationId }) => conversationId === id)).toHaveLength(4);
  });

  it('timers act when they are due, also on many at once, and a reply sent earlier revokes a close', async () => {
    await engine.runUntil(new Date(at('12:00').getTime() + HOUR));
    expect(await engine.latest('ada')).toMatchObject({ status: 'ACTIVE', stage: 1 });
    await engine.runUntil(new Date(at('12:00').getTime() + 2 * HOUR));
    expect(await engine.latest('ada')).toMatchObject({
      status: 'ENDED',
      end_reason: 'AUTO_CLOSE',
      lateness_ms: '0',
    });
    await engine.writes('ada', { at: new Date(at('12:00').getTime() + 90 * MINUTE) });
    expect(await engine.latest('ada')).toMatchObject({
      status: 'ACTIVE',
      awaiting: 'AGENT',
      end_reason: null,
    });
    await engine.policy({ autoCloseAwaiting: 'ANYBODY' });
    await engine.runUntil(new Date(at('12:00').getTime() + DAY));
    const [open] = await engine.db.sql`select count(*) from conversation
      where account_id = ${engine.accountId} and status <> 'ENDED'`;
    expect(open?.count).toBe('0');
  });

  it('no statement has read a partition of another account', async () => {
    const [part] = await engine.db
      .sql`select tableoid::regclass::text as name from account where account_id = ${engine.accountId}`;
    const own = String(part?.name).replace(/^account/, '');
    await engine.db.close();
    const scans = await onServer(engine.address, async (sql) => {
      await aloneIn(sql);
      return await sql<{ name: string; count: string }[]>`
        select relname as name, seq_scan + coalesce(idx_scan, 0) as count from pg_stat_user_tables
        where relname ~ '^(contact|conversation|event|lane)_[0-9]+$'`;
    });
    expect(scans).toHaveLength(4 * PARTS);
    const isOwn = ({ name }: { name: string }) => name.endsWith(own);
    expect(scans.filter((each) => isOwn(each) && each.count !== '0')).toHaveLength(4);
    expect(scans.filter((each) => !isOwn(each) && each.count !== '0')).toEqual([]);
  });
});
