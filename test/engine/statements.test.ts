import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount, ensureAgents } from '../../src/accounts/setup.ts';
import type { Database } from '../../src/db/client.ts';
import type { Activity, ServiceDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, depsWith, type Engine, HOUR, openEngine, step } from '../support/engine.ts';
import { ensureChannel, setPolicy } from '../support/flows.ts';
import { type Listened, listenedTo } from '../support/listened.ts';

let engine: Engine;
let listened: Listened;
let deps: ServiceDeps;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  listened = listenedTo(engine);
  const db: Database = { ...engine.db, sql: listened.sql };
  deps = depsWith(engine, { db }, { scheduleAccount: () => step(() => {}) });
});
afterAll(async () => {
  await listened.close();
  await engine.drop();
});

/** The statements that `run` sends to the database. */
async function sent(run: () => Promise<unknown>): Promise<string[]> {
  listened.forget();
  await run();
  return listened.sent.map(({ text }) => text);
}

/** The number of rows that `run` writes to each table on this one connection. */
async function written(run: () => Promise<unknown>): Promise<Record<string, number>> {
  const counts = async () => {
    await listened.sql`select pg_stat_force_next_flush()`;
    const rows =
      await listened.sql`select relname, n_tup_ins + n_tup_upd + n_tup_del as count from pg_stat_user_tables`;
    return new Map(rows.map((row) => [row.relname as string, Number(row.count)]));
  };
  const before = await counts();
  await run();
  const after = await counts();
  return Object.fromEntries(
    [...after]
      .map(([table, count]) => [table, count - (before.get(table) ?? 0)] as const)
      .filter(([, count]) => count > 0)
      // Rows of a partitioned table are counted in its partitions.
      .map(([table, count]) => [table.replace(/_\d+$/, ''), count]),
  );
}

describe('one call', () => {
  const inbound = (channelId: string, prefix: string, count: number): Activity[] =>
    Array.from({ length: count }, (_, index) => ({
      target: { channelId, address: `${prefix} ${index}` },
      action: { kind: 'INBOUND' },
      messageId: `${prefix} ${engine.clock.now().getTime()} ${index}`,
    }));
  const outbound = (channelId: string, prefix: string, count: number): Activity[] =>
    inbound(channelId, prefix, count).map((activity) => ({
      ...activity,
      action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann },
      messageId: `${activity.messageId} answer`,
    }));
  /** The total number of statements for this many activities when the lanes are known. */
  const counted = async (
    make: (channelId: string, prefix: string, count: number) => Activity[],
    prefix: string,
  ) => {
    const counts: Record<number, number> = {};
    for (const count of [1, 10, 500]) {
      const all = make(engine.channelId, `${prefix}${count}`, count);
      counts[count] = (await sent(() => recordActivities(deps, engine.accountId, all))).length;
    }
    return counts;
  };

  it('sends the same number of statements for 1, 10 and 500 activities', async () => {
    for (const make of [inbound, outbound])
      await recordActivities(deps, engine.accountId, make(engine.channelId, 'warm', 2));
    const first = await counted(inbound, 'same ');
    expect(first[10]).toBe(first[1]);
    expect(first[500]).toBe(first[1]);

    engine.clock.advance(1000);
    const answers = await counted(outbound, 'same ');
    expect(answers[10]).toBe(answers[1]);
    expect(answers[500]).toBe(answers[1]);
    expect(answers[1]).toBeLessThanOrEqual(13);

    engine.clock.advance(1000);
    const late = (channelId: string, prefix: string, count: number): Activity[] =>
      inbound(channelId, prefix, count).map((activity) => ({
        ...activity,
        at: new Date(at('12:00').getTime() + 500),
      }));
    const folded = await counted(late, 'same ');
    expect(folded[10]).toBe(folded[1]);
    expect(folded[500]).toBe(folded[1]);
  });

  it('writes each conversation and each contact once, however many of its activities the call contains', async () => {
    const all = Array.from({ length: 20 }, () => inbound(engine.channelId, 'often', 1)[0] as Activity).map(
      (activity, index) => ({
        ...activity,
        messageId: `often ${index}`,
      }),
    );
    expect(await written(() => recordActivities(deps, engine.accountId, all))).toEqual({
      contact: 2,
      conversation: 1,
      event: 20,
    });
    engine.clock.advance(1000);
    expect(
      await written(() => recordActivities(deps, engine.accountId, inbound(engine.channelId, 'often', 1))),
    ).toEqual({
      conversation: 1,
      event: 1,
    });
  });
});

describe('a change of rules', () => {
  /** An account with this many quiet conversations, all of them in one lane. */
  async function accountWith(conversations: number) {
    const accountId = await createAccount(deps, { name: `${conversations}` });
    const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
    const [agentId] = (await ensureAgents(deps, accountId, ['ann'])).values();
    for (let first = 0; first < conversations; first += 500) {
      const addresses = Array.from(
        { length: Math.min(500, conversations - first) },
        (_, index) => `${first + index}`,
      );
      await recordActivities(
        deps,
        accountId,
        addresses.flatMap((address): Activity[] => [
          { target: { channelId, address }, action: { kind: 'INBOUND' } },
          {
            target: { channelId, address },
            action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: agentId as string },
          },
        ]),
      );
    }
    return accountId;
  }
  const lowering = (accountId: string, hours: number) =>
    setPolicy(
      deps,
      accountId,
      { channelId: null, skillId: null, expectedVersion: null, fields: { autoCloseAfter: `PT${hours}H` } },
      { changedBy: 'test', why: null },
    );

  it('LL-3 costs the same statements and rows for 10 and for 1,000 conversations, whether it closes them or not', async () => {
    const [ten, thousand] = [await accountWith(10), await accountWith(1000)];
    engine.clock.advance(6 * HOUR);
    const cost = async (accountId: string, hours: number) => ({
      statements: (await sent(() => lowering(accountId, hours))).length,
      rows: await written(() => lowering(accountId, hours)),
    });
    const small = [await cost(ten, 100), await cost(ten, 1)];
    const large = [await cost(thousand, 100), await cost(thousand, 1)];
    expect(large).toEqual(small);
    expect(small[1]?.rows).toEqual({ account: 1, policy_layer: 1, rules_version: 1 });
    const armed =
      await listened.sql`select scheduled_version < rules_version as behind from account where account_id = ${thousand}`;
    expect(armed[0]?.behind).toBe(true);
  });
});
