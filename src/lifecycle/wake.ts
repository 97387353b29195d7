import { type Acted, type Batch, runBatch } from '../db/batch.ts';
import { type Alarm, type Lane, lowerLanes, readLane } from '../db/lanes.ts';
import { insertOutbox } from '../db/outbox.ts';
import { setAside } from '../db/set-aside.ts';
import { dueSegments, subtract } from '../domain/calendar.ts';
import type { TimerKind } from '../domain/channel-rules.ts';
import { firingOf } from '../domain/fire.ts';
import type { AccountRules } from '../domain/rules.ts';
import { type Timer, timersFor } from '../domain/timers.ts';
import { outboxOfTimer } from './effects.ts';
import type { LifecycleDeps } from './lifecycle.ts';
import { knownFloor, lowerOf, settle } from './settle.ts';

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
export async function wakeLane(deps: LifecycleDeps, waking: Waking): Promise<WakeReport> {
  const begunMs = deps.clock.now().getTime();
  const tell = (report: WakeReport | { kind: 'failed' }) =>
    deps.woke?.(report, deps.clock.now().getTime() - begunMs);
  try {
    const report = await wake(deps, waking);
    tell(report);
    return report;
  } catch (error) {
    tell({ kind: 'failed' });
    throw error;
  }
}

type Waking = { accountId: string; laneId: string; wakeAt: Date | null };

async function wake(deps: LifecycleDeps, { accountId, laneId, wakeAt }: Waking): Promise<WakeReport> {
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
  for (const timer of timers) {
    const after = timer.action.does === 'END' ? null : takenUpTo(timers, timer, deps.clock.now());
    await runTimer(deps, lane, timer, rules, report, until, after);
  }
  report.alarm = await settle(deps, lane, rules, deps.clock.now().getTime() < until ? REST_MS : 0);
  if (report.alarm) await deps.arm([report.alarm]);
  return report;
}

async function runTimer(
  deps: LifecycleDeps,
  lane: Lane,
  timer: Timer,
  rules: AccountRules,
  report: Extract<WakeReport, { kind: 'woken' }>,
  until: number,
  after: Date | null,
): Promise<void> {
  let limit = BATCH;
  while (deps.clock.now().getTime() < until && deps.clock.isTrusted()) {
    const batch = batchOf(lane, timer, rules, deps.clock.now(), limit, after);
    try {
      const acted = await act(deps, batch, rules);
      report.acted[timer.kind] = (report.acted[timer.kind] ?? 0) + acted.length;
      const late = acted.flatMap(({ latenessMs }) => (latenessMs === null ? [] : [latenessMs]));
      if (late.length > 0)
        report.latenessMs[timer.kind] = [...(report.latenessMs[timer.kind] ?? []), ...late];
      if (acted.length > 0)
        await deps.tell({ accountId: lane.accountId, conversationIds: acted.map(({ id }) => id) });
      if (acted.length < limit) return;
    } catch (error) {
      if (!isRowsFault(error)) throw error;
      if (limit > 1) limit = Math.floor(limit / 2);
      else {
        const id = await setAside(deps.db.sql, batch);
        if (id === null) return;
        report.setAside.push(id);
        limit = BATCH;
      }
    }
  }
}

/** The newest clock that the timers before this one take: a conversation whose close is due is not warned, even if its row is held just now. */
function takenUpTo(timers: readonly Timer[], timer: Timer, now: Date): Date | null {
  const before = timers.slice(0, timers.indexOf(timer)).filter(({ clock }) => clock === timer.clock);
  const cutoffs = before.map(({ calendar, afterMs }) => subtract(calendar, now, afterMs).getTime());
  return cutoffs.length === 0 ? null : new Date(Math.max(...cutoffs));
}

function batchOf(
  lane: Lane,
  timer: Timer,
  rules: AccountRules,
  now: Date,
  limit: number,
  after: Date | null,
): Batch {
  const from = lowerOf(timer, lane.floor);
  const lower = after !== null && after >= from ? new Date(after.getTime() + 1) : from;
  const cutoff = subtract(timer.calendar, now, timer.afterMs);
  return {
    lane,
    timer,
    firing: firingOf(timer, lane.facts),
    targetLaneId: null,
    lower,
    cutoff,
    segments: lower <= cutoff ? dueSegments(timer.calendar, lower, cutoff, timer.afterMs) : [],
    rulesVersion: rules.version,
    rulesSince: rules.since,
    now,
    limit,
    passedTags: lane.facts.exempt || RUNS_WHEN_EXEMPT.has(timer.kind) ? [] : [...rules.exemptTags],
  };
}

/** An end that nobody outside hears of is one autocommitted statement; everything else goes with what belongs to it. */
async function act(deps: LifecycleDeps, batch: Batch, rules: AccountRules): Promise<Acted[]> {
  if (batch.lower > batch.cutoff) return [];
  const { accountId } = batch.lane;
  const { facts } = batch.firing;
  const outbox = outboxOfTimer(batch.timer, batch.lane.facts, rules, deps.newId, batch.now);
  if (facts === null && outbox === null) return await runBatch(deps.db.sql, batch);

  const done = await deps.db.sql.begin(async (sql) => {
    const found = facts && (await deps.lanes.find(sql, accountId, [facts], batch.now));
    const targetLaneId = found && facts ? found.idOf(facts) : null;
    const acted = await runBatch(sql, { ...batch, targetLaneId });
    if (acted.length === 0) return { acted, alarms: found?.alarms ?? [], found };
    if (outbox) await insertOutbox(sql, accountId, acted.flatMap(outbox), batch.now);
    const lowered = targetLaneId
      ? await lowerLanes(sql, accountId, [
          { laneId: targetLaneId, wakeAt: batch.now, floor: floorOf(batch, acted) },
        ])
      : [];
    return { acted, alarms: [...(found?.alarms ?? []), ...lowered], found };
  });
  done.found?.remember();
  await deps.arm(done.alarms);
  if (outbox && done.acted.length > 0) await deps.relay();
  return done.acted;
}

/** The least clock that a batch brings along: its lane's, or, of a released hold, the instant it ended. */
function floorOf({ lane, timer }: Batch, acted: readonly Acted[]): Date {
  if (timer.action.does !== 'RELEASE') return lane.floor;
  return new Date(Math.min(lane.floor.getTime(), ...acted.map(({ dueAt }) => dueAt.getTime())));
}

/** An error that a row is to blame for (bad data, a broken constraint), not the connection, a lock or the load. */
function isRowsFault(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(22|23|XX|P0)...$/.test(code);
}
