import { uptime as machineUptime } from 'node:os';
import {
  type Doubt,
  JUMP_MS,
  type Judge,
  type Opinion,
  type Others,
  openJudge,
  type Reading,
  type Resume,
} from './clock/judge.ts';
import type { Log } from './log.ts';

/** The only source of the time. Instants are whole milliseconds of the database's time, as long as it runs evenly. */
export type Clock = {
  now(): Date;
  /**
   * False while the database's time could not be read, and after a clock jumped until all agree: then nothing may be
   * ended. `now` goes on from before it.
   */
  isTrusted(): boolean;
  /** What the database's own clock may show when it carries out a statement that goes by `now`. */
  tolerance(now: Date): { from: Date; to: Date };
  /** Says that it showed something else: nothing is trusted until the clocks have agreed for a while. */
  doubt(): void;
};

/** How often it looks whether a reading is due, or needed sooner. */
const LOOK_MS = 1000;
/** A statement may come to the database so long after the time it goes by. */
const UNDER_WAY_MS = 30_000;
/** So often the time of day is looked at for a reading. */
const LOOKS = 3;
const NOBODY: Others = { deny: false, step: false, vouch: false };

type StartClock = {
  /** Asks the database for its time, anew at each call. */
  readDatabaseTime: () => Promise<Date>;
  log: Log;
  intervalMs?: number;
  /** Milliseconds from any fixed point; never set, only running. It may stand still while the machine is suspended. */
  monotonic?: () => number;
  /** The same, but running while the machine is suspended, where the system can tell. */
  uptime?: () => number;
  /**
   * Done before the time is trusted for the first time, unless that is at the start, and before it is put ahead, from
   * `since` to `now`. While it fails, the time is not trusted.
   */
  resume?: (resume: Resume, since: Date, now: Date) => Promise<void>;
  /** Tells other processes what this one thinks of the database's time, and asks for theirs. Null: it cannot tell. */
  exchange?: (says: Opinion | null) => Promise<Others>;
};

/** The machine's own time of day, by which nothing is timed: it bears out steps of the database's. */
const timeOfDay = () => Date.now();

/**
 * Starts the process's clock: the running time plus an offset read from the database, now and every 10 s (ADR 21).
 * Rejects if the first reading fails. `offsetMs`: how far the time is ahead of this machine's.
 */
