import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import type { LaneDirectory } from '../../src/engine.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H', remindBefore: ['PT10M', 'PT1H', 'PT30M'] });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

async function quiet(address: string): Promise<Date> {
  await engine.writes(address);
  await engine.answers(address);
  return engine.clock.now();
}

/** Minutes after `since` at which each reminder was sent, according to the feed. */
async function reminded(address: string, since: Date): Promise<number[]> {
  const feed = await engine.feed((await engine.latest(address)).id);
  return feed
    .filter(({ timer }) => timer === 'REMIND')
    .map((event) => ((event.at as Date).getTime() - since.getTime()) / MINUTE);
}

/** Warnings to be sent to the customer of an address. */
async function warnings(address: string) {
  const { id } = await engine.latest(address);
  return await engine.db.sql`
    select kind, payload, revision, state from outbox
    where account_id = ${engine.accountId} and conversation_id = ${id} order by id`;
}

describe('reminders', () => {
  it('PE-2 are sent up to three times, each at its time before the close, and then the conversation closes', async () => {
    const since = await quiet('PE-2');
    await engine.runUntil(inMs(3 * HOUR));
    expect(await reminded('PE-2', since)).toEqual([60, 90, 110]);
    expect(await engine.latest('PE-2')).toMatchObject({
      status: 'ENDED',
      stage: 3,
      ended_at: new Date(since.getTime() + 2 * HOUR),
      lateness_ms: '0',
      last_activity_at: since,
    });
    expect(await warnings('PE-2')).toMatchObject([
      { kind: 'DELIVER_MESSAGE', payload: { reminder: 1 }, revision: 3, state: 'PENDING' },
      { kind: 'DELIVER_MESSAGE', payload: { reminder: 2 }, revision: 4, state: 'PENDING' },
      { kind: 'DELIVER_MESSAGE', payload: { reminder: 3 }, revision: 5, state: 'PENDING' },
    ]);
  });

  it.each([
    ['the customer', () => engine.writes('reply of the customer')],
    ['the agent', () => engine.answers('reply of the agent')],
  ])(
    'PE-2 are cancelled by a reply of %s, and the next silence starts with the first reminder',
    async (who, reply) => {
      const address = `reply of ${who}`;
      const since = await quiet(address);
      await engine.runUntil(inMs(95 * MINUTE));
      expect(await engine.latest(address)).toMatchObject({ stage: 2 });
      await reply();
      expect(await engine.latest(address)).toMatchObject({ stage: 0 });
      await engine.runUntil(inMs(50 * MINUTE));
      expect(await reminded(address, since)).toEqual([60, 90]);
      await engine.answers(address);
      const again = engine.clock.now();
      await engine.runUntil(inMs(2 * HOUR));
      expect((await reminded(address, again)).slice(2)).toEqual([60, 90, 110]);
      expect(await engine.latest(address)).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
    },
  );

  it('LL-9 restart no clock and cancel nothing when a warning comes back as an echo', async () => {
    const since = await quiet('echo');
    await engine.runUntil(inMs(65 * MINUTE));
    const echo = await engine.does('echo', { kind: 'OUTBOUND', sender: 'OWN' }, { messageId: 'warning' });
    expect(echo.outcome).toBe('APPLIED');
    expect(await engine.latest('echo')).toMatchObject({
      stage: 1,
      last_activity_at: since,
      awaiting: 'CONSUMER',
    });
    await engine.runUntil(inMs(55 * MINUTE));
    expect(await engine.latest('echo')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(since.getTime() + 2 * HOUR),
    });
  });

  it('PE-2 are not sent if the close is due', async () => {
    const since = await quiet('too late');
    await engine.jumpTo(inMs(3 * HOUR));
    expect(await engine.latest('too late')).toMatchObject({ status: 'ENDED', stage: 0 });
    expect(await reminded('too late', since)).toEqual([]);
    expect(await warnings('too late')).toEqual([]);
  });

  it('PE-2 are not sent if the close is due and the conversation is locked', async () => {
    await quiet('locked');
    const { id } = await engine.latest('locked');
    engine.clock.advance(3 * HOUR);
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = ${id} for no key update`;
      await engine.wakeAll();
    });
    expect(await engine.latest('locked')).toMatchObject({ status: 'ACTIVE', stage: 0, revision: 2 });
    await engine.runUntil(inMs(100));
    expect(await engine.latest('locked')).toMatchObject({ status: 'ENDED', stage: 0, revision: 3 });
  });

  it('PE-2 are not sent if a hold is due, even if the conversation is unlocked during the wake', async () => {
    await engine.policy({ autoCloseThen: 'HOLD' });
    await quiet('to be held');
    const { id, lane_id: laneId } = await engine.latest('to be held');
    engine.clock.advance(3 * HOUR);
    const held = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    const holder = inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = ${id} for no key update`;
      held.resolve();
      await letGo.promise;
    });
    await held.promise;
    // A reminder moves the conversation to another lane. The lookup of that lane is the last moment before it.
    const lanes: LaneDirectory = {
      ...engine.deps.lanes,
      async find(sql, accountId, facts, now) {
        const wanted = [...facts];
        if (wanted.some(({ stage }) => stage > 0)) {
          letGo.resolve();
          await holder;
        }
        return await engine.deps.lanes.find(sql, accountId, wanted, now);
      },
    };
    await wakeLane(
      { ...engine.deps, lanes },
      { accountId: engine.accountId, laneId: laneId as string, wakeAt: null },
    );
    letGo.resolve();
    await holder;
    await engine.runUntil(inMs(100));
    expect(await engine.latest('to be held')).toMatchObject({ held: true, stage: 0 });
    await engine.policy({ autoCloseThen: null });
  });

  it.each([
    ['by hand', null],
    ['by itself', 5 * HOUR],
  ])(
    'PE-2 PE-6 start again with the clock when the conversation is released from hold %s',
    async (how, lastsMs) => {
      const address = `released ${how}`;
      await quiet(address);
      await engine.runUntil(inMs(100 * MINUTE));
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE', stage: 2 });
      const until = lastsMs === null ? null : inMs(lastsMs);
      await engine.does(address, { kind: 'HOLD', until, agentId: engine.ann });
      await engine.runUntil(inMs(5 * HOUR));
      if (until === null) await engine.does(address, { kind: 'RELEASE', agentId: engine.ann });
      const released = engine.clock.now();
      expect(await engine.latest(address)).toMatchObject({ held: false, stage: 0 });
      await engine.runUntil(inMs(3 * HOUR));
      expect((await reminded(address, released)).slice(2)).toEqual([60, 90, 110]);
      expect(await engine.latest(address)).toMatchObject({
        status: 'ENDED',
        ended_at: new Date(released.getTime() + 2 * HOUR),
      });
    },
  );

  it('PE-2 are not sent if none is set, and a new one also applies to conversations already quiet', async () => {
    await engine.policy({ remindBefore: [] });
    const since = await quiet('later set');
    await engine.runUntil(inMs(80 * MINUTE));
    await engine.policy({ remindBefore: ['PT1H'] });
    await engine.runUntil(inMs(MINUTE));
    expect(await reminded('later set', since)).toEqual([80]);
    await engine.runUntil(inMs(DAY));
    expect(await reminded('later set', since)).toEqual([80]);
  });
});
