/**
 * Judges the database's time by three witnesses: this process's running time, from which it must not jump; the machine's
 * time of day, which must confirm a step; and other processes. It reads no clock itself (ADR 21).
 *
 * A judge is NEVER_SHOWN until the database's time is confirmed, then TRUSTED. It is JUMPED while readings differ from the
 * time and until they agree again, and DOUBTED after a statement met another time, until readings agree.
 */

/** A reading of the database's time, in milliseconds of this process's running time. */
export type Reading = {
  /** When it was read. */
  atMs: number;
  /** The least and the most by which the database's time is ahead of the running time. */
  from: number;
  to: number;
  /** By how much the machine's time of day is ahead of the running time. */
  machine: number;
};

/** A process's opinion of the database's time. STEPPING: it is confirmed, and differs from the process's time until now. */
export type Opinion = 'RIGHT' | 'WRONG' | 'STEPPING';

/** Whether another process finds the time wrong, is stepping, or has confirmed it since this process first asked. */
export type Others = { deny: boolean; step: boolean; vouch: boolean };

/** Why nothing may be ended; null: conversations may be ended. */
export type Doubt = 'NEVER_SHOWN' | 'JUMPED' | 'DENIED' | 'DOUBTED' | null;

/** A task that comes before trust. START: the time is trusted for the first time. AHEAD: the time is put ahead by `byMs`. */
export type Resume = { kind: 'START' } | { kind: 'AHEAD'; byMs: number };

/** Smaller differences are not a jump. */
export const JUMP_MS = 500;
/** The largest difference at which the machine's time of day confirms the database's. */
const WITNESS_MS = 2_000;
/** How long readings have to agree before the time is trusted again. */
const AGREE_MS = 5_000;
/** How long a step has to last, confirmed by the machine's time of day, before it is followed. */
const FOLLOW_MS = 60_000;
/** The most by which the offset follows the database, per millisecond: more than correct clocks drift. */
const DRIFT = 0.001;

export type Judge = {
  /** How far the time is ahead of the running time, in milliseconds. */
  offset(): number;
  doubt(): Doubt;
  /** This process's opinion of a reading; null if it has no history to compare with. */
  says(reading: Reading): Opinion | null;
  /** How far the last reading is ahead of the time, and of the machine's time of day; null while the time is trusted. */
  differs(): { byMs: number; fromMachineMs: number } | null;
  /** Takes a reading. Returns the task to do before `trust` is called; null: none. */
  take(reading: Reading, others: Others): Resume | null;
  trust(): void;
  /** Trusts nothing until readings have agreed for a while. */
  suspect(): void;
};

type State = {
  phase: 'NEVER_SHOWN' | 'TRUSTED' | 'JUMPED' | 'DOUBTED';
  offset: number;
  /** By how much the offset may be wrong after a slow answer; it may be corrected by as much at once. */
  slack: number;
  /** Since when all readings agree with the time. */
  agreesSince: number | null;
  /** Another time on which all readings agree since `sinceMs`. */
  step: { offset: number; sinceMs: number; slack: number } | null;
  isDenied: boolean;
  /** When the last reading was taken; null: there was none. */
  lastMs: number | null;
  differs: { byMs: number; fromMachineMs: number };
};

export function openJudge(): Judge {
  const state: State = {
    phase: 'NEVER_SHOWN',
    offset: 0,
    slack: 0,
    agreesSince: null,
    step: null,
    isDenied: false,
    lastMs: null,
    differs: { byMs: 0, fromMachineMs: 0 },
  };
  return {
    offset: () => state.offset,
    doubt: () => doubtOf(state),
    says(reading) {
      if (state.phase === 'NEVER_SHOWN') return null;
      if (agrees(state, reading)) return 'RIGHT';
      return isConfirmed(reading) ? 'STEPPING' : 'WRONG';
    },
    differs: () => (state.phase === 'TRUSTED' ? null : state.differs),
    take: (reading, others) => take(state, reading, others),
    trust: () => trust(state),
    suspect() {
      if (state.phase === 'TRUSTED') state.phase = 'DOUBTED';
      state.agreesSince = null;
    },
  };
}

