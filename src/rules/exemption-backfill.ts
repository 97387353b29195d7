import type { TransactionSql } from 'postgres';
import { lockConversations, type StoredConversation, updateConversations } from '../db/rows/conversations.ts';
import { type Alarm, lowerLanes } from '../db/rows/lanes.ts';
import { inTransaction } from '../db/transaction.ts';
import { factsOf, type LaneFacts } from '../domain/conversation/conversation.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { lanesToLower } from '../domain/time/lanes-to-lower.ts';
import type { Causing, EngineDeps, FoundLanes } from '../engine.ts';
import {
  advanceBackfill,
  type BackfillPlace,
  claimBackfill,
  readChunk,
  versionToBackfill,
} from './backfill-progress.ts';

/** Conversations scanned in one transaction. */
const CHUNK = 2_000;
/**
 * The pause before the second pass. By then every transaction that used the former tags has committed or timed
 * out.
 */
const PASSES_APART_MS = 20_000;
/** The time limit of a step. Settling a lane relies on every write committing within 15 s. */
const ABORT_AFTER_MS = 10_000;

/** The result of a step. `next`: the position of the next one; null at the end. */
export type BackfillStep = { scanned: number; moved: number; next: BackfillPlace | null };

/**
 * One step of the exemption backfill after a change of exempt tags (PE-7): moves conversations whose lane does not
 * fit their tags to their lane. The position is stored in the same transaction, so that the backfill survives a
 * crash. It writes no event, because nothing happened to the conversation itself. Returns null if no step is due
 * or another process runs it.
 */
export async function backfillStep(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'rules' | 'lanes'>,
  accountId: string,
): Promise<Causing<BackfillStep | null>> {
  while (deps.clock.isTrusted()) {
    const version = await versionToBackfill(deps.db.sql, accountId, deps.clock.now());
    if (version === null) break;
    const rules = await deps.rules.at(accountId, version);
    const done = await inTransaction(deps.db.sql, (sql) => stepWith(deps, sql, rules));
    if (done === 'RULES_CHANGED') continue;
    if (done === null) break;
    const { step, lanes, alarms } = done;
    if (lanes !== null) deps.lanes.remember(lanes);
    return { result: step, caused: { alarms } };
  }
  return { result: null, caused: {} };
}

type Moved = { moved: number; lanes: FoundLanes | null; alarms: Alarm[] };

async function stepWith(
  deps: Pick<EngineDeps, 'clock' | 'lanes'>,
  sql: TransactionSql,
  rules: AccountRules,
): Promise<(Moved & { step: BackfillStep }) | 'RULES_CHANGED' | null> {
  const { accountId, exemptTags } = rules;
  const now = deps.clock.now();
  const place = await claimBackfill(sql, accountId, now);
  if (place === null) return null;
  const [account] = await sql`select rules_version from account where account_id = ${accountId}`;
  if (Number(account?.rules_version) !== rules.version) return 'RULES_CHANGED';
  const { afterId } = place;
  const chunk = await readChunk(sql, accountId, { afterId, exemptTags: [...exemptTags], limit: CHUNK });
  const done: Moved =
    chunk.misplacedIds.length > 0
      ? await move(deps, sql, rules, { ids: chunk.misplacedIds, now })
      : { moved: 0, lanes: null, alarms: [] };
  const next = placeAfter(place, chunk.rows < CHUNK ? null : chunk.lastId, now);
  const scanned = place.pass === 1 ? chunk.open : 0;
  const { moved } = done;
  await advanceBackfill(sql, next ?? place, { scanned, moved, doneAt: next === null ? now : null });
  if (deps.clock.now().getTime() - now.getTime() > ABORT_AFTER_MS)
    throw new Error('a step of the exemption backfill took too long; nothing was moved');
  return { ...done, step: { scanned, moved, next } };
}

/** The next position of a backfill. `lastId`: the last scanned conversation; null if there are no more. */
function placeAfter(place: BackfillPlace, lastId: string | null, now: Date): BackfillPlace | null {
  if (lastId !== null) return { ...place, afterId: lastId };
  if (place.pass === 2) return null;
  return { ...place, pass: 2, afterId: null, notBefore: new Date(now.getTime() + PASSES_APART_MS) };
}

/**
 * Moves conversations to the lanes of their facts, if they are still open and in another lane once they are
 * locked.
 */
async function move(
  { lanes }: Pick<EngineDeps, 'lanes'>,
  sql: TransactionSql,
  rules: AccountRules,
  { ids, now }: { ids: readonly string[]; now: Date },
): Promise<Moved> {
  const { accountId, exemptTags } = rules;
  const locked = await lockConversations(sql, accountId, ids);
  const facts = new Map<string, LaneFacts>();
  for (const row of locked) {
    const own = row.laneId === null ? null : factsOf(row, exemptTags);
    if (own) facts.set(row.id, own);
  }
  const found = await lanes.find(sql, accountId, facts.values(), now);
  const misplaced = locked.flatMap((row): StoredConversation[] => {
    const own = facts.get(row.id);
    const laneId = own && found.idOf(own);
    return laneId && laneId !== row.laneId ? [{ ...row, laneId, placedAt: now }] : [];
  });
  if (misplaced.length === 0) return { moved: 0, lanes: null, alarms: [] };
  await updateConversations(sql, accountId, misplaced);
  const before = new Map(locked.map((row) => [row.id, row]));
  const lower = lanesToLower(misplaced, before, facts, { rules, now });
  const lowered = lower.length > 0 ? await lowerLanes(sql, accountId, lower) : [];
  return { moved: misplaced.length, lanes: found, alarms: [...found.alarms, ...lowered] };
}
