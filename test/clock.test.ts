import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: start });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

/** Where the machine is never suspended. */
const uptime = () => performance.now();

async function started(answerMs = 0, more: Partial<Parameters<typeof startClock>[0]> = {}) {
  const { state, readDatabaseTime } = database();
  state.answerMs = answerMs;
  const starting = startClock({ readDatabaseTime, log, uptime, ...more });
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
  const clock = await startClock({ readDatabaseTime, log, uptime, monotonic: () => 0.7 });
  stop = clock.stop;
  expect(Number.isInteger(clock.now().getTime())).toBe(true);
});

it('follows a slow drift and stays trusted', async () => {
  const { clock, state } = await started();
  for (let reading = 1; reading <= 10; reading++) {
    state.shiftMs = reading * 10;
    await pass(10_000);
    expect(clock.isTrusted()).toBe(true);
  }
  expect(clock.now()).toEqual(new Date(start + 100_100));
});

it('a slow answer neither shakes the time nor its trust', async () => {
  const { clock, state } = await started();
  state.answerMs = 3000;
  await pass(13_000);
  expect(clock.now()).toEqual(new Date(start + 13_000));
  expect(clock.isTrusted()).toBe(true);
});

it('does not follow a database that runs too fast: it is not trusted once it is half a second ahead', async () => {
  const { clock, state } = await started();
  for (let reading = 1; reading <= 6; reading++) {
    state.shiftMs = reading * 100;
    await pass(10_000);
  }
  expect(clock.now().getTime() - start).toBeLessThanOrEqual(60_000 + 60);
  expect(clock.isTrusted()).toBe(false);
});

it.each([600_000, -600_000, 3_600_000])(
  'a database that jumps by %i ms for 9 s is never followed, and trusted once it has agreed for 5 s',
  async (jump) => {
    const { clock, state } = await started();
    await pass(5_000);
    state.shiftMs = jump;
    await pass(9_000);
    expect(clock.isTrusted()).toBe(false);
    expect(clock.now()).toEqual(new Date(start + 14_000));
    state.shiftMs = 0;
    await pass(4_000);
    expect(clock.isTrusted()).toBe(false);
    await pass(3_000);
    expect(clock.isTrusted()).toBe(true);
    expect(clock.now()).toEqual(new Date(start + 21_000));
  },
);

it('a database that jumps is not followed in hours while the machine’s time of day says otherwise', async () => {
  const { clock, state } = await started();
  state.shiftMs = 60_000;
  await pass(2 * 3_600_000);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 2 * 3_600_000));
});

it('follows a step back of the database and the machine after 60 s', async () => {
  const { clock, state } = await started();
  state.shiftMs = -60_000;
  vi.setSystemTime(Date.now() - 60_000);
  await pass(59_000);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 59_000));
  await pass(5_000);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 4_000));
});

it('follows a step ahead of both after 60 s, once it is known that what lies between does not count', async () => {
  let isRecorded = false;
  const asked: unknown[] = [];
  const resume = async (...args: unknown[]) => {
    asked.push(args);
    if (!isRecorded) throw new Error('down');
  };
  const { clock, state } = await started(0, { resume });
  await pass(5_000);
  state.shiftMs = 600_000;
  vi.setSystemTime(Date.now() + 600_000);
  await pass(65_000);
  expect(asked.length).toBeGreaterThan(0);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 70_000));
  isRecorded = true;
  await pass(1_000);
  const [resumed, since, now] = asked.at(-1) as [unknown, Date, Date];
  expect(resumed).toEqual({ kind: 'AHEAD', byMs: 600_000 });
  expect(now.getTime() - since.getTime()).toBe(600_000);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 671_000));
});

it('two jumps in a row are not agreement', async () => {
  const { clock, state } = await started();
  for (let step = 1; step <= 4; step++) {
    state.shiftMs += 60_000;
    vi.setSystemTime(Date.now() + 60_000);
    await pass(40_000);
    expect(clock.isTrusted()).toBe(false);
  }
  expect(clock.now()).toEqual(new Date(start + 160_000));
});

