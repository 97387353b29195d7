import type { Sql } from 'postgres';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import {
  firstKeyAt,
  type Listed,
  type ListRequest,
  listedAt,
  merge,
  type Stretch,
} from './conversation-list.ts';
import { readSoonestLanes, type WaitingLane } from './lane-pages.ts';
import { dueStreams } from './list-streams.ts';

/** Lanes that wake within this time may hold conversations that are already due. */
const DUE_NOW_MS = 60_000;

/** The account of a list, and its rules by version. */
type ListedAccount = { id: string; rulesAt: (version: number) => Promise<AccountRules> };

/**
 * Returns the same as `listOpen` for the beginning of a list by due, from the lanes that wake first: no other lane holds
 * a conversation due before its alarm. Null if that does not suffice: for other requests, while newer rules are
 * not yet in force in every lane, and if too few conversations are due so early.
 */
export async function listSoonest(
  sql: Sql,
  { id: accountId, rulesAt }: ListedAccount,
  now: Date,
  request: ListRequest,
): Promise<Listed[] | null> {
  const { filter, limit, dueBefore } = request;
  if (!isBeginning(request) || filter.agentId !== undefined || filter.tag !== undefined) return null;
  const read = await readSoonestLanes(sql, accountId, filter, 2 * limit);
  const horizon = read && horizonOf(read.lanes, limit, now);
  if (!read || !horizon) return null;
  const rules = await rulesAt(read.rulesVersion);
  if (rules.version !== read.rulesVersion) return null;

  const until = dueBefore !== null && dueBefore <= horizon ? dueBefore : new Date(horizon.getTime() + 1);
  const stretch: Stretch = { isDue: true, direction: 'ASC', above: null, below: firstKeyAt(until) };
  const lanes = read.lanes.filter(({ wakeAt }) => wakeAt <= horizon);
  const streams = new Map(lanes.map((lane) => [lane.id, dueStreams(rules, lane)]));
  const options = { lanes, streams, now, limit, tag: undefined, firstCount: limit };
  const found = await merge(sql, accountId, stretch, options);
  if (found.length < limit && until !== dueBefore) return null;
  return found.map((each) => listedAt(each, stretch));
}

function isBeginning({ by, direction, after, backwards }: ListRequest): boolean {
  return by === 'DUE' && direction === 'ASC' && after === null && !backwards;
}

/**
 * The instant up to which these lanes hold all due conversations: the alarm of the last lane that a page can need.
 * Null if a lane with an alarm up to then may have been left out.
 */
function horizonOf(lanes: readonly WaitingLane[], limit: number, now: Date): Date | null {
  const last = lanes[Math.min(limit, lanes.length) - 1];
  if (!last) return null;
  const horizon = new Date(Math.max(last.wakeAt.getTime(), now.getTime() + DUE_NOW_MS));
  const isLeftOut = lanes.length === 2 * limit && (lanes.at(-1) as WaitingLane).wakeAt <= horizon;
  return isLeftOut ? null : horizon;
}
