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
import { type MachineClocks, openRunningTime, type RunningTime } from './clock/running-time.ts';
import type { Log } from './log.ts';

/** The only source of the time: the database's, in whole milliseconds, as long as it runs evenly. */
export type Clock = {
  now(): Date;
  /**
   * Whether conversations may be ended: false while the database's time cannot be read, and after a clock jumped until all
   * agree. `now` continues from the time before.
   */
  isTrusted(): boolean;
  /** The range of the database's own clock in which a statement that uses `now` may be carried out. */
  tolerance(now: Date): { from: Date; to: Date };
  /** Reports that a statement met a time out of that range: nothing is trusted until the clocks have agreed for a while. */
  doubt(): void;
};

/** How often the clock checks whether a reading is due. */
const CHECK_MS = 1000;
/** How long a statement may take to reach the database. */
const UNDER_WAY_MS = 30_000;
/** How often the time of day is read for one reading of the database's time. */
const LOOKS = 3;
const NO_OPINION: Others = { deny: false, step: false, vouch: false };

type StartClock = Partial<Pick<MachineClocks, 'monotonic' | 'uptime'>> & {
  /** Asks the database for its time, anew at each call. */
  readDatabaseTime: () => Promise<Date>;
  log: Log;
  intervalMs?: number;
  /**
   * Called before the time is trusted for the first time, unless that is at the start, and before it is put ahead from
   * `since` to `now`. While it fails, the time is not trusted.
   */
  resume?: (resume: Resume, since: Date, now: Date) => Promise<void>;
  /** Tells other processes this one's opinion of the database's time, null if it has none, and returns theirs. */
  exchange?: (says: Opinion | null) => Promise<Others>;
};

/** The machine's time of day confirms steps of the database's; nothing is timed by it. */
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
  exchange = async () => NO_OPINION,
}: StartClock): Promise<Clock & { offsetMs(): number; stop(): void }> {
  const judge = openJudge();
  const running = openRunningTime({ monotonic, uptime, timeOfDay }, log);
  const report = openReport(judge, log);
  let hasFailed = false;
  let isStopped = false;
  let lastReadMs = 0;

  /** The time, put ahead by `aheadMs`. */
  const timeAhead = (aheadMs: number) => new Date(Math.floor(running.now() + judge.offset() + aheadMs));

  async function takeReading(isFirst: boolean): Promise<void> {
    const reading = await read(readDatabaseTime, running);
    const others = await exchange(judge.says(reading)).catch((error: unknown) => {
      log.debug({ err: error }, 'what other processes say of the time could not be read');
      return NO_OPINION;
    });
    const since = timeAhead(0);
    const task = judge.take(reading, others);
    if (task !== null) {
      // Until `resume` is done, the clock shows the time from before.
      if (!isFirst) await resume(task, since, timeAhead(task.kind === 'AHEAD' ? task.byMs : 0));
      judge.trust();
    }
    lastReadMs = running.now();
    running.settle();
    report();
  }

  async function readAgain(): Promise<void> {
    try {
      await takeReading(false);
      if (hasFailed) log.info('the time can be read from the database again');
      hasFailed = false;
    } catch (error) {
      if (!hasFailed && !isStopped) log.warn({ err: error }, 'the time could not be read from the database');
      hasFailed = true;
    }
  }

  async function check(): Promise<void> {
    if (!isTrusted() || running.now() - lastReadMs >= intervalMs) await readAgain();
    if (!isStopped) timer = setTimeout(check, Math.min(CHECK_MS, intervalMs));
  }

  /** A reading that hangs counts as one that failed. */
  function isTrusted(): boolean {
    const isRecent = running.now() - lastReadMs <= 2 * intervalMs;
    return !hasFailed && judge.doubt() === null && running.isSteady() && isRecent;
  }

  await takeReading(true);
  let timer = setTimeout(check, Math.min(CHECK_MS, intervalMs));
  return {
    now: () => timeAhead(0),
    isTrusted,
    tolerance,
    doubt() {
      if (judge.doubt() === null)
        log.warn('a statement met another time at the database; nothing is ended for now');
      judge.suspect();
    },
    offsetMs: () => running.now() + judge.offset() - timeOfDay(),
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function tolerance(now: Date): { from: Date; to: Date } {
  return { from: new Date(now.getTime() - 2 * JUMP_MS), to: new Date(now.getTime() + UNDER_WAY_MS) };
}

/** Reads the offset as a range: the database took its time after the call left and before the answer came. */
async function read(readDatabaseTime: () => Promise<Date>, running: RunningTime): Promise<Reading> {
  const leadBefore = running.lead();
  const sent = running.now();
  const time = (await readDatabaseTime()).getTime();
  const atMs = running.now();
  if (Math.abs(running.lead() - leadBefore) > JUMP_MS)
    throw new Error('a clock of this machine jumped during the reading');
  return { atMs, from: time - atMs, to: time - sent, machine: leadOfDay(running.now) };
}

/** How far the time of day is ahead. Of several looks, the quickest was least likely held up between the two clocks. */
function leadOfDay(running: () => number): number {
  const looks = Array.from({ length: LOOKS }, () => {
    const before = running();
    const time = timeOfDay();
    const after = running();
    return { tookMs: after - before, ahead: time - (before + after) / 2 };
  });
  return looks.reduce((best, look) => (look.tookMs < best.tookMs ? look : best)).ahead;
}

/** Logs the doubt about the time whenever it changes, with how far the database's time is ahead. */
function openReport(judge: Judge, log: Log): () => void {
  let reported: Doubt = null;
  return () => {
    const doubt = judge.doubt();
    if (doubt === reported) return;
    reported = doubt;
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
    // `Clock.doubt` has logged it.
    else doubt satisfies 'DOUBTED';
  };
}