it('goes on where the machine’s time of day alone jumps', async () => {
  const { clock } = await started();
  vi.setSystemTime(Date.now() + 600_000);
  expect(clock.isTrusted()).toBe(false);
  await pass(1_500);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 1_500));
});

it('counts how long the machine was suspended, at once', async () => {
  let awake = 0;
  const { clock } = await started(0, { monotonic: () => performance.now() - awake });
  await pass(1_000);
  awake = 600_000;
  await pass(600_000);
  expect(clock.now()).toEqual(new Date(start + 601_000));
  await pass(1_500);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 602_500));
});

it('a statement that found another time stops everything until the clocks have agreed for 5 s', async () => {
  const { clock } = await started();
  await pass(1_000);
  clock.doubt();
  expect(clock.isTrusted()).toBe(false);
  await pass(4_000);
  expect(clock.isTrusted()).toBe(false);
  await pass(3_000);
  expect(clock.isTrusted()).toBe(true);
});

describe('at a start', () => {
  it.each([600_000, -600_000])(
    'a database %i ms away from the machine is not trusted, and the later time is told',
    async (shiftMs) => {
      const { readDatabaseTime, state } = database();
      state.shiftMs = shiftMs;
      const clock = await startClock({ readDatabaseTime, log, uptime });
      stop = clock.stop;
      await pass(120_000);
      expect(clock.isTrusted()).toBe(false);
      expect(clock.now()).toEqual(new Date(start + 120_000 + Math.max(0, shiftMs)));
    },
  );

  it('is trusted once both have agreed for 5 s, and what comes first has been done', async () => {
    const { readDatabaseTime, state } = database();
    state.shiftMs = 600_000;
    const asked: unknown[] = [];
    const resume = async (kind: unknown) => void asked.push(kind);
    const clock = await startClock({ readDatabaseTime, log, uptime, resume });
    stop = clock.stop;
    await pass(10_000);
    state.shiftMs = 0;
    await pass(4_000);
    expect(clock.isTrusted()).toBe(false);
    expect(asked).toEqual([]);
    await pass(4_000);
    expect(asked).toEqual([{ kind: 'START' }]);
    expect(clock.isTrusted()).toBe(true);
    expect(clock.now()).toEqual(new Date(start + 18_000));
  });

  it('another process that has known the time for longer bears out the database where the machine does not', async () => {
    const { readDatabaseTime, state } = database();
    state.shiftMs = 600_000;
    const said = { deny: false, vouch: false };
    const clock = await startClock({ readDatabaseTime, log, uptime, exchange: async () => said });
    stop = clock.stop;
    await pass(3_000);
    expect(clock.isTrusted()).toBe(false);
    said.vouch = true;
    await pass(7_000);
    expect(clock.isTrusted()).toBe(true);
    expect(clock.now()).toEqual(new Date(start + 610_000));
  });
});

it('is not trusted while another process denies the database’s time, which says nothing without a history', async () => {
  const said = { deny: true, vouch: false };
  const told: (boolean | null)[] = [];
  const exchange = async (isRight: boolean | null) => {
    told.push(isRight);
    return said;
  };
  const { clock, state } = await started(0, { exchange });
  expect(clock.isTrusted()).toBe(false);
  said.deny = false;
  await pass(8_000);
  expect(clock.isTrusted()).toBe(true);
  said.deny = true;
  await pass(11_000);
  expect(clock.isTrusted()).toBe(false);
  said.deny = false;
  await pass(1_000);
  expect(clock.isTrusted()).toBe(true);
  state.shiftMs = 60_000;
  await pass(11_000);
  expect(told[0]).toBeNull();
  expect(told).toContain(true);
  expect(told.at(-1)).toBe(false);
});

it.each([-180_000, 180_000])(
  'is not trusted from the instant at which the process’s own time jumps by %i ms, and is again, with no time lost, in 2 s',
  async (jump) => {
    const { readDatabaseTime } = database();
    let shift = 0;
    const monotonic = () => performance.now() + shift;
    const clock = await startClock({ readDatabaseTime, log, uptime, monotonic });
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
