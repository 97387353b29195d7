import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { ServiceDeps } from '../../src/engine.ts';
import { implementBackfill, resumeBackfills } from '../../src/jobs/exemption-backfill.ts';
import type { Queues } from '../../src/jobs/queues.ts';
import { createLog } from '../../src/log.ts';
import { at, type Engine, openEngine } from '../support/engine.ts';
import { setExemptTags } from '../support/flows.ts';

const log = createLog({ logLevel: 'silent' });
const COUNT = 9_000;

type Nudge = { id: string; delayMs: number; payload: { accountId: string } };
let engine: Engine;
let nudges: Nudge[];
const queues = {
  addMany: async (_job: unknown, entries: readonly Nudge[]) => void nudges.push(...entries),
} as unknown as Queues;
const queuesThatAreDown = {
  addMany: () => Promise.reject(new Error('down')),
} as unknown as Queues;

beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  const { db, accountId, channelId, ann, writes } = engine;
  await writes('the first');
  await db.sql`insert into contact (account_id, id, channel_id, address)
    select ${accountId}, gen_random_uuid(), ${channelId}, number::text from generate_series(1, ${COUNT}) as number`;
  await db.sql`insert into conversation (account_id, id, contact_id, channel_id, lane_id, status, awaiting, agent_id, held, tags, stage,
      overflowed, started_by, started_at, last_activity_at, status_since, newest_at, placed_at, revision)
    select account_id, gen_random_uuid(), contact.id, channel_id, (select id from lane limit 1), 'WAITING', 'AGENT', ${ann}::uuid, false, '{vip}', 0,
      false, 'CUSTOMER', at, at, at, at, at, 1
    from contact, (select ${engine.clock.now()}::timestamptz as at) as now where contact.account_id = ${accountId} and address <> 'the first'`;
});
beforeEach(async () => {
  nudges = [];
  await exempts(engine.accountId);
  await resumeBackfills(engine.deps, queues, log);
  engine.clock.advance(20_000);
  await resumeBackfills(engine.deps, queues, log);
  nudges = [];
});
afterAll(() => engine.drop());

const exempts = (accountId: string, ...tags: string[]) =>
  setExemptTags(engine.deps, { accountId, author: { changedBy: 'test', why: null } }, tags);
const run = (deps: ServiceDeps = engine.deps, accountId = engine.accountId) =>
  implementBackfill(deps, queues).run({ accountId }, { id: 'test', log });
async function row(accountId = engine.accountId) {
  const [found] = await engine.db.sql`
    select version::int, pass, after_id, moved::int, done_at from exemption_backfill where account_id = ${accountId}`;
  return found as Record<string, unknown>;
}
/** A clock that advances 20 ms on every reading. */
function passing(): ServiceDeps['clock'] {
  let asked = 0;
  return { ...engine.clock, now: () => new Date(engine.clock.now().getTime() + asked++ * 20) };
}

describe('a backfill job', () => {
  it('yields after 250 ms, and enqueues a job for its new place', async () => {
    await exempts(engine.accountId, 'vip');
    await run({ ...engine.deps, clock: passing() });
    const { version, pass, after_id, moved } = await row();
    expect(pass).toBe(1);
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThan(COUNT);
    expect(nudges).toEqual([
      {
        payload: { accountId: engine.accountId },
        id: `${engine.accountId}-${version}-1-${after_id}`,
        delayMs: expect.any(Number),
      },
    ]);
    expect(nudges[0]?.delayMs).toBeLessThanOrEqual(0);
  });

  it('enqueues the second pass for the time when it may start, and nothing once it is finished', async () => {
    await exempts(engine.accountId, 'vip');
    await run();
    const { version } = await row();
    const { accountId } = engine;
    expect(nudges).toEqual([
      { payload: { accountId }, id: `${accountId}-${version}-2-start`, delayMs: 20_000 },
    ]);
    await run();
    expect(nudges).toHaveLength(1);
    engine.clock.advance(20_000);
    await run();
    expect(await row()).toMatchObject({ moved: COUNT, done_at: engine.clock.now() });
    expect(nudges).toHaveLength(1);
  });

  it('does nothing while another process works on the backfill, or without a backfill', async () => {
    await run();
    await exempts(engine.accountId, 'vip');
    const before = await row();
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from exemption_backfill where account_id = ${engine.accountId} for no key update`;
      await run();
    });
    expect(await row()).toEqual(before);
    expect(nudges).toEqual([]);
  });
});

describe('the reconciler', () => {
  it('PE-7 continues the backfills of all accounts while the queue is down', async () => {
    const other = await createAccount(engine.deps, { name: 'other' });
    await exempts(engine.accountId, 'vip');
    await exempts(other, 'vip');
    await resumeBackfills(engine.deps, queuesThatAreDown, log);
    expect(await row()).toMatchObject({ pass: 2, moved: COUNT });
    expect(await row(other)).toMatchObject({ pass: 2, moved: 0 });
    engine.clock.advance(19_999);
    await resumeBackfills(engine.deps, queuesThatAreDown, log);
    expect(await row()).toMatchObject({ done_at: null });
    engine.clock.advance(1);
    await resumeBackfills(engine.deps, queuesThatAreDown, log);
    for (const each of [engine.accountId, other])
      expect(await row(each)).toMatchObject({ done_at: engine.clock.now() });
  });

  it('yields after 250 ms in total, and enqueues the rest', async () => {
    const others = await Promise.all(['one', 'two'].map((name) => createAccount(engine.deps, { name })));
    await exempts(engine.accountId, 'vip');
    engine.clock.advance(1);
    for (const other of others) await exempts(other, 'vip');
    await resumeBackfills({ ...engine.deps, clock: passing() }, queues, log);
    expect(nudges.map(({ payload }) => payload.accountId).sort()).toEqual(
      [engine.accountId, ...others].sort(),
    );
    for (const other of others) expect(await row(other)).toMatchObject({ pass: 1, done_at: null });
  });

  it('continues with other accounts after a failed backfill', async () => {
    const other = await createAccount(engine.deps, { name: 'after a broken one' });
    await exempts(engine.accountId, 'vip');
    engine.clock.advance(1);
    await exempts(other, 'vip');
    const lanes = {
      known: () => undefined,
      find: () => Promise.reject(new Error('broken')),
      remember: () => {},
    };
    await resumeBackfills({ ...engine.deps, lanes }, queues, log);
    expect(await row()).toMatchObject({ pass: 1, moved: 0 });
    expect(await row(other)).toMatchObject({ pass: 2 });
  });

  it('does nothing while the clock is not trusted', async () => {
    await exempts(engine.accountId, 'vip');
    const before = await row();
    engine.clock.setTrusted(false);
    await resumeBackfills(engine.deps, queues, log);
    engine.clock.setTrusted(true);
    expect(await row()).toEqual(before);
    expect(nudges).toEqual([]);
  });
});
