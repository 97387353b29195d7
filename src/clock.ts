import type { Log } from './log.ts';

/** The only source of the time. Instants are whole milliseconds of the database's time. */
export type Clock = {
  now(): Date;
  /**
   * False while the database's time could not be read, or right after it, or a clock of this machine, jumped: then
   * nothing may be ended.
   */
  isTrusted(): boolean;
};

/** A shift of the database's time against the process's by more than this is a jump; so is one of the machine's. */
const JUMP_MS = 500;
/** How often it looks whether a reading is due, or needed sooner. */
const LOOK_MS = 1000;

type StartClock = {
  /** Asks the database for its time, anew at each call. */
  readDatabaseTime: () => Promise<Date>;
  log: Log;
  intervalMs?: number;
  /** Milliseconds from any fixed point; never set, only running. */
  monotonic?: () => number;
};

/** The machine's own time of day, by which nothing is timed: it only shows where it or the running time has jumped. */
const timeOfDay = () => Date.now();

/**
 * Starts the process's clock: its monotonic time plus an offset read from the database, now and every 10 s.
 * Rejects if the first reading fails. `offsetMs`: how far the database's time is ahead of this machine's.
 */
export async function startClock({
  readDatabaseTime,
  log,
  intervalMs = 10_000,
  monotonic = () => performance.now(),
}: StartClock): Promise<Clock & { offsetMs(): number; stop(): void }> {
  const first = await read();
  let offset = middle(first);
  let jumpedTo: number | null = null;
  let lastRead = monotonic();
  let lead = ahead();
  let failed = false;
  let stopped = false;
  let timer = setTimeout(look, Math.min(LOOK_MS, intervalMs));

  /** How far the time of day is ahead of the running time: the same for ever, unless one of them jumps. */
  function ahead(): number {
    return timeOfDay() - monotonic();
  }

  /** The offset lies somewhere in between: the database took its time after the call left and before it came back. */
  async function read(): Promise<{ from: number; to: number }> {
    const leadBefore = ahead();
    const sent = monotonic();
    const time = (await readDatabaseTime()).getTime();
    if (Math.abs(ahead() - leadBefore) > JUMP_MS) throw new Error('a clock of this machine jumped meanwhile');
    return { from: time - monotonic(), to: time - sent };
  }

  async function again(): Promise<void> {
    try {
      take(await read());
      if (failed) log.info('the time can be read from the database again');
      failed = false;
      lastRead = monotonic();
      lead = ahead();
    } catch (error) {
      if (!failed && !stopped) log.warn({ err: error }, 'the time could not be read from the database');
      failed = true;
    }
  }

  async function look(): Promise<void> {
    if (!trusted() || monotonic() - lastRead >= intervalMs) await again();
    if (!stopped) timer = setTimeout(look, Math.min(LOOK_MS, intervalMs));
  }

  /** Moves the offset as little as the reading asks for, so that a slow answer does not shake the time. */
  function take(reading: { from: number; to: number }): void {
    const near = Math.min(Math.max(offset, reading.from), reading.to);
    const agrees = jumpedTo !== null && Math.abs(middle(reading) - jumpedTo) <= JUMP_MS;
    if (Math.abs(near - offset) <= JUMP_MS) {
      offset = near;
      jumpedTo = null;
    } else if (agrees) {
      log.warn(
        { jumpMs: Math.round(middle(reading) - offset) },
        'the database time has jumped; following it',
      );
      offset = middle(reading);
      jumpedTo = null;
    } else {
      if (jumpedTo === null) log.warn('the database time seems to have jumped; reading it again');
      jumpedTo = middle(reading);
    }
  }

  /** A reading that hangs counts as one that failed. */
  function trusted(): boolean {
    const isSteady = Math.abs(ahead() - lead) <= JUMP_MS;
    return !failed && jumpedTo === null && isSteady && monotonic() - lastRead <= 2 * intervalMs;
  }

  return {
    now: () => new Date(Math.floor(monotonic() + offset)),
    isTrusted: trusted,
    offsetMs: () => monotonic() + offset - Date.now(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function middle({ from, to }: { from: number; to: number }): number {
  return (from + to) / 2;
}
