/** What the database's time was read as, by this process's running time, in milliseconds. */
export type Reading = {
  /** When it was read. */
  atMs: number;
  /** How far the database's time is ahead of the running time: between these two. */
  from: number;
  to: number;
  /** How far the machine's time of day is ahead of it. */
  machine: number;
};

/** What a process says of the database's time. STEPPING: it is borne out, and not what this process went by until now. */
export type Opinion = 'RIGHT' | 'WRONG' | 'STEPPING';

/** What other processes say: whether one finds it wrong, whether one is stepping, whether one has borne it out since this one asks. */
export type Others = { deny: boolean; step: boolean; vouch: boolean };

/** Why nothing may be ended. Null: something may. */
export type Doubt = 'NEVER_SHOWN' | 'JUMPED' | 'DENIED' | 'DOUBTED' | null;

/**
 * What is to happen before the time is trusted: it was never shown to be right until now; or it was put ahead of what has
 * passed, by so much.
 */
export type Resume = { kind: 'START' } | { kind: 'AHEAD'; byMs: number };

/** A difference up to this is none. */
export const JUMP_MS = 500;
/** Two clocks of which neither has a history agree up to this difference. */
const WITNESS_MS = 2_000;
/** For so long the clocks have to agree again after they did not. */
const AGREE_MS = 5_000;
/** For so long a step has to last, borne out by the machine's time of day, until it is followed. */
const FOLLOW_MS = 60_000;
/** The database's time is followed by at most so much for each millisecond, which is more than clocks that are right differ. */
const DRIFT = 0.001;

/** What time it is, how sure that is, and what to do about the last reading. */
export type Judge = {
  /** How far the time is ahead of the running time, in milliseconds. */
  offset(): number;
  doubt(): Doubt;
  /** What this process says of a reading; null: it has no history to tell by. */
  says(reading: Reading): Opinion | null;
  /** How far the last reading is ahead of the time, and of the machine's; null where the time is trusted. */
  differs(): { byMs: number; fromMachineMs: number } | null;
  /** Takes a reading. What it answers is to be done before `trust` is called; null: nothing. */
  take(reading: Reading, others: Others): Resume | null;
  trust(): void;
  /** From now on the clocks have to agree for a while. */
  suspect(): void;
};

/**
 * Judges the database's time by the running time, which it must not leave, by the machine's time of day, which has to bear
 * out a step, and by what other processes say. Reads no clock itself.
 */
export function openJudge(): Judge {
  let offset = 0;
  let isShown = false;
  let isTrusted = false;
  let isDenied = false;
  let isSuspect = false;
  let isFirst = true;
  /** Since when readings agree with the time, or all with another. */
  let agreesSince: number | null = null;
  let step: { offset: number; sinceMs: number; slack: number } | null = null;
  /** How far off the offset may be, for an answer was slow: so far it may move at once. */
  let slack = 0;
  let lastMs = 0;
  let differs = { byMs: 0, fromMachineMs: 0 };

  /** What of the reading is closest to the time: a slow answer does not shake it. */
  const near = (reading: Reading) => within(reading, offset);
  const agrees = (reading: Reading) => Math.abs(near(reading) - offset) <= JUMP_MS + slack;

  /**
   * Without a history the later of both times, so that what is stamped by it closes late, never early; the machine's where
   * another process, which has one, denies the database's.
   */
  function show(reading: Reading, { deny, vouch }: Others): Resume | null {
    const read = middle(reading);
    const isShownBy = isBorneOut(reading) || vouch;
    slack = width(reading) / 2;
    // Of what a slow answer leaves open, the machine's time is the likeliest.
    if (isShownBy) offset = isBorneOut(reading) ? within(reading, reading.machine) : read;
    else offset = deny ? reading.machine : Math.max(read, reading.machine);
    if (deny || !isShownBy) {
      agreesSince = null;
      return null;
    }
    agreesSince ??= reading.atMs;
    return isFirst || reading.atMs - agreesSince >= AGREE_MS ? { kind: 'START' } : null;
  }

  function agree(reading: Reading): void {
    const { atMs } = reading;
    step = null;
    if (isTrusted) {
      const most = DRIFT * (atMs - lastMs) + slack;
      offset += Math.min(Math.max(near(reading) - offset, -most), most);
      slack = Math.min(slack, width(reading) / 2);
      return;
    }
    agreesSince ??= atMs;
    if (atMs - agreesSince >= AGREE_MS) trust();
  }

  function differ(reading: Reading, { deny }: Others): Resume | null {
    isTrusted = false;
    agreesSince = null;
    const read = middle(reading);
    if (step === null || Math.abs(read - step.offset) > JUMP_MS)
      step = { offset: read, sinceMs: reading.atMs, slack: 0 };
    if (!isBorneOut(reading) || deny || reading.atMs - step.sinceMs < FOLLOW_MS) return null;
    const byMs = read - offset;
    Object.assign(step, { offset: read, slack: width(reading) / 2 });
    if (byMs > 0) return { kind: 'AHEAD', byMs };
    trust();
    return null;
  }

  function trust(): void {
    if (step !== null) ({ offset, slack } = step);
    step = null;
    isShown = true;
    isTrusted = true;
    isSuspect = false;
    agreesSince = null;
  }

  return {
    offset: () => offset,
    doubt() {
      if (!isShown) return 'NEVER_SHOWN';
      if (!isTrusted) return isSuspect && step === null ? 'DOUBTED' : 'JUMPED';
      return isDenied ? 'DENIED' : null;
    },
    says(reading) {
      if (!isShown) return null;
      if (agrees(reading)) return 'RIGHT';
      return isBorneOut(reading) ? 'STEPPING' : 'WRONG';
    },
    differs: () => (isTrusted ? null : differs),
    take(reading, others) {
      let resume: Resume | null = null;
      if (!isShown) resume = show(reading, others);
      else if (agrees(reading)) agree(reading);
      else resume = differ(reading, others);
      // Who steps stamps by another time until it has followed.
      isDenied = others.deny || others.step;
      const read = middle(reading);
      differs = { byMs: read - offset, fromMachineMs: read - reading.machine };
      isFirst = false;
      lastMs = reading.atMs;
      return resume;
    },
    trust,
    suspect() {
      if (isTrusted) isSuspect = true;
      isTrusted = false;
      agreesSince = null;
    },
  };
}

/** Whether the machine's time of day says the same. */
function isBorneOut(reading: Reading): boolean {
  return Math.abs(middle(reading) - reading.machine) <= WITNESS_MS;
}

function within({ from, to }: Reading, offset: number): number {
  return Math.min(Math.max(offset, from), to);
}

function width({ from, to }: Reading): number {
  return to - from;
}

function middle({ from, to }: { from: number; to: number }): number {
  return (from + to) / 2;
}
