import { expect, it, vi } from 'vitest';
import { startClock } from '../src/clock.ts';
import { log, pass, start, started, withFakeTime } from './support/database-time.ts';

withFakeTime();

it("the clock shows the database's time, whatever the system clock shows", async () => {
  const { clock } = await started();
  vi.setSystemTime(Date.parse('1999-01-01T00:00:00Z'));
  await pass(1234);
  expect(clock.now()).toEqual(new Date(start + 1234));
  expect(clock.isTrusted()).toBe(true);
});

it('half of the round trip is subtracted from a reading', async () => {
  const { clock } = await started({ answerMs: 80 });
  expect(clock.now()).toEqual(new Date(start + 80));
});

it('the clock shows whole milliseconds', async () => {
  const { clock } = await started({}, { monotonic: () => 0.7 });
  expect(Number.isInteger(clock.now().getTime())).toBe(true);
});

it('the clock follows a slow drift and stays trusted', async () => {
  const { clock, state } = await started();
  for (let reading = 1; reading <= 10; reading++) {
    state.shiftMs = reading * 10;
    await pass(10_000);
    expect(clock.isTrusted()).toBe(true);
  }
  expect(clock.now()).toEqual(new Date(start + 100_100));
});

it('a slow answer changes neither the time nor its trust', async () => {
  const { clock, state } = await started();
  state.answerMs = 3000;
  await pass(13_000);
  expect(clock.now()).toEqual(new Date(start + 13_000));
  expect(clock.isTrusted()).toBe(true);
});

it('the clock does not follow a database that runs too fast, and is not trusted once the database is half a second ahead', async () => {
  const { clock, state } = await started();
  for (let reading = 1; reading <= 6; reading++) {
    state.shiftMs = reading * 100;
    await pass(10_000);
  }
  expect(clock.now().getTime() - start).toBeLessThanOrEqual(60_000 + 60);
  expect(clock.isTrusted()).toBe(false);
});

it.each([600_000, -600_000, 3_600_000])(
  'the clock never follows a database that jumps by %i ms for 9 s, and is trusted once it has agreed for 5 s',
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

it('a jump of the database is not followed for hours while the machine’s time of day contradicts it', async () => {
  const { clock, state } = await started();
  state.shiftMs = 60_000;
  await pass(2 * 3_600_000);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 2 * 3_600_000));
});

it('a step back of the database and the machine is followed after 60 s', async () => {
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

it('a step ahead of both is followed after 60 s, once `resume` has recorded that the skipped time does not count', async () => {
  let isRecorded = false;
  const asked: unknown[] = [];
  const resume = async (...args: unknown[]) => {
    asked.push(args);
    if (!isRecorded) throw new Error('down');
  };
  const { clock, state } = await started({}, { resume });
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

it('the clock is not trusted while the database and the machine jump every 40 s', async () => {
  const { clock, state } = await started();
  for (let step = 1; step <= 4; step++) {
    state.shiftMs += 60_000;
    vi.setSystemTime(Date.now() + 60_000);
    await pass(40_000);
    expect(clock.isTrusted()).toBe(false);
  }
  expect(clock.now()).toEqual(new Date(start + 160_000));
});

it('the clock continues if only the machine’s time of day jumps', async () => {
  const { clock } = await started();
  vi.setSystemTime(Date.now() + 600_000);
  expect(clock.isTrusted()).toBe(false);
  await pass(1_500);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 1_500));
});

it('the time for which the machine was suspended counts at once', async () => {
  let awake = 0;
  const { clock } = await started({}, { monotonic: () => performance.now() - awake });
  await pass(1_000);
  awake = 600_000;
  await pass(600_000);
  expect(clock.now()).toEqual(new Date(start + 601_000));
  await pass(1_500);
  expect(clock.isTrusted()).toBe(true);
  expect(clock.now()).toEqual(new Date(start + 602_500));
});

it('after a statement reports a doubtful time, the clock is not trusted until both have agreed for 5 s', async () => {
  const { clock } = await started();
  await pass(1_000);
  clock.doubt();
  expect(clock.isTrusted()).toBe(false);
  await pass(4_000);
  expect(clock.isTrusted()).toBe(false);
  await pass(3_000);
  expect(clock.isTrusted()).toBe(true);
});

it.each([-180_000, 180_000])(
  'a jump of the monotonic clock by %i ms ends trust at once; it returns within 2 s, with no time lost',
  async (jump) => {
    let shift = 0;
    const { clock } = await started({}, { monotonic: () => performance.now() + shift });
    await pass(500);
    shift = jump;
    expect(clock.isTrusted()).toBe(false);
    await pass(1_500);
    expect(clock.isTrusted()).toBe(true);
    expect(clock.now()).toEqual(new Date(start + 2_000));
  },
);

it('after a late first answer, quick answers cause no jump', async () => {
  async function late(): Promise<Date> {
    const at = performance.now();
    await new Promise((resolve) => setTimeout(resolve, at === 0 ? 3_000 : 0));
    return new Date(start + at);
  }
  const { clock } = await started({ answerMs: 3_000 }, { readDatabaseTime: late });
  expect(clock.isTrusted()).toBe(true);
  for (let second = 0; second < 15; second++) {
    await pass(1_000);
    expect(clock.isTrusted()).toBe(true);
  }
  expect(Math.abs(clock.now().getTime() - start - performance.now())).toBeLessThan(20);
});

it('the clock continues untrusted while the database cannot be read', async () => {
  const { clock, state } = await started();
  state.down = true;
  await pass(10_000);
  expect(clock.isTrusted()).toBe(false);
  expect(clock.now()).toEqual(new Date(start + 10_000));
  state.down = false;
  await pass(1000);
  expect(clock.isTrusted()).toBe(true);
});

it('the clock is not trusted while a reading hangs', async () => {
  const { clock, state } = await started();
  state.answerMs = 600_000;
  await pass(21_000);
  expect(clock.isTrusted()).toBe(false);
});

it('the clock does not start if the first reading fails', async () => {
  const readDatabaseTime = async () => {
    throw new Error('down');
  };
  await expect(startClock({ readDatabaseTime, log })).rejects.toThrow('down');
});