export async function startClock({
  readDatabaseTime,
  log,
  intervalMs = 10_000,
  monotonic = () => performance.now(),
  uptime = () => machineUptime() * 1000,
  resume = async () => {},
  exchange = async () => NOBODY,
}: StartClock): Promise<Clock & { offsetMs(): number; stop(): void }> {
  const judge = openJudge();
  const running = openRunning({ monotonic, uptime, log });
  let failed = false;
  let stopped = false;
  let lastRead = 0;
  const report = openReport(judge, log);
  await take(await read(), true);
  let timer = setTimeout(look, Math.min(LOOK_MS, intervalMs));

  /** The offset lies somewhere in between: the database took its time after the call left and before it came back. */
  async function read(): Promise<Reading> {
    const leadBefore = running.lead();
    const sent = running.now();
    const time = (await readDatabaseTime()).getTime();
    const atMs = running.now();
    if (Math.abs(running.lead() - leadBefore) > JUMP_MS)
      throw new Error('a clock of this machine jumped meanwhile');
    return { atMs, from: time - atMs, to: time - sent, machine: aheadOf(running.now) };
  }

  async function take(reading: Reading, isFirst: boolean): Promise<void> {
    const others = await exchange(judge.says(reading)).catch((error: unknown) => {
      log.debug({ err: error }, 'what other processes say of the time could not be read');
      return NOBODY;
    });
    const since = new Date(Math.floor(running.now() + judge.offset()));
    const asked = judge.take(reading, others);
    if (asked !== null) {
      // Until that is done, whoever asks has the time from before.
      const by = asked.kind === 'AHEAD' ? asked.byMs : 0;
      const now = new Date(Math.floor(running.now() + judge.offset() + by));
      if (!isFirst) await resume(asked, since, now);
      judge.trust();
    }
    lastRead = running.now();
    running.settle();
    report();
  }

  async function again(): Promise<void> {
    try {
      await take(await read(), false);
      if (failed) log.info('the time can be read from the database again');
      failed = false;
    } catch (error) {
      if (!failed && !stopped) log.warn({ err: error }, 'the time could not be read from the database');
      failed = true;
    }
  }

  async function look(): Promise<void> {
    if (!trusted() || running.now() - lastRead >= intervalMs) await again();
    if (!stopped) timer = setTimeout(look, Math.min(LOOK_MS, intervalMs));
  }

  /** A reading that hangs counts as one that failed. */
  function trusted(): boolean {
    return (
      !failed && judge.doubt() === null && running.isSteady() && running.now() - lastRead <= 2 * intervalMs
    );
  }

  return {
    now: () => new Date(Math.floor(running.now() + judge.offset())),
    isTrusted: trusted,
    tolerance: (now) => ({
      from: new Date(now.getTime() - 2 * JUMP_MS),
      to: new Date(now.getTime() + UNDER_WAY_MS),
    }),
    doubt() {
      if (judge.doubt() === null)
        log.warn('a statement met another time at the database; nothing is ended for now');
      judge.suspect();
    },
    offsetMs: () => running.now() + judge.offset() - timeOfDay(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** How far the time of day is ahead: of some looks the one that took least, for a process may be held up in between. */
function aheadOf(running: () => number): number {
  const looks = Array.from({ length: LOOKS }, () => {
    const before = running();
    const time = timeOfDay();
    const after = running();
    return { tookMs: after - before, ahead: time - (before + after) / 2 };
  });
  return looks.reduce((best, look) => (look.tookMs < best.tookMs ? look : best)).ahead;
}

/** Says in the log what has become of the time, once: how far the database's is ahead, and ahead of the machine's. */
function openReport(judge: Judge, log: Log): () => void {
  let told: Doubt = null;
  return () => {
    const doubt = judge.doubt();
    if (doubt === told) return;
    told = doubt;
    const by = judge.differs();
    if (doubt === null) log.info('the clocks agree again');
    else if (doubt === 'NEVER_SHOWN')
      log.warn(
        by,
        'the database and this machine disagree about the time; nothing is ended until they agree',
      );
    else if (doubt === 'JUMPED') log.warn(by, 'the database time has jumped; nothing is ended for now');
    else if (doubt === 'DENIED')
      log.warn('another process finds the database time wrong; nothing is ended until it does not');
  };
}

type Running = {
  /** Milliseconds that have passed since some instant. */
  now(): number;
  /** How far the time of day is ahead of it: the same for ever, unless one of them jumps. */
  lead(): number;
  /** Whether neither has jumped since the last reading. */
  isSteady(): boolean;
  /** After a reading: what jumped counts as known. */
  settle(): void;
};

/** A running time that counts how long the machine was suspended: where the time of day jumps, it asks for how long the machine is up. */
function openRunning({
  monotonic,
  uptime,
  log,
}: Required<Pick<StartClock, 'monotonic' | 'uptime' | 'log'>>): Running {
  let slept = 0;
  let known = timeOfDay() - monotonic();
  let up = uptime() - monotonic();
  let isShaken = false;

  function correct(): void {
    isShaken = true;
    // A process that is held up between the two would see a jump of as much: not three times.
    const changes = [1, 2, 3].map(() => uptime() - monotonic() - up);
    const change = changes.reduce((least, next) => (Math.abs(next) < Math.abs(least) ? next : least));
    if (Math.abs(change) <= JUMP_MS) return;
    slept += change;
    up += change;
    known += change;
    log.warn({ jumpMs: Math.round(change) }, 'the running time has jumped; corrected by the uptime');
  }
  function now(): number {
    if (Math.abs(timeOfDay() - monotonic() - known) > JUMP_MS) correct();
    return monotonic() + slept;
  }
  const lead = () => timeOfDay() - now();
  return {
    now,
    lead,
    isSteady() {
      now();
      return !isShaken;
    },
    settle() {
      isShaken = false;
      known = timeOfDay() - monotonic();
      up = uptime() - monotonic();
    },
  };
}
