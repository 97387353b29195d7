import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction, TRANSACT } from '../../src/db/transaction.ts';
import type { Activity } from '../../src/engine.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

/** Creates quiet conversations, each quiet 1 ms longer than the next, and returns their lane. */
async function quiet(prefix: string, count: number): Promise<string> {
  await engine.apply(
    ...Array.from({ length: count }).flatMap((_, index): Activity[] => {
      const target = { channelId: engine.channelId, address: `${prefix} ${index}` };
      const sent = inMs(index - count);
      return [
        { target, action: { kind: 'INBOUND' }, at: sent },
        { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann }, at: sent },
      ];
    }),
  );
  return (await engine.latest(`${prefix} 0`)).lane_id as string;
}

/** Makes a conversation unwritable: its next event already exists. */
async function poison(address: string): Promise<string> {
  const { id, revision } = await engine.latest(address);
  await engine.db.sql`
    insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, status, awaiting)
    select account_id, conversation_id, ${(revision as number) + 1}, 'COMMENT', at, recorded_at, actor, channel_id, status, awaiting
    from event where conversation_id = ${id} and revision = ${revision as number}`;
  return id;
}
const open = async (prefix: string) =>
  (
    await engine.db.sql`
      select conversation.id from conversation join contact on contact.id = contact_id
      where starts_with(address, ${prefix}) and status <> 'ENDED'`
  ).map(({ id }) => id);

describe('a conversation that a wake cannot write', () => {
  it('is set aside with an event that says so, and the rest of its batch closes', async () => {
    const laneId = await quiet('one of 30', 30);
    const bad = await poison('one of 30 17');
    engine.clock.advance(2 * HOUR);
    const report = await wakeLane(engine.deps, { accountId: engine.accountId, laneId, wakeAt: null });
    expect(report).toMatchObject({ kind: 'woken', acted: { AUTO_CLOSE: 29 }, setAside: [bad] });
    expect(await open('one of 30')).toEqual([bad]);
    expect(await engine.latest('one of 30 17')).toMatchObject({
      status: 'ACTIVE',
      lane_id: null,
      revision: 4,
    });
    expect((await engine.feed(bad)).at(-1)).toMatchObject({
      kind: 'SET_ASIDE',
      timer: 'AUTO_CLOSE',
      actor: 'SYSTEM',
      revision: 4,
      at: engine.clock.now(),
      status: 'ACTIVE',
    });
  });

  it('no longer wakes its lane, which sleeps until another conversation is due', async () => {
    const { id } = await engine.latest('one of 30 17');
    await engine.runUntil(inMs(DAY));
    expect((await engine.feed(id)).filter(({ kind }) => kind === 'SET_ASIDE')).toHaveLength(1);
  });

  it('returns with the next activity, and closes like any other', async () => {
    await engine.answers('one of 30 17');
    const answered = engine.clock.now();
    expect((await engine.latest('one of 30 17')).lane_id).not.toBeNull();
    await engine.runUntil(inMs(2 * HOUR));
    expect(await engine.latest('one of 30 17')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(answered.getTime() + 2 * HOUR),
      lateness_ms: '0',
    });
  });

  it('is the only one set aside: a conversation that was locked until the retry closes', async () => {
    const laneId = await quiet('held', 3);
    const bad = await poison('held 1');
    engine.clock.advance(2 * HOUR);
    const { id: first } = await engine.latest('held 0');
    const { sql } = engine.db;
    const [isHeld, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const somebody = inTransaction(sql, async (tx) => {
      await tx`select from conversation where id = ${first} for update`;
      isHeld.resolve();
      await letGo.promise;
    });
    await isHeld.promise;
    // Releases the lock between the failed batch and its retry.
    const transact = async (run: (tx: TransactionSql) => Promise<unknown>) => {
      letGo.resolve();
      await somebody;
      return await inTransaction(sql, run);
    };
    const watched = new Proxy(sql, {
      get: (target, name) => (name === TRANSACT ? transact : Reflect.get(target, name)),
    });
    const deps = { ...engine.deps, db: { ...engine.db, sql: watched } };
    const report = await wakeLane(deps, { accountId: engine.accountId, laneId, wakeAt: null });
    expect(report).toMatchObject({ acted: { AUTO_CLOSE: 2 }, setAside: [bad] });
    expect(await open('held')).toEqual([bad]);
  });

  it('is set aside alone if there are several, including the first and the last of the batch', async () => {
    const laneId = await quiet('several', 40);
    const bad = [await poison('several 0'), await poison('several 20'), await poison('several 39')];
    engine.clock.advance(2 * HOUR);
    const report = await wakeLane(engine.deps, { accountId: engine.accountId, laneId, wakeAt: null });
    expect(report).toMatchObject({ acted: { AUTO_CLOSE: 37 }, setAside: bad });
    expect((await open('several')).sort()).toEqual(bad.sort());
  });

  it('is also set aside if the timer moves it to another lane instead of ending it', async () => {
    await engine.policy({ autoCloseThen: 'HOLD' });
    const laneId = await quiet('to hold', 10);
    const bad = await poison('to hold 5');
    engine.clock.advance(2 * HOUR);
    const report = await wakeLane(engine.deps, { accountId: engine.accountId, laneId, wakeAt: null });
    expect(report).toMatchObject({ acted: { AUTO_CLOSE: 9 }, setAside: [bad] });
    expect(await engine.latest('to hold 5')).toMatchObject({ held: false, lane_id: null });
    expect(await engine.latest('to hold 6')).toMatchObject({ held: true });
    await engine.policy({ autoCloseThen: null });
  });

  it('is not set aside if the whole database fails: the caller gets the error', async () => {
    const laneId = await quiet('failing', 3);
    engine.clock.advance(2 * HOUR);
    await engine.db.sql`alter table event rename to event_away`;
    const wake = wakeLane(engine.deps, { accountId: engine.accountId, laneId, wakeAt: null });
    await expect(wake).rejects.toThrow(/event/);
    await engine.db.sql`alter table event_away rename to event`;
    expect(await open('failing')).toHaveLength(3);
    await engine.runUntil(inMs(MINUTE));
    expect(await open('failing')).toEqual([]);
  });
});