function doubtOf({ phase, step, isDenied }: State): Doubt {
  if (phase === 'TRUSTED') return isDenied ? 'DENIED' : null;
  return phase === 'DOUBTED' && step !== null ? 'JUMPED' : phase;
}

function take(state: State, reading: Reading, others: Others): Resume | null {
  const resume = respond(state, reading, others);
  // A process that is stepping stamps by another time until it has followed.
  state.isDenied = others.deny || others.step;
  const read = middle(reading);
  state.differs = { byMs: read - state.offset, fromMachineMs: read - reading.machine };
  state.lastMs = reading.atMs;
  return resume;
}

function respond(state: State, reading: Reading, others: Others): Resume | null {
  if (state.phase === 'NEVER_SHOWN') return show(state, reading, others);
  if (!agrees(state, reading)) return differ(state, reading, others);
  agree(state, reading);
  return null;
}

/**
 * Without a history takes the later of both times, so that conversations close late and never early. Takes the machine's if
 * another process, which has a history, denies the database's.
 */
function show(state: State, reading: Reading, { deny, vouch }: Others): Resume | null {
  const read = middle(reading);
  const isShown = isConfirmed(reading) || vouch;
  state.slack = width(reading) / 2;
  // The machine's time is the likeliest within the range of a slow answer.
  if (isShown) state.offset = isConfirmed(reading) ? within(reading, reading.machine) : read;
  else state.offset = deny ? reading.machine : Math.max(read, reading.machine);
  if (deny || !isShown) {
    state.agreesSince = null;
    return null;
  }
  state.agreesSince ??= reading.atMs;
  const isFirst = state.lastMs === null;
  return isFirst || reading.atMs - state.agreesSince >= AGREE_MS ? { kind: 'START' } : null;
}

function agree(state: State, reading: Reading): void {
  const { atMs } = reading;
  state.step = null;
  if (state.phase === 'TRUSTED') {
    const most = DRIFT * (atMs - (state.lastMs ?? atMs)) + state.slack;
    state.offset += Math.min(Math.max(within(reading, state.offset) - state.offset, -most), most);
    state.slack = Math.min(state.slack, width(reading) / 2);
    return;
  }
  state.agreesSince ??= atMs;
  if (atMs - state.agreesSince >= AGREE_MS) trust(state);
}

function differ(state: State, reading: Reading, { deny }: Others): Resume | null {
  if (state.phase === 'TRUSTED') state.phase = 'JUMPED';
  state.agreesSince = null;
  const read = middle(reading);
  if (state.step === null || Math.abs(read - state.step.offset) > JUMP_MS)
    state.step = { offset: read, sinceMs: reading.atMs, slack: 0 };
  if (!isConfirmed(reading) || deny || reading.atMs - state.step.sinceMs < FOLLOW_MS) return null;
  const byMs = read - state.offset;
  state.step = { ...state.step, offset: read, slack: width(reading) / 2 };
  if (byMs > 0) return { kind: 'AHEAD', byMs };
  trust(state);
  return null;
}

function trust(state: State): void {
  if (state.step !== null) {
    state.offset = state.step.offset;
    state.slack = state.step.slack;
  }
  state.step = null;
  state.phase = 'TRUSTED';
  state.agreesSince = null;
}

function agrees({ offset, slack }: State, reading: Reading): boolean {
  return Math.abs(within(reading, offset) - offset) <= JUMP_MS + slack;
}

/** Whether the machine's time of day confirms a reading. */
function isConfirmed(reading: Reading): boolean {
  return Math.abs(middle(reading) - reading.machine) <= WITNESS_MS;
}

/** The offset within a reading's range that is closest to `offset`: a slow answer does not move it. */
function within({ from, to }: Reading, offset: number): number {
  return Math.min(Math.max(offset, from), to);
}

function width({ from, to }: Reading): number {
  return to - from;
}

function middle({ from, to }: Reading): number {
  return (from + to) / 2;
}
