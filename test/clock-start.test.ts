import { describe, expect, it, vi } from 'vitest';
import { pass, start, started, withFakeTime } from './support/database-time.ts';

withFakeTime();

describe('when a process starts', () => {
  it.each([600_000, -600_000])(
    'a database whose time is %i ms off the machine’s is not trusted, and the clock shows the later time',
    async (shiftMs) => {
      const { clock } = await started({ shiftMs });
      await pass(120_000);
      expect(clock.isTrusted()).toBe(false);
      expect(clock.now()).toEqual(new Date(start + 120_000 + Math.max(0, shiftMs)));
    },
  );

  it('the clock shows the machine’s time if another process denies the database’s time, however far ahead it is', async () => {
    const said = { deny: true, step: false, vouch: false };
    const { clock } = await started({ shiftMs: 600_000 }, { exchange: async () => said });
    await pass(20_000);
    expect(clock.isTrusted()).toBe(false);
    expect(clock.now()).toEqual(new Date(start + 20_000));
  });

  it('the clock is trusted once both have agreed for 5 s and `resume` is done', async () => {
    const asked: unknown[] = [];
    const resume = async (kind: unknown) => void asked.push(kind);
    const { clock, state } = await started({ shiftMs: 600_000 }, { resume });
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

  it('another process that has known the time for longer confirms the database if the machine does not', async () => {
    const said = { deny: false, step: false, vouch: false };
    const { clock } = await started({ shiftMs: 600_000 }, { exchange: async () => said });
    await pass(3_000);
    expect(clock.isTrusted()).toBe(false);
    said.vouch = true;
    await pass(7_000);
    expect(clock.isTrusted()).toBe(true);
    expect(clock.now()).toEqual(new Date(start + 610_000));
  });
});

it('the clock is not trusted while another process denies the database’s time; without a history it has no opinion', async () => {
  const said = { deny: true, step: false, vouch: false };
  const told: (string | null)[] = [];
  const exchange = async (says: string | null) => {
    told.push(says);
    return said;
  };
  const { clock, state } = await started({}, { exchange });
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
  expect(told).toContain('RIGHT');
  expect(told.at(-1)).toBe('WRONG');
});

it('the clock is not trusted while another process steps; two processes that step at once do not wait for each other', async () => {
  const said = { deny: false, step: false, vouch: false };
  const told: (string | null)[] = [];
  const exchange = async (says: string | null) => {
    told.push(says);
    return said;
  };
  const { clock, state } = await started({}, { exchange });
  said.step = true;
  await pass(11_000);
  expect(clock.isTrusted()).toBe(false);
  state.shiftMs = -60_000;
  vi.setSystemTime(Date.now() - 60_000);
  await pass(30_000);
  expect(told.at(-1)).toBe('STEPPING');
  await pass(33_000);
  expect(clock.now()).toEqual(new Date(start + 14_000));
  said.step = false;
  await pass(1_000);
  expect(clock.isTrusted()).toBe(true);
});

it('the clock follows no step that another process denies', async () => {
  const said = { deny: true, step: false, vouch: false };
  const { clock, state } = await started({}, { exchange: async () => said });
  said.deny = false;
  await pass(8_000);
  said.deny = true;
  state.shiftMs = -60_000;
  vi.setSystemTime(Date.now() - 60_000);
  await pass(120_000);
  expect(clock.now()).toEqual(new Date(start + 128_000));
  said.deny = false;
  await pass(2_000);
  expect(clock.now()).toEqual(new Date(start + 70_000));
});

describe('a process that is delayed while it reads its clocks', () => {
  const HELD_MS = 100;
  /** Numbers of the clock readings to delay: those that a start takes, and some more. */
  const LOOKS = Array.from({ length: 30 }, (_, index) => index + 1);

  it.each(['before', 'after'])('shows the right time when the delay comes %s any reading', async (when) => {
    const off: number[] = [];
    for (const held of LOOKS) {
      let looks = 0;
      const holdUp = (is: boolean) => is && vi.advanceTimersByTime(HELD_MS);
      const monotonic = () => {
        looks++;
        holdUp(looks === held && when === 'before');
        const now = performance.now();
        holdUp(looks === held && when === 'after');
        return now;
      };
      const { clock } = await started({ answerMs: 400 }, { monotonic });
      // A process that is delayed again shows an old time, which is correct.
      while (looks <= held) clock.now();
      off.push(clock.now().getTime() - Date.now());
    }
    expect(off).toEqual(LOOKS.map(() => 0));
  });
});
