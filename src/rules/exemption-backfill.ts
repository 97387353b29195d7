import type { TransactionSql } from 'postgres';
import { lockConversations } from '../db/rows/conversations.ts';
import { inTransaction } from '../db/transaction.ts';
import { factsOf } from '../domain/conversation/conversation.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { EngineDeps } from '../engine.ts';
import type { Decisions } from '../ingest/decide-call.ts';
import { nothingErased } from '../ingest/load-erased.ts';
import type { WorkingSet } from '../ingest/load-locked.ts';
import { type Written, writeLocked } from '../ingest/write-locked.ts';
import {
  advanceBackfill,
  type BackfillPlace,
  claimBackfill,
  readStretch,
  versionToBackfill,
} from './backfill-progress.ts';

/** Conversations looked at in one transaction. */
const CHUNK = 2_000;
/** The second pass begins this long after the first: by then whoever wrote by the former tags has committed or given up. */
const PASSES_APART_MS = 20_000;
/** As for any write: settlings count on nobody being later than 15 s. */
const ABORT_AFTER_MS = 10_000;

/** What a step did. `next`: where the walk goes on; null: it is done. */
export type BackfillStep = { scanned: number; moved: number; next: BackfillPlace | null };

/**
 * One step of the walk that a change of exempt tags asks for (PE-7): puts those of the next conversations whose
 * lane does not know of the change into the lane that is theirs. In one transaction with its place, so that it goes
 * on there whatever happens between two steps. No event: nothing has happened to the conversation itself. Null
 * where nothing is to be done just now, or somebody else is at it.
 */
export async function backfillStep(
  deps: Pick<EngineDeps, 'db' | 'clock' | 'rules' | 'lanes' | 'newId' | 'scheduleWakes'>,
  accountId: string,
): Promise<BackfillStep | null> {
  while (deps.clock.isTrusted()) {
    const version = await versionToBackfill(deps.db.sql, accountId, deps.clock.now());
    if (version === null) return null;
    const rules = await deps.rules.at(accountId, version);
    const done = await inTransaction(deps.db.sql, (sql) => stepWith(deps, sql, rules));
    if (done === 'RULES_CHANGED') continue;
    if (done === null) return null;
    done.written?.remember();
    await deps.scheduleWakes(done.written?.alarms ?? []);
    return done.step;
  }
  return null;
}

async function stepWith(
  deps: Pick<EngineDeps, 'clock' | 'lanes' | 'newId'>,
  sql: TransactionSql,
  rules: AccountRules,
): Promise<{ step: BackfillStep; written: Written | null } | 'RULES_CHANGED' | null> {
  const { accountId } = rules;
  const now = deps.clock.now();
  const place = await claimBackfill(sql, accountId, now);
  if (place === null) return null;
  const [account] = await sql`select rules_version from account where account_id = ${accountId}`;
  if (Number(account?.rules_version) !== rules.version) return 'RULES_CHANGED';

  const stretch = await readStretch(sql, accountId, place.afterId, [...rules.exemptTags], CHUNK);
  const { moved, written } = stretch.misplacedIds.length
    ? await move(deps, sql, rules, stretch.misplacedIds, now)
    : { moved: 0, written: null };
  const next = placeAfter(place, stretch.rows < CHUNK ? null : stretch.lastId, now);
  const scanned = place.pass === 1 ? stretch.open : 0;
  await advanceBackfill(sql, next ?? place, { scanned, moved, doneAt: next === null ? now : null });
  if (deps.clock.now().getTime() - now.getTime() > ABORT_AFTER_MS)
    throw new Error('a step of a walk took too long; nothing was moved');
  return { step: { scanned, moved, next }, written };
}

/** Where a walk goes on after this place. `lastId`: the last conversation looked at; null: there are no more. */
function placeAfter(place: BackfillPlace, lastId: string | null, now: Date): BackfillPlace | null {
  if (lastId !== null) return { ...place, afterId: lastId };
  if (place.pass === 2) return null;
  return { ...place, pass: 2, afterId: null, notBefore: new Date(now.getTime() + PASSES_APART_MS) };
}

/** Moves conversations to the lanes of their facts, those that are still open and elsewhere once they are locked. */
async function move(
  { lanes, newId }: Pick<EngineDeps, 'lanes' | 'newId'>,
  sql: TransactionSql,
  rules: AccountRules,
  ids: readonly string[],
  now: Date,
): Promise<{ moved: number; written: Written | null }> {
  const locked = await lockConversations(sql, rules.accountId, ids);
  const facts = locked.map((row) => (row.laneId === null ? null : factsOf(row, rules.exemptTags)));
  const known = facts.filter((each) => each !== null);
  const found = await lanes.find(sql, rules.accountId, known, now);
  const misplaced = locked.filter((row, index) => {
    const own = facts[index];
    return own && found.idOf(own) !== row.laneId;
  });
  if (misplaced.length === 0) return { moved: 0, written: null };
  const set: WorkingSet = {
    contacts: new Map(),
    conversations: new Map(misplaced.map((row) => [row.id, row])),
    messages: new Map(),
    events: new Map(),
    freeSlots: new Map(),
    erased: nothingErased(),
  };
  const decisions: Decisions = {
    results: [],
    changed: new Map(misplaced.map((row) => [row.id, { ...row, placedAt: now }])),
    events: [],
    contacts: new Map(),
    consents: [],
    erased: [],
    optOuts: [],
  };
  const written = await writeLocked(sql, set, decisions, rules, lanes, newId, now, 'WITHOUT_EFFECTS');
  return { moved: misplaced.length, written };
}
