import { type Alarm, type Lane, lowerLanes, readLane } from '../db/rows/lanes.ts';
import { isCausedByRow } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { effectsOfTimer } from '../domain/closing/owed-effects.ts';
import type { LaneFacts } from '../domain/conversation/conversation.ts';
import { firingOf } from '../domain/conversation/fire-timer.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { TimerKind } from '../domain/policy/channel-rules.ts';
import { dueSegments, subtract } from '../domain/time/calendar.ts';
import { type Timer, timersFor } from '../domain/time/timers.ts';
import type { Caused, Causing, EngineDeps } from '../engine.ts';
import { consecutiveIds } from './consecutive-ids.ts';
import { type Acted, type Batch, ClocksDisagreeError, type Done, fireTimer } from './fire-timer.ts';
import { setAside } from './set-aside.ts';
import { knownFloor, lowerOf, settleLane } from './settle-lane.ts';

/** A wake ends after this long and goes on as a new one, so that no account starves another. */
const WAKE_MS = 250;
/** Locked rows are tried again after this. A wake that ran out of time goes on at once. */
const REST_MS = 100;
/** Conversations in one batch. */
const BATCH_SIZE = 500;
/** Timers that also act on conversations with an exempt tag (PE-7). */
const RUNS_WHEN_EXEMPT: ReadonlySet<TimerKind> = new Set(['RELEASE_HOLD', 'PROTECT']);

/** The wake of a lane. `wakeAt` is the time of its alarm; null for the reconciler, which wakes the lane in any case. */
export type Waking = { accountId: string; laneId: string; wakeAt: Date | null };

type Woken = {
  kind: 'woken';
  /** How many conversations each timer acted on. */
  acted: Partial<Record<TimerKind, number>>;
  /** The lateness, in milliseconds, of each end. */
  latenessMs: Partial<Record<TimerKind, number[]>>;
  setAside: string[];
  /** The lane's next alarm; null if nothing in it is ever due. */
  alarm: Alarm | null;
};

/**
 * The outcome of a wake. `superseded`: the alarm was stale. `clock not trusted`: the time is in doubt, and nothing acted.
 * `failed`: an error stopped the wake; what was committed before it stands.
 */
export type WakeReport =
  | { kind: 'superseded' }
  | { kind: 'clock not trusted' }
  | { kind: 'failed'; error: unknown }
  | Woken;

type WakeDeps = Pick<EngineDeps, 'db' | 'clock' | 'rules' | 'lanes' | 'newId' | 'woke'>;

/**
 * Wakes a lane: lets its timers act on every conversation that is due, in batches, timers that end first; then settles the lane,
 * which finds its next alarm. An alarm that is not the lane's `wake_at` is stale and does nothing.
 */
export async function wakeLane(deps: WakeDeps, waking: Waking): Promise<Causing<WakeReport>> {
  const begunMs = deps.clock.now().getTime();
  const caused: Required<Pick<Caused, 'alarms' | 'owes' | 'changed'>> & { alarms: Alarm[] } = {
    alarms: [],
    owes: false,
    changed: { accountId: waking.accountId, conversationIds: [] },
  };
  const report = await wake(deps, waking, caused).catch((error: unknown): WakeReport => {
    if (!(error instanceof ClocksDisagreeError)) return { kind: 'failed', error };
    deps.clock.doubt();
    return { kind: 'clock not trusted' };
  });
  deps.woke?.(report, deps.clock.now().getTime() - begunMs);
  return { result: report, caused };
}

/** What a wake caused so far. It grows with each batch, so that nothing is lost if a later one fails. */
type CausedSoFar = { alarms: Alarm[]; owes: boolean; changed: { conversationIds: string[] } };

/** A wake under way. */
type Wake = {
  lane: Lane;
  rules: AccountRules;
  timers: readonly Timer[];
  /** When the wake has to stop acting, in milliseconds since 1970. */
  untilMs: number;
  report: Woken;
  caused: CausedSoFar;
};

async function wake(deps: WakeDeps, waking: Waking, caused: CausedSoFar): Promise<WakeReport> {
  const { accountId, laneId, wakeAt } = waking;
  if (!deps.clock.isTrusted()) return { kind: 'clock not trusted' };
  const found = await readLane(deps.db.sql, accountId, laneId);
  if (found === null || (wakeAt !== null && found.wakeAt?.getTime() !== wakeAt.getTime()))
    return { kind: 'superseded' };
  const rules = await deps.rules.at(accountId, found.rulesVersion);
  const untilMs = deps.clock.now().getTime() + WAKE_MS;
  const timers = timersFor(rules, found.facts);
  const lane = { ...found, floor: await knownFloor(deps, found, timers) };
  const report: Woken = { kind: 'woken', acted: {}, latenessMs: {}, setAside: [], alarm: null };
  const under: Wake = { lane, rules, timers, untilMs, report, caused };
  for (const timer of timers) await runTimer(deps, under, timer);
  const restMs = deps.clock.now().getTime() < untilMs ? REST_MS : 0;
  report.alarm = await settleLane(deps, lane, rules, restMs);
  if (report.alarm) caused.alarms.push(report.alarm);
  return report;
}

