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
import type { EngineDeps } from '../engine.ts';
import { consecutiveIds } from './consecutive-ids.ts';
import { type Acted, type Batch, ClocksDisagreeError, type Done, fireTimer } from './fire-timer.ts';
import { setAside } from './set-aside.ts';
import { knownFloor, lowerOf, settleLane } from './settle-lane.ts';

/** A wake gives way after this long, so that no account starves another. */
const WAKE_MS = 250;
/** Rows that somebody held are tried again after this; a wake that gave way goes on at once. */
const REST_MS = 100;
const BATCH = 500;
/** What a conversation with an exempt tag has too. */
const RUNS_WHEN_EXEMPT: ReadonlySet<TimerKind> = new Set(['RELEASE_HOLD', 'PROTECT']);

/** What a wake did. `alarm`: when the lane is to be woken next. */
export type WakeReport =
  | { kind: 'superseded' }
  | { kind: 'clock not trusted' }
  | {
      kind: 'woken';
      acted: Partial<Record<TimerKind, number>>;
      /** How late each ending timer's ends were. */
      latenessMs: Partial<Record<TimerKind, number[]>>;
      setAside: string[];
      alarm: Alarm | null;
    };

/**
 * Wakes a lane: lets its timers act on whoever is due, in batches, those that end first; then settles it and
 * arms its next alarm. An alarm whose time is not the lane's is stale and does nothing; without a time (the
 * reconciler's) it always acts.
 */
export async function wakeLane(deps: EngineDeps, waking: Waking): Promise<WakeReport> {
  const begunMs = deps.clock.now().getTime();
  const tell = (report: WakeReport | { kind: 'failed' }) =>
    deps.woke?.(report, deps.clock.now().getTime() - begunMs);
  try {
    const report = await wake(deps, waking);
    tell(report);
    return report;
  } catch (error) {
    if (error instanceof ClocksDisagreeError) {
      deps.clock.doubt();
      const report: WakeReport = { kind: 'clock not trusted' };
      tell(report);
      return report;
    }
    tell({ kind: 'failed' });
    throw error;
  }
}

type Waking = { accountId: string; laneId: string; wakeAt: Date | null };

async function wake(deps: EngineDeps, { accountId, laneId, wakeAt }: Waking): Promise<WakeReport> {
  if (!deps.clock.isTrusted()) return { kind: 'clock not trusted' };
  const found = await readLane(deps.db.sql, accountId, laneId);
  if (found === null || (wakeAt !== null && found.wakeAt?.getTime() !== wakeAt.getTime()))
    return { kind: 'superseded' };
  const rules = await deps.rules.at(accountId, found.rulesVersion);
  const report: Extract<WakeReport, { kind: 'woken' }> = {
    kind: 'woken',
    acted: {},
    latenessMs: {},
    setAside: [],
    alarm: null,
  };
  const until = deps.clock.now().getTime() + WAKE_MS;
  const timers = timersFor(rules, found.facts);
  const lane = { ...found, floor: await knownFloor(deps, found, timers) };
  let isOwed = false;
  for (const timer of timers) {
    const after = timer.action.does === 'END' ? null : takenUpTo(timers, timer, deps.clock.now());
    if (await runTimer(deps, lane, timer, rules, report, until, after)) isOwed = true;
  }
  if (isOwed) await deps.nudgeSender();
  report.alarm = await settleLane(deps, lane, rules, deps.clock.now().getTime() < until ? REST_MS : 0);
  if (report.alarm) await deps.scheduleWakes([report.alarm]);
  return report;
}

/** Lets a timer act, batch by batch; whether anything is owed to the world for it. */
async function runTimer(
  deps: EngineDeps,
  lane: Lane,
  timer: Timer,
  rules: AccountRules,
  report: Extract<WakeReport, { kind: 'woken' }>,
  until: number,
  after: Date | null,
): Promise<boolean> {
  let limit = BATCH;
  let lower = lowerOf(timer, lane.floor);
  if (after !== null && after >= lower) lower = new Date(after.getTime() + 1);
  let isOwed = false;
  while (deps.clock.now().getTime() < until && deps.clock.isTrusted()) {
    const batch = batchOf(deps, lane, timer, rules, limit, lower);
    try {
      const { acted, newest } = await act(deps, batch);
      report.acted[timer.kind] = (report.acted[timer.kind] ?? 0) + acted.length;
      const late = acted.flatMap(({ latenessMs }) => (latenessMs === null ? [] : [latenessMs]));
      if (late.length > 0)
        report.latenessMs[timer.kind] = [...(report.latenessMs[timer.kind] ?? []), ...late];
      if (acted.length > 0)
        deps.publish({ accountId: lane.accountId, conversationIds: acted.map(({ id }) => id) });
      if (batch.owed.length > 0 && acted.length > 0) isOwed = true;
      if (acted.length < limit) return isOwed;
      // Whoever has gone since leaves an index entry that the next batch would have to pass.
      if (newest !== null) lower = newest;
    } catch (error) {
      if (!isCausedByRow(error)) throw error;
      if (limit > 1) limit = Math.floor(limit / 2);
      else {
        const id = await setAside(deps.db.sql, batch);
        if (id === null) return isOwed;
        if (id === 'FINE') continue;
        report.setAside.push(id);
        limit = BATCH;
      }
    }
  }
  return isOwed;
}

/** The newest clock that the timers before this one take: a conversation whose close is due is not warned, even if its row is held just now. */
function takenUpTo(timers: readonly Timer[], timer: Timer, now: Date): Date | null {
  const before = timers.slice(0, timers.indexOf(timer)).filter(({ clock }) => clock === timer.clock);
  const cutoffs = before.map(({ calendar, afterMs }) => subtract(calendar, now, afterMs).getTime());
  return cutoffs.length === 0 ? null : new Date(Math.max(...cutoffs));
}

function batchOf(
  deps: EngineDeps,
  lane: Lane,
  timer: Timer,
  rules: AccountRules,
  limit: number,
  lower: Date,
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

/** An end is one autocommitted statement; who moves to another lane goes with what that lane has to be told. */
async function act(deps: EngineDeps, batch: Batch): Promise<Done> {
  if (batch.lower > batch.cutoff) return { acted: [], newest: null };
  const { facts } = batch.firing;
  return facts === null ? await fireTimer(deps.db.sql, batch) : await move(deps, batch, facts);
}

async function move(deps: EngineDeps, batch: Batch, facts: LaneFacts): Promise<Done> {
  const { accountId } = batch.lane;
  const done = await inTransaction(deps.db.sql, async (sql) => {
    const found = await deps.lanes.find(sql, accountId, [facts], batch.now);
    const laneId = found.idOf(facts);
    const moved = await fireTimer(sql, { ...batch, targetLaneId: laneId });
    if (moved.acted.length === 0) return { moved, alarms: found.alarms, found };
    const lowered = await lowerLanes(sql, accountId, [
      { laneId, wakeAt: batch.now, floor: floorOf(batch, moved.acted) },
    ]);
    return { moved, alarms: [...found.alarms, ...lowered], found };
  });
  done.found.remember();
  await deps.scheduleWakes(done.alarms);
  return done.moved;
}

/** The least clock that a batch brings along: its lane's, or, of a released hold, the instant it ended. */
function floorOf({ lane, timer }: Batch, acted: readonly Acted[]): Date {
  if (timer.action.does !== 'RELEASE') return lane.floor;
  const ends = acted.flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt.getTime()]));
  return new Date(Math.min(lane.floor.getTime(), ...ends));
}
