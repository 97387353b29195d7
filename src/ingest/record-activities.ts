import type { TransactionSql } from 'postgres';
import { LOCK_WAIT_MS } from '../db/client.ts';
import { deleteContacts } from '../db/rows/contacts.ts';
import { hasSqlstate, isConflict, isTimeout } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { TooManyError, UnavailableError } from '../domain/errors.ts';
import { type Activity, type ActivityResult, type EngineDeps, MAX_ACTIVITIES } from '../engine.ts';
import { type Decisions, decideInPieces, type Time } from './decide-call.ts';
import { ContactRaceError, loadLocked } from './load-locked.ts';
import { type Apply, openMicroBatcher } from './micro-batcher.ts';
import { type Resolved, resolveTargets } from './resolve-targets.ts';
import { type Written, writeLocked } from './write-locked.ts';
import { writeOptimistic } from './write-optimistic.ts';

/** A write that has taken this long does not commit: settlings count on nobody being later than 15 s. */
const ABORT_AFTER_MS = 10_000;
const TRIES = 4;
/** How long calls that go together wait for what somebody holds, before each goes by itself. */
const GROUP_LOCK_WAIT_MS = 250;

/**
 * How a call is carried out. LIVE: it acts now. PLAYED, as a recorded timeline is: each activity acts at its own
 * instant, timers due in between and up to `until` act first, and nothing outside hears of it.
 */
export type Manner = { kind: 'LIVE' } | { kind: 'PLAYED'; until: Date };
const LIVE: Manner = { kind: 'LIVE' };

/**
 * What else belongs to a call's transaction: it runs `act`, which applies the call, and may write before and
 * after. Where it throws, nothing is applied.
 */
export type Around = (sql: TransactionSql, act: () => Promise<ActivityResult[]>) => Promise<ActivityResult[]>;
const ALONE: Around = (_sql, act) => act();

/**
 * The one way in: applies activities to an account's conversations, all in one transaction and a constant
 * number of round trips, and answers for each of them in the call's order. Idempotent by message id.
 * @throws TooManyError over 1,000 (nothing is applied); NotFoundError for an unknown account; UnavailableError
 * where the database could not take it in time (nothing was applied; try again)
 */
export async function recordActivities(
  deps: EngineDeps,
  accountId: string,
  activities: readonly Activity[],
  manner: Manner = LIVE,
  around: Around = ALONE,
): Promise<ActivityResult[]> {
  if (activities.length > MAX_ACTIVITIES) throw new TooManyError('activities', MAX_ACTIVITIES);
  if (activities.length === 0) return [];
  if (manner.kind === 'LIVE' && around === ALONE) return await togetherOf(deps)(accountId, activities);
  return await applyTrying(deps, accountId, activities, { manner, around, lockWaitMs: LOCK_WAIT_MS });
}

const together = new WeakMap<EngineDeps, Apply>();

/** What gathers the calls of a process: those with the same `deps`, which alone may share a transaction. */
function togetherOf(deps: EngineDeps): Apply {
  const known = together.get(deps);
  if (known !== undefined) return known;
  const made = openMicroBatcher((accountId, activities, calls) =>
    applyTrying(deps, accountId, activities, {
      manner: LIVE,
      around: ALONE,
      lockWaitMs: calls === 1 ? LOCK_WAIT_MS : GROUP_LOCK_WAIT_MS,
    }),
  );
  together.set(deps, made);
  return made;
}

type How = { manner: Manner; around: Around; lockWaitMs: number };

/** Applies a call, or several together; again where what was in the way goes away. */
async function applyTrying(
  deps: EngineDeps,
  accountId: string,
  activities: readonly Activity[],
  how: How,
): Promise<ActivityResult[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyOnce(deps, accountId, activities, how);
    } catch (error) {
      // Of several calls nobody knows yet which of them has to wait, or is in the way of others.
      const isGroup = how.lockWaitMs < LOCK_WAIT_MS;
      if (isGroup && hasSqlstate(error, 'lockNotAvailable')) throw error;
      if (isTimeout(error)) throw tooSlow(error);
      if (!(error instanceof ContactRaceError || isConflict(error))) throw error;
      if (attempt === TRIES) throw isGroup ? error : tooSlow(error);
    }
  }
}

async function applyOnce(
  deps: EngineDeps,
  accountId: string,
  activities: readonly Activity[],
  { manner, around, lockWaitMs }: How,
): Promise<ActivityResult[]> {
  const now = deps.clock.now();
  const resolved = await resolveTargets(deps, accountId, activities, now);
  if (resolved.items.every((item) => 'refused' in item))
    return resolved.items.map((item) => ({
      outcome: 'REFUSED',
      conversationId: null,
      error: 'refused' in item ? item.refused : null,
    }));
  if (manner.kind === 'LIVE' && around === ALONE) {
    const results = await writeOptimistic(deps, resolved, now, lockWaitMs);
    if (results !== null) return results;
  }
  const done = await inTransaction(deps.db.sql, async (sql) => {
    let acted: { decisions: Decisions; written: Written } | undefined;
    const limited = limit(sql, lockWaitMs);
    const acting = around(sql, async () => {
      acted = await act(deps, sql, resolved, now, manner);
      return acted.decisions.results;
    });
    const [results] = await Promise.all([acting, limited]);
    if (acted === undefined) throw new Error('a call was not applied');
    if (deps.clock.now().getTime() - now.getTime() > ABORT_AFTER_MS) throw tooSlow(null);
    return { ...acted, results };
  });

  const { decisions, written } = done;
  written.remember();
  await deps.scheduleWakes(written.alarms);
  if (written.owes) await deps.nudgeSender();
  if (manner.kind === 'LIVE') deps.publish({ accountId, conversationIds: [...decisions.changed.keys()] });
  return done.results;
}

/** Sent when it is called, not when it is waited for: ahead of the first lock, in the same round trip. */
async function limit(sql: TransactionSql, lockWaitMs: number): Promise<void> {
  if (lockWaitMs < LOCK_WAIT_MS) await sql.unsafe(`set local lock_timeout = ${lockWaitMs}`);
}

async function act(
  deps: EngineDeps,
  sql: TransactionSql,
  resolved: Resolved,
  now: Date,
  manner: Manner,
): Promise<{ decisions: Decisions; written: Written }> {
  const { rules, items, newContacts } = resolved;
  const { accountId } = rules;
  const set = await loadLocked(sql, accountId, resolved, deps.identifierHash);
  const time: Time =
    manner.kind === 'LIVE' ? { kind: 'REAL', now } : { kind: 'VIRTUAL', until: manner.until };
  const decisions = await decideInPieces(deps.clock, set, items, rules, deps.newId, time);
  const unused = newContacts.map(({ id }) => id).filter((id) => !decisions.contacts.has(id));
  if (unused.length > 0) await deleteContacts(sql, accountId, unused);
  const effects = manner.kind === 'LIVE' ? 'WITH_EFFECTS' : 'WITHOUT_EFFECTS';
  const written = await writeLocked(sql, set, decisions, rules, deps.lanes, deps.newId, now, effects);
  return { decisions, written };
}

function tooSlow(cause: unknown): UnavailableError {
  return new UnavailableError('the database was too slow; nothing was applied', { cause });
}