/** Lets one timer act, batch by batch, until nothing is due or the wake is out of time. */
async function runTimer(deps: WakeDeps, under: Wake, timer: Timer): Promise<void> {
  const { report, caused, untilMs } = under;
  let limit = BATCH_SIZE;
  let lower = firstClock(deps, under, timer);
  while (deps.clock.now().getTime() < untilMs && deps.clock.isTrusted()) {
    const batch = batchOf(deps, under, timer, { limit, lower });
    try {
      const { acted, newest } = await act(deps, batch, caused);
      report.acted[timer.kind] = (report.acted[timer.kind] ?? 0) + acted.length;
      const late = acted.flatMap(({ latenessMs }) => (latenessMs === null ? [] : [latenessMs]));
      if (late.length > 0)
        report.latenessMs[timer.kind] = [...(report.latenessMs[timer.kind] ?? []), ...late];
      for (const { id } of acted) caused.changed.conversationIds.push(id);
      if (batch.owed.length > 0 && acted.length > 0) caused.owes = true;
      if (acted.length < limit) return;
      // A conversation that left the lane leaves a dead index entry, which the next batch would have to pass.
      if (newest !== null) lower = newest;
    } catch (error) {
      if (!isCausedByRow(error)) throw error;
      if (limit > 1) limit = Math.floor(limit / 2);
      else {
        const id = await setAside(deps.db.sql, batch);
        if (id === null) return;
        if (id === 'FINE') continue;
        report.setAside.push(id);
        limit = BATCH_SIZE;
      }
    }
  }
}

/**
 * The least clock that a timer looks at. A timer that does not end a conversation begins after the newest clock that the timers
 * before it take: a conversation that is due to close is not warned, even while its row is locked.
 */
function firstClock({ clock }: WakeDeps, { lane, timers }: Wake, timer: Timer): Date {
  const lower = lowerOf(timer, lane.floor);
  if (timer.action.does === 'END') return lower;
  const now = clock.now();
  const before = timers.slice(0, timers.indexOf(timer)).filter((each) => each.clock === timer.clock);
  const cutoffs = before.map(({ calendar, afterMs }) => subtract(calendar, now, afterMs).getTime());
  const takenMs = Math.max(...cutoffs);
  return takenMs >= lower.getTime() ? new Date(takenMs + 1) : lower;
}

function batchOf(
  deps: WakeDeps,
  { lane, rules }: Wake,
  timer: Timer,
  { limit, lower }: { limit: number; lower: Date },
): Batch {
  const now = deps.clock.now();
  const cutoff = subtract(timer.calendar, now, timer.afterMs);
  const isAnyDue = lower <= cutoff;
  const owed = isAnyDue ? effectsOfTimer(timer, lane.facts, rules, now) : [];
  return {
    lane,
    timer,
    firing: firingOf(timer, lane.facts),
    targetLaneId: null,
    lower,
    cutoff,
    segments: isAnyDue ? dueSegments(timer.calendar, lower, cutoff, timer.afterMs) : [],
    rulesVersion: rules.version,
    rulesSince: rules.since,
    now,
    tolerance: deps.clock.tolerance(now),
    limit,
    passedTags: lane.facts.exempt || RUNS_WHEN_EXEMPT.has(timer.kind) ? [] : [...rules.exemptTags],
    owed,
    owedIds: owed.length === 0 ? [] : consecutiveIds(deps.newId(), owed.length * limit),
  };
}

/** Carries out a batch. An end is one autocommitted statement; a move to another lane also lowers that lane. */
async function act(deps: WakeDeps, batch: Batch, caused: CausedSoFar): Promise<Done> {
  if (batch.lower > batch.cutoff) return { acted: [], newest: null };
  const { facts } = batch.firing;
  return facts === null ? await fireTimer(deps.db.sql, batch) : await move(deps, batch, facts, caused);
}

async function move(deps: WakeDeps, batch: Batch, facts: LaneFacts, caused: CausedSoFar): Promise<Done> {
  const { accountId } = batch.lane;
  const { moved, found, lowered } = await inTransaction(deps.db.sql, async (sql) => {
    const found = await deps.lanes.find(sql, accountId, [facts], batch.now);
    const laneId = found.idOf(facts);
    const moved = await fireTimer(sql, { ...batch, targetLaneId: laneId });
    if (moved.acted.length === 0) return { moved, found, lowered: [] };
    const floor = floorOf(batch, moved.acted);
    const lowered = await lowerLanes(sql, accountId, [{ laneId, wakeAt: batch.now, floor }]);
    return { moved, found, lowered };
  });
  deps.lanes.remember(found);
  caused.alarms.push(...found.alarms, ...lowered);
  return moved;
}

/** The least clock that a batch brings into a lane: that of its lane, or the end of a released hold. */
function floorOf({ lane, timer }: Batch, acted: readonly Acted[]): Date {
  if (timer.action.does !== 'RELEASE') return lane.floor;
  const ends = acted.flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt.getTime()]));
  return new Date(Math.min(lane.floor.getTime(), ...ends));
}
