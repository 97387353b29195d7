import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startClock } from '../src/clock.ts';
import { createLog } from '../src/log.ts';

const log = createLog({ logLevel: 'silent' });
const start = Date.parse('2026-03-01T12:00:00Z');

/** A database whose time runs with the process's, but for what the test does to it. */
function database() {
  const state = { shiftMs: 0, answerMs: 0, down: false };
  return {
    state,
    async readDatabaseTime(): Promise<Date> {
      const at = performance.now() + state.answerMs / 2;
      if (state.answerMs > 0) await new Promise((resolve) => setTimeout(resolve, state.answerMs));
      if (state.down) throw new Error('down');
      return new Date(start + at + state.shiftMs);
    },
  };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
let stop = () => {};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: 0 });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

async function started(answerMs = 0) {
  const { state, readDatabaseTime } = database();
  state.answerMs = answerMs;
  const starting = startClock({ readDatabaseTime, log });
  await pass(answerMs);
  const clock = await starting;
  stop = clock.stop;
  return { state, clock };
}

it("tells the database's time, whatever the system clock says", async () => {
  const { clock } = await started();
  vi.setSystemTime(Date.parse('1999-01-01T00:00:00Z'));
  await pass(1234);
  expect(clock.now()).toEqual(new Date(start + 1234));
  expect(clock.isTrusted()).toBe(true);
});

it('takes half of the round trip off the reading', async () => {
  const { clock } = await started(80);
  expect(clock.now()).toEqual(new Date(start + 80));
});

it('whole milliseconds', async () => {
  const { state, readDatabaseTime } = database();
  state.shiftMs = 0;
  const clock = await startClock({ readDatabaseTime, log, monotonic: () => 0.7 });
  stop = clock.stop;
  expect(Number.isInteger(clock.now().getTime())).toBe(true);
});

it('follows a slow drift and stays trusted', async () => {
  const { clock, state } = await started();
  for (let reading = 1; reading <= 10; reading++) {
    state.shiftMs = reading * 100;
    await pass(10_000);
    expect(clock.isTrusted()).toBe(true);
  }
  expect(clock.now()).toEqual(new Date(start + 101_000));
});

it('a slow answer neither shakes the time nor its trust', async () => {
  const { clock, state } = await started();
  state.answerMs = 3000;
  await pass(13_000);
  expect(clock.now()).toEqual(new Date(start + 13_000));
  expect(clock.isTrusted()).toBe(true);
});

it('is not trusted after a jump until a second reading agrees', async () => {
  const { clock, state } = await started();
  state.shiftMs = 60_000;
  await pass(10_000);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 10_000));
  await pass(1000);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 71_000));
});

it('a jump back that did not last changes nothing', async () => {
  const { clock, state } = await started();
  state.shiftMs = -60_000;
  await pass(10_000);
  expect(clock.isTrusted()).toBe(false);
  state.shiftMs = 0;
  await pass(1000);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 11_000));
});

it('two jumps in a row are not agreement', async () => {
  const { clock, state } = await started();
  state.shiftMs = 60_000;
  await pass(10_000);
  state.shiftMs = 90_000;
  await pass(1000);
  expect(clock.isTrusted()).toBe(false);
});

it.each([-180_000, 180_000])(
  'is not trusted from the instant at which the process’s own time jumps by %i ms, and follows in 2 s',
  async (jump) => {
    const { readDatabaseTime } = database();
    let shift = 0;
    const monotonic = () => performance.now() + shift;
    const clock = await startClock({ readDatabaseTime, log, monotonic });
    stop = clock.stop;
    await pass(500);
    shift = jump;
    expect(clock.isTrusted()).toBe(false);
    await pass(1_500);
    expect(clock.isTrusted()).toBe(true);
    expect(clock.now()).toEqual(new Date(start + 2_000));
  },
);

it('is not trusted while the database cannot be read, and keeps running', async () => {
  const { clock, state } = await started();
  state.down = true;
  await pass(10_000);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 10_000));
  state.down = false;
  await pass(1000);
  expect(clock.isTrusted()).toBe(true);
});

it('is not trusted while a reading hangs', async () => {
  const { clock, state } = await started();
  state.answerMs = 600_000;
  await pass(21_000);
  expect(clock.isTrusted()).toBe(false);
});

it('fails to start where the first reading fails', async () => {
  const readDatabaseTime = async () => {
    throw new Error('down');
  };
  await expect(startClock({ readDatabaseTime, log })).rejects.toThrow('down');
});
