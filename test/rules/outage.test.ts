import type { TransactionSql } from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { conversationOf } from '../../src/db/rows/conversations.ts';
import { nextDue } from '../../src/domain/time/timers.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { changeRules, endOutage, ensureChannel, recordOutage } from '../support/flows.ts';

let engine: Engine;
let app: string;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  app = await ensureChannel(engine.deps, engine.accountId, { name: 'app', adapter: 'in-app', settings: {} });
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterEach(() =>
  changing(async (sql) => void (await sql`delete from outage where account_id = ${engine.accountId}`)),
);
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const wait = (ms: number) => engine.runUntil(inMs(ms));

/** Writes outages as a change of rules, as the API does. */
const changing = (write: (sql: TransactionSql) => Promise<void>) =>
  changeRules(
    engine.deps,
    { accountId: engine.accountId, author: { changedBy: 'test', why: null } },
    async (sql) => {
      await write(sql);
      return { kind: 'OUTAGE', channelId: null, skillId: null, before: null, after: null };
    },
  );

/** An outage or a pause from an instant; `end` ends it. */
async function begin(kind: 'OUTAGE' | 'PAUSE', since: Date, channelId: string | null = null) {
  const id = engine.deps.newId();
  await changing(
    async (sql) =>
      void (await sql`insert into outage ${sql({ account_id: engine.accountId, id, kind, channel_id: channelId, since, until: null })}`),
  );
  return {
    end: (until: Date) =>
      changing(
        async (sql) =>
          void (await sql`update outage set until = ${until} where account_id = ${engine.accountId} and id = ${id}`),
      ),
  };
}

async function quiet(address: string, channelId = engine.channelId): Promise<Date> {
  const target = { channelId, address };
  await engine.apply(
    { target, action: { kind: 'INBOUND' } },
    { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } },
  );
  return engine.clock.now();
}

