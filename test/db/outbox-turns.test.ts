import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { insertOutbox } from '../../src/db/rows/outbox.ts';
import {
  claimOutbox,
  firstDue,
  type Places,
  START,
  walkDestinations,
} from '../../src/db/rows/outbox-claims.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { OutboxRow } from '../../src/domain/closing/owed-effects.ts';
import { at, type Engine, MINUTE, openEngine } from '../support/engine.ts';
import { partitionByAccount } from '../support/partitioned.ts';
import { onServer } from '../support/postgres.ts';

const HANG = 20_000;

describe.each([0, 4])('with the tables in %i partitions', (parts) => {
  let engine: Engine;
  let accounts: string[];
  let loud: string;
  beforeAll(async () => {
    engine = await openEngine(at('12:00'), {
      prepare: async (address) =>
        parts > 0 ? onServer(address, (sql) => partitionByAccount(sql, parts)) : undefined,
    });
    accounts = [];
    for (let each = 0; each < 30; each++)
      accounts.push(await createAccount(engine.deps, { name: `account ${each}` }));
    for (const accountId of accounts) await owe(accountId, engine.deps.newId(), 3);
    loud = engine.deps.newId();
    await owe(accounts[0] as string, loud, HANG);
    await engine.db.sql`analyze outbox`;
  });
  afterAll(() => engine.drop());

  /** Creates this many due messages on a channel, each due a millisecond after the one before. */
  async function owe(accountId: string, channelId: string, count: number, more: Partial<OutboxRow> = {}) {
    const { db, deps, clock } = engine;
    const rows = Array.from({ length: count }, () => ({
      ...{ id: deps.newId(), conversationId: deps.newId(), revision: 1, channelId },
      payload: { kind: 'PART', closing: clock.now().toISOString(), part: 'CLOSE_MESSAGE' } as const,
      ...more,
    }));
    await inTransaction(db.sql, (sql) => insertOutbox(sql, accountId, rows, clock.now()));
  }
  const walk = async (limit = 1_000) => {
    const { db, clock } = engine;
    return await walkDestinations(db.sql, START, { now: clock.now(), limit });
  };
  const claim = (places: Places[]) =>
    claimOutbox(engine.db.sql, places, { now: engine.clock.now(), leaseMs: MINUTE });

  it('the walk finds every destination once, also page by page', async () => {
    const all = await walk();
    expect(all).toHaveLength(31);
    expect(all.every(({ isDue }) => isDue)).toBe(true);
    const paged = [];
    for (let after = START; ; ) {
      const page = await walkDestinations(engine.db.sql, after, { now: engine.clock.now(), limit: 7 });
      paged.push(...page);
      if (page.length < 7) break;
      after = page.at(-1) as typeof START;
    }
    expect(paged).toEqual(all);
    expect(await firstDue(engine.db.sql)).toEqual(engine.clock.now());
  });

  it('the walk and a claim read few rows, however many effects one destination has', async () => {
    const read = async () => {
      const [row] = await engine.db.sql`
        select sum(seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables
        where relname ~ '^outbox(_[0-9]+)?$'`;
      return row?.rows as number;
    };
    const touched = await inTransaction(engine.db.sql, async (sql) => {
      const outer = engine.db.sql;
      Object.assign(engine.db, { sql });
      const before = await read();
      await walk();
      await claim([{ accountId: accounts[0] as string, destinationId: loud, places: 16 }]);
      const after = await read();
      Object.assign(engine.db, { sql: outer });
      return after - before;
    });
    // A partition with few rows may be read completely.
    expect(touched).toBeLessThan(HANG / 4);
  });

  it('as many effects are claimed as a destination has places, the longest due first, and none twice', async () => {
    const stops = await walk();
    const places = stops.map((stop) => ({ ...stop, places: 2 }));
    const [one, two] = await Promise.all([claim(places), claim(places)]);
    expect(new Set([...one, ...two].map(({ id }) => id)).size).toBe(one.length + two.length);
    for (const { destinationId } of stops)
      expect(one.filter((each) => each.destinationId === destinationId).length).toBeLessThanOrEqual(2);
  });

  it('behind an open circuit breaker only effects requested by hand are claimed, until a probe is let through', async () => {
    const { db, clock, deps } = engine;
    const [, accountId] = accounts as [string, string];
    const channelId = deps.newId();
    await owe(accountId, channelId, 5);
    const retryAt = new Date(clock.now().getTime() + MINUTE);
    await db.sql`
      insert into circuit_breaker (account_id, destination_id, kind, failures, why, opened_at, retry_at)
      values (${accountId}, ${channelId}, 'CHANNEL', 5, 'why', ${clock.now()}, ${retryAt})`;
    const isDue = async () => (await walk()).find((stop) => stop.destinationId === channelId)?.isDue;
    const places = [{ accountId, destinationId: channelId, places: 10 }];
    expect(await isDue()).toBe(false);
    expect(await claim(places)).toEqual([]);
    await owe(accountId, channelId, 1, { byHand: true });
    expect(await isDue()).toBe(true);
    expect(await claim(places)).toMatchObject([{ byHand: true, failures: 5, retryAt }]);
    clock.advance(MINUTE);
    expect(await isDue()).toBe(true);
    expect(await claim(places)).toHaveLength(6);
  });
});
