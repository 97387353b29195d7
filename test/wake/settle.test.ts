import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
/** Empties the lanes, so that they contain only the conversations of one test. */
beforeEach(async () => {
  await engine.db.sql`
    update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine.clock.now()}
    where account_id = ${engine.accountId}`;
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

async function quiet(address: string): Promise<Date> {
  await engine.writes(address);
  await engine.answers(address);
  return engine.clock.now();
}
/** The lane of the address's conversation. */
async function laneOf(address: string) {
  const { lane_id } = await engine.latest(address);
  const [lane] = await engine.db.sql`select id, wake_at, floor from lane where id = ${lane_id as string}`;
  return lane as unknown as { id: string; wake_at: Date | null; floor: Date };
}
/** The same, after every lane was woken and has settled. */
async function settled(address: string) {
  await engine.wakeAll();
  return await laneOf(address);
}

describe('settling', () => {
  it('sets the wake to the earliest due conversation, and the floor to the earliest clock', async () => {
    const first = await quiet('first due');
    engine.clock.advance(10 * MINUTE);
    await quiet('second due');
    expect(await settled('first due')).toMatchObject({
      wake_at: new Date(first.getTime() + 2 * HOUR),
      floor: first,
    });
  });

  it('wakes early enough for conversations that entered in the last 30 s without lowering `wake_at`', async () => {
    await quiet('gone');
    const { id } = await laneOf('gone');
    await engine.does('gone', { kind: 'END', by: 'AGENT' });
    engine.clock.advance(HOUR);
    await engine.wakeAll();
    const [lane] = await engine.db.sql`select wake_at, floor from lane where id = ${id}`;
    expect(lane).toMatchObject({ wake_at: inMs(2 * HOUR - 30_000), floor: inMs(-30_000) });

    engine.clock.advance(10_000);
    await quiet('younger');
    engine.clock.advance(10_000);
    const { wake_at, floor } = await settled('younger');
    expect(wake_at).toEqual(inMs(2 * HOUR - 30_000));
    expect(floor).toEqual(inMs(-30_000));
  });

  it('waits for the end of a hold, or for the protection if the hold has no end', async () => {
    await quiet('held');
    await engine.does('held', { kind: 'HOLD', until: inMs(5 * HOUR) });
    expect((await settled('held')).wake_at).toEqual(inMs(5 * HOUR));
    await engine.does('held', { kind: 'HOLD', until: null });
    expect((await settled('held')).wake_at).toEqual(inMs(90 * DAY - 30_000));
  });

  it('sets the wake at least 100 ms ahead, even for a locked conversation', async () => {
    await quiet('locked');
    const { id } = await engine.latest('locked');
    engine.clock.advance(3 * HOUR);
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = ${id} for no key update`;
      expect((await settled('locked')).wake_at).toEqual(inMs(100));
    });
    await engine.runUntil(inMs(100));
    expect(await engine.latest('locked')).toMatchObject({ status: 'ENDED' });
  });

  it('SP-6 ignores conversations whose clock is from before the timer was enabled', async () => {
    await engine.policy({ autoClose: false });
    await quiet('before');
    engine.clock.advance(DAY);
    await engine.policy({ autoClose: true });
    expect((await settled('before')).wake_at).toEqual(inMs(2 * HOUR - 30_000));
    expect((await laneOf('before')).floor).toEqual(inMs(-DAY));
  });
});