describe('outages', () => {
  it('LL-7 do not count as silence: a conversation closes later by their duration', async () => {
    const since = await quiet('in the middle');
    await wait(HOUR);
    const outage = await begin('OUTAGE', inMs(0));
    await wait(30 * MINUTE);
    await outage.end(inMs(0));
    await engine.runUntil(new Date(since.getTime() + 150 * MINUTE - 1));
    expect(await engine.latest('in the middle')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(new Date(since.getTime() + 150 * MINUTE));
    expect(await engine.latest('in the middle')).toMatchObject({
      status: 'ENDED',
      end_reason: 'AUTO_CLOSE',
      lateness_ms: '0',
    });
  });

  it('LL-7 without an end prevent every close that they affect, however long they last', async () => {
    await quiet('no end');
    await begin('OUTAGE', inMs(0));
    await wait(30 * DAY);
    expect(await engine.latest('no end')).toMatchObject({ status: 'ACTIVE' });
  });

  it('LL-7 declared afterwards still apply to conversations that are not closed yet', async () => {
    const since = await quiet('after the fact');
    await wait(90 * MINUTE);
    const outage = await begin('OUTAGE', new Date(since.getTime() + 10 * MINUTE));
    await outage.end(new Date(since.getTime() + 70 * MINUTE));
    await wait(60 * MINUTE);
    expect(await engine.latest('after the fact')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(new Date(since.getTime() + 3 * HOUR));
    expect(await engine.latest('after the fact')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('LL-7 affect only their own channel', async () => {
    const since = await quiet('up', engine.channelId);
    await quiet('down', app);
    await begin('OUTAGE', inMs(0), app);
    await engine.runUntil(new Date(since.getTime() + 2 * HOUR));
    expect(await engine.latest('up')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
    expect(await engine.latest('down')).toMatchObject({ status: 'ACTIVE' });
  });

  it('LL-7 do not count for the protection either', async () => {
    await engine.policy({ autoClose: false });
    const since = await quiet('protected');
    await wait(HOUR);
    const outage = await begin('OUTAGE', inMs(0));
    await engine.jumpTo(inMs(5 * DAY));
    await outage.end(inMs(0));
    await engine.jumpTo(new Date(since.getTime() + 90 * DAY));
    expect(await engine.latest('protected')).toMatchObject({ status: 'ACTIVE' });
    await engine.jumpTo(new Date(since.getTime() + 95 * DAY - MINUTE));
    await wait(MINUTE);
    expect(await engine.latest('protected')).toMatchObject({
      status: 'ENDED',
      end_reason: 'PROTECTION',
      lateness_ms: '0',
    });
    await engine.policy({ autoClose: null });
  });

  it('LL-7 do not change when a hold ends', async () => {
    await quiet('held');
    await engine.does('held', { kind: 'HOLD', until: inMs(HOUR) });
    await begin('OUTAGE', inMs(0));
    await wait(HOUR);
    expect(await engine.latest('held')).toMatchObject({ held: false });
  });
});

describe('a pause', () => {
  it('LL-15 stops all automatic ends at once, even of conversations that are already due', async () => {
    await quiet('due already');
    engine.clock.advance(3 * HOUR);
    await begin('PAUSE', inMs(0));
    await wait(DAY);
    expect(await engine.latest('due already')).toMatchObject({ status: 'ACTIVE' });
  });

  it('LL-15 does not count as silence after automatic ends are resumed', async () => {
    const since = await quiet('paused');
    await wait(HOUR);
    const pause = await begin('PAUSE', inMs(0));
    await wait(5 * HOUR);
    await pause.end(inMs(0));
    await wait(59 * MINUTE);
    expect(await engine.latest('paused')).toMatchObject({ status: 'ACTIVE' });
    await wait(MINUTE);
    expect(await engine.latest('paused')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(since.getTime() + 7 * HOUR),
      lateness_ms: '0',
    });
  });

  it('LL-15 lets a lane without a timer sleep until the change that ends the pause', async () => {
    await engine.writes('no timer left');
    const pause = await begin('PAUSE', inMs(0));
    const { lane_id: laneId } = await engine.latest('no timer left');
    const wakeAt = async () =>
      (await engine.db.sql`select wake_at from lane where id = ${laneId as string}`)[0]?.wake_at;
    await wait(0);
    expect(await wakeAt()).toBeNull();
    await engine.answers('no timer left');
    await wait(DAY);
    expect(await engine.latest('no timer left')).toMatchObject({ status: 'ACTIVE', awaiting: 'CONSUMER' });
    await pause.end(inMs(0));
    await wait(2 * HOUR);
    expect(await engine.latest('no timer left')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
    expect(await wakeAt()).not.toBeNull();
  });

  it('LL-15 affects only its own channel', async () => {
    await quiet('runs', engine.channelId);
    await quiet('stands', app);
    await begin('PAUSE', inMs(0), app);
    await wait(2 * HOUR);
    expect(await engine.latest('runs')).toMatchObject({ status: 'ENDED' });
    expect(await engine.latest('stands')).toMatchObject({ status: 'ACTIVE' });
  });
});

describe('downtime', () => {
  it('LL-7 is followed by the closes that fell due, unless it is declared as an outage', async () => {
    await quiet('downtime');
    const down = inMs(HOUR);
    engine.clock.advance(5 * HOUR);
    const outage = await begin('OUTAGE', down);
    await outage.end(inMs(0));
    await wait(MINUTE);
    expect(await engine.latest('downtime')).toMatchObject({ status: 'ACTIVE' });
    await wait(59 * MINUTE);
    expect(await engine.latest('downtime')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });
});

describe('a recorded outage', () => {
  const author = { changedBy: 'test', why: null };
  const call = { key: null, request: null };
  const record = (since: Date, until: Date | null, channelId: string | null = null) =>
    recordOutage(engine.deps, { accountId: engine.accountId, author, call }, { channelId, since, until });
  const end = (outageId: string, until: Date | null = null) =>
    endOutage(engine.deps, { accountId: engine.accountId, author, call }, { outageId, until });

  it('LL-7 changes due times from when it is recorded, and reopens nothing', async () => {
    const since = await quiet('gone');
    await wait(HOUR);
    await quiet('there');
    await engine.runUntil(new Date(since.getTime() + 2 * HOUR));
    const gone = await engine.latest('gone');
    expect(gone).toMatchObject({ status: 'ENDED', lateness_ms: '0' });

    await record(new Date(since.getTime() + HOUR), new Date(since.getTime() + 90 * MINUTE));
    await engine.wakeAll();
    expect(await engine.latest('gone')).toEqual(gone);
    await engine.runUntil(new Date(since.getTime() + 3.5 * HOUR - 1));
    expect(await engine.latest('there')).toMatchObject({ status: 'ACTIVE' });
    await wait(1);
    expect(await engine.latest('there')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
    expect(await engine.latest('gone')).toEqual(gone);
  });

  it('LL-7 leaves no due time until it ends, and the remaining time continues from its end', async () => {
    const since = await quiet('waiting');
    await wait(30 * MINUTE);
    const outage = await record(inMs(0), null, engine.channelId);
    expect(nextDue(await rules(), await conversation('waiting'))).toBeNull();
    await wait(5 * DAY);
    await end(outage.id);
    const due = nextDue(await rules(), await conversation('waiting'));
    expect(due?.at).toEqual(new Date(since.getTime() + 5 * DAY + 2 * HOUR));
    await wait(90 * MINUTE);
    expect(await engine.latest('waiting')).toMatchObject({
      status: 'ENDED',
      ended_at: due?.at,
      lateness_ms: '0',
    });
  });

  it('LL-7 is excluded once where a channel outage and an account outage overlap', async () => {
    const since = await quiet('twice');
    const from = (minutes: number) => new Date(since.getTime() + minutes * MINUTE);
    await wait(HOUR);
    await record(from(10), from(40));
    await record(from(20), from(50), engine.channelId);
    await record(from(20), from(55), app);
    await engine.runUntil(from(160 - 1));
    expect(await engine.latest('twice')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(from(160));
    expect(await engine.latest('twice')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('LL-7 LL-3 writes no conversation', async () => {
    await quiet('untouched');
    const before = await engine.latest('untouched');
    const outage = await record(inMs(-MINUTE), null);
    await end(outage.id);
    expect(await engine.latest('untouched')).toEqual(before);
  });
});

const rules = () => engine.deps.rules.newest(engine.accountId);
async function conversation(address: string) {
  return conversationOf(await engine.latest(address));
}
