import type { TransactionSql } from 'postgres';
import { LOCK_WAIT_MS } from '../db/client.ts';
import { deleteContacts } from '../db/rows/contacts.ts';
import { hasSqlstate, isConflict, isTimeout } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { TooManyError, UnavailableError } from '../domain/errors.ts';
import {
  type Activity,
  type ActivityResult,
  type Around,
  type Causing,
  type EngineDeps,
  MAX_ACTIVITIES,
} from '../engine.ts';
import { type Decisions, decideInPieces, type Time } from './decide-call.ts';
import { ContactRaceError, loadLocked } from './load-locked.ts';
import { type Resolved, resolveTargets } from './resolve-targets.ts';
import { type Written, writeLocked } from './write-locked.ts';
import { writeOptimistic } from './write-optimistic.ts';

/** A transaction older than this rolls back: settling a lane relies on every write committing within 15 s. */
const ABORT_AFTER_MS = 10_000;
const MAX_ATTEMPTS = 4;
/** The lock wait of a micro-batch. When it is exceeded, the batch is bisected instead of keeping all its calls waiting. */
const BATCH_LOCK_WAIT_MS = 250;

/**
 * How a call is recorded. LIVE: activities act now. PLAYED, for a recorded timeline: each activity acts at its own instant,
 * timers due in between and up to `until` act first, and no webhook, message or subscription sees it.
 */
type Mode = { kind: 'LIVE' } | { kind: 'PLAYED'; until: Date };

/** One call, or the calls of a micro-batch. `around` adds statements to its transaction. */
export type Recording = {
  accountId: string;
  activities: readonly Activity[];
  mode: Mode;
  around: Around | null;
  isBatch: boolean;
};

/** What recording needs: all that flows work with, but recording itself. */
export type RecordDeps = Omit<EngineDeps, 'record' | 'recordAround'>;

/**
 * Records activities on an account's conversations, and returns the results in the call's order. A call is applied
 * whole or not at all, and is idempotent by message id.
 * @throws TooManyError over 1,000 activities; NotFoundError for an unknown account; UnavailableError if the database was
 * too slow. Nothing is applied then.
 */
export async function recordActivities(
  { record }: Pick<EngineDeps, 'record'>,
  accountId: string,
  activities: readonly Activity[],
): Promise<ActivityResult[]> {
  if (activities.length > MAX_ACTIVITIES) throw new TooManyError('activities', MAX_ACTIVITIES);
  return activities.length === 0 ? [] : await record(accountId, activities);
}

/** Records one call or micro-batch in one transaction, in a constant number of round trips. Retries after a conflict. */
export async function recordInTransaction(
  deps: RecordDeps,
  recording: Recording,
): Promise<Causing<ActivityResult[]>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(deps, recording);
    } catch (error) {
      // The batch does not know which of its calls has to wait, so it is bisected by the micro-batcher.
      if (recording.isBatch && hasSqlstate(error, 'lockNotAvailable')) throw error;
      if (isTimeout(error)) throw tooSlow(error);
      if (!(error instanceof ContactRaceError || isConflict(error))) throw error;
      if (attempt === MAX_ATTEMPTS) throw recording.isBatch ? error : tooSlow(error);
    }
  }
}

async function attemptOnce(deps: RecordDeps, recording: Recording): Promise<Causing<ActivityResult[]>> {
  const { accountId, activities, mode, around, isBatch } = recording;
  const now = deps.clock.now();
  const resolved = await resolveTargets(deps, accountId, activities, now);
  if (resolved.items.every((item) => 'refused' in item))
    return { result: resolved.items.map(refusal), caused: {} };
  if (mode.kind === 'LIVE' && around === null) {
    const lockWaitMs = isBatch ? BATCH_LOCK_WAIT_MS : LOCK_WAIT_MS;
    const written = await writeOptimistic(deps, resolved, { now, lockWaitMs });
    if (written !== null) return written;
  }
  const { results, decisions, written } = await writeInTransaction(deps, resolved, recording, now);
  deps.lanes.remember(written.lanes);
  const changed = { accountId, conversationIds: [...decisions.changed.keys()] };
  return {
    result: results,
    caused: { alarms: written.alarms, owes: written.owes, ...(mode.kind === 'LIVE' && { changed }) },
  };
}

type Applied = { results: ActivityResult[]; decisions: Decisions; written: Written };

async function writeInTransaction(
  deps: RecordDeps,
  resolved: Resolved,
  { mode, around, isBatch }: Recording,
  now: Date,
): Promise<Applied> {
  return await inTransaction(deps.db.sql, async (sql) => {
    let applied: Applied | undefined;
    const act = async () => {
      applied = await decideAndWrite(deps, sql, { resolved, mode, now });
      return applied.results;
    };
    // Sent ahead of the first lock, in the same round trip.
    const limited = isBatch ? sendLockTimeout(sql) : null;
    const [, results] = await Promise.all([limited, around === null ? act() : around(sql, act)]);
    if (applied === undefined) throw new Error('the call was not applied');
    if (deps.clock.now().getTime() - now.getTime() > ABORT_AFTER_MS) throw tooSlow(null);
    return { ...applied, results };
  });
}

/** An async function, because a query of the driver is sent only when it is awaited. */
async function sendLockTimeout(sql: TransactionSql): Promise<void> {
  await sql.unsafe(`set local lock_timeout = ${BATCH_LOCK_WAIT_MS}`);
}

async function decideAndWrite(
  deps: RecordDeps,
  sql: TransactionSql,
  { resolved, mode, now }: { resolved: Resolved; mode: Mode; now: Date },
): Promise<Applied> {
  const { rules, items, newContacts } = resolved;
  const set = await loadLocked(sql, rules.accountId, resolved, deps.identifierHash);
  const time: Time = mode.kind === 'LIVE' ? { kind: 'REAL', now } : { kind: 'VIRTUAL', until: mode.until };
  const decisions = await decideInPieces(deps.clock, { set, items, rules, newId: deps.newId, time });
  const unused = newContacts.map(({ id }) => id).filter((id) => !decisions.contacts.has(id));
  if (unused.length > 0) await deleteContacts(sql, rules.accountId, unused);
  const isSilent = mode.kind === 'PLAYED';
  const written = await writeLocked(sql, deps, { set, decisions, rules, now, isSilent });
  return { results: decisions.results, decisions, written };
}

function refusal(item: Resolved['items'][number]): ActivityResult {
  return { outcome: 'REFUSED', conversationId: null, error: 'refused' in item ? item.refused : null };
}

function tooSlow(cause: unknown): UnavailableError {
  return new UnavailableError('the database was too slow; nothing was applied', { cause });
}
