import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readCircuits } from '../../src/db/rows/circuits.ts';
import { HOUR, MINUTE } from '../support/engine.ts';
import { resetChannelCircuit, updateChannel } from '../support/flows.ts';
import { answers, openSending, type Sending, TAKES } from '../support/sending.ts';

const NO_KEY = { key: null, request: null };
const SECOND = 1_000;

let world: Sending;
let byoc: string;
let sms: string;
beforeAll(async () => {
  world = await openSending();
});
beforeEach(async () => {
  await world.engine.db.sql`delete from outbox`;
  byoc = await world.channel('byoc');
  sms = await world.channel('sms');
  world.got.length = 0;
  world.provider(TAKES);
});
afterAll(() => world.close());

async function circuit(channelId: string) {
  const { db, accountId } = world.engine;
  return (await readCircuits(db.sql, accountId, [channelId]))[0] ?? null;
}
const forMs = async (channelId: string) => {
  const until = (await circuit(channelId))?.retryAt;
  return until ? until.getTime() - world.engine.clock.now().getTime() : null;
};
async function end(channelId: string, count: number, name: string): Promise<void> {
  for (let index = 0; index < count; index++) await world.ends(channelId, `${name} ${index}`);
}
const states = async (channelId: string) => {
  const rows = await world.engine.db.sql<{ state: string; count: number }[]>`
    select state, count(*)::int from outbox where account_id = ${world.engine.accountId} and channel_id = ${channelId}
      and payload ? 'part' group by state`;
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
};

describe('the circuit breaker of a channel', () => {
  it('opens after 5 failures in a row: the effects of the channel wait, and another channel is not affected', async () => {
    world.provider(answers(503));
    await end(byoc, 20, 'paused');
    await world.relay();
    expect(world.got).toHaveLength(5);
    expect(await circuit(byoc)).toMatchObject({
      failures: 5,
      openedAt: world.engine.clock.now(),
      why: 'it answered that it cannot take messages just now',
    });
    expect(await forMs(byoc)).toBe(30 * SECOND);
    expect(await states(byoc)).toEqual({ PENDING: 20 });
    world.provider(TAKES);
    await end(sms, 3, 'goes on');
    await world.relay();
    expect(await states(sms)).toEqual({ SENT: 3 });
    await world.after(30 * SECOND - 1);
    expect(world.got).toHaveLength(8);
    await world.after(1);
    await world.after(MINUTE);
    expect(await states(byoc)).toEqual({ SENT: 20 });
    expect(await circuit(byoc)).toBeNull();
  });

  it('lets one probe through at a time, and doubles the pause after each failed one, up to 10 minutes', async () => {
    world.provider(answers(500));
    await end(byoc, 20, 'longer');
    await world.relay();
    const waits: (number | null)[] = [];
    for (let round = 0; round < 7; round++) {
      const before = world.got.length;
      await world.after((await forMs(byoc)) as number);
      expect(world.got.length - before).toBe(1);
      waits.push(await forMs(byoc));
    }
    expect(waits.map((ms) => (ms as number) / SECOND)).toEqual([60, 120, 240, 480, 600, 600, 600]);
  });

  it('is shared by all processes, also by one that starts later', async () => {
    world.provider(answers(500));
    await end(byoc, 10, 'elsewhere');
    await world.relay();
    const other = world.another();
    expect(await other.drain()).toBe(0);
    world.engine.clock.advance(30 * SECOND);
    const before = world.got.length;
    await Promise.all([world.relay(), other.drain()]);
    expect(world.got.length - before).toBe(1);
  });

  it('keeps the number of unconfirmed messages small on a channel that cannot detect duplicates', async () => {
    world.provider((response) => void response.socket?.destroy());
    await end(sms, 20, 'cut off');
    await world.relay();
    expect(await states(sms)).toEqual({ UNCONFIRMED: 5, PENDING: 15 });
    world.provider(TAKES);
    await world.after(30 * SECOND);
    await world.after(30 * SECOND);
    expect(await states(sms)).toEqual({ UNCONFIRMED: 5, SENT: 15 });
  });

  it('makes effects be given up after two days, and the feed records it', async () => {
    world.provider(answers(500));
    await end(byoc, 12, 'for days');
    await world.relay();
    for (let hours = 0; hours < 50; hours++) await world.after(HOUR);
    expect(await states(byoc)).toEqual({ DEAD: 12 });
    const why = 'CLOSE_MESSAGE REFUSED the channel has not answered for too long';
    for (let index = 0; index < 12; index++) expect(await world.feed(`for days ${index}`)).toContain(why);
  });

  it('closes at once when an admin resets it or changes the settings of the channel', async () => {
    const { engine, deps } = world;
    const setup = { ...engine.deps, readSettings: deps.settings.toStore };
    const author = { changedBy: 'test', why: null };
    const mend = [
      () => resetChannelCircuit(engine.deps, engine.accountId, byoc, NO_KEY),
      () =>
        updateChannel(setup, { accountId: engine.accountId, author, call: NO_KEY }, byoc, {
          settings: { showSurvey: false },
        }),
    ];
    for (const [index, mended] of mend.entries()) {
      byoc = await world.channel('byoc');
      world.provider(answers(500));
      await end(byoc, 10, `mended ${index}`);
      await world.relay();
      expect(await circuit(byoc)).not.toBeNull();
      world.provider(TAKES);
      await mended();
      expect(await circuit(byoc)).toBeNull();
      await world.relay();
      expect(await states(byoc)).toEqual({ SENT: 5, PENDING: 5 });
      await world.after(MINUTE);
      expect(await states(byoc)).toEqual({ SENT: 10 });
    }
    const nobodys = engine.deps.newId();
    await expect(resetChannelCircuit(engine.deps, engine.accountId, nobodys, NO_KEY)).rejects.toMatchObject({
      field: 'channelId',
    });
  });
});

describe('a provider', () => {
  it.each([400, 404])(
    'does not open the circuit breaker if it answers %s to every message',
    async (status) => {
      world.provider(answers(status));
      await end(sms, 12, `refused ${status}`);
      await world.relay();
      expect(await states(sms)).toEqual({ DEAD: 12 });
      expect(await circuit(sms)).toBeNull();
    },
  );

  it('gets the pause that it asks for with 429, at most a minute, and no failure is counted', async () => {
    world.provider(answers(429, { 'retry-after': '20' }));
    await end(byoc, 10, 'limited');
    await world.relay();
    expect(world.got).toHaveLength(1);
    expect(await circuit(byoc)).toMatchObject({ failures: 0, why: 'it asked for a pause' });
    expect(await forMs(byoc)).toBe(20 * SECOND);
    world.provider(TAKES);
    await world.after(20 * SECOND);
    await world.after(30 * SECOND);
    expect(await states(byoc)).toEqual({ SENT: 10 });
    world.provider(answers(429, { 'retry-after': '86400' }));
    await world.ends(byoc, 'limited for long');
    await world.relay();
    expect(await forMs(byoc)).toBe(MINUTE);
  });

  it('is not paused after 429 without a delay, and gets fewer concurrent sends', async () => {
    world.provider(answers(429));
    await end(byoc, 12, 'limited somehow');
    await world.relay();
    expect(world.got).toHaveLength(12);
    expect(await circuit(byoc)).toBeNull();
  });
});
