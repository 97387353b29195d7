import type { Sql } from 'postgres';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import { type Listed, type ListRequest, listedAt, merge, type Stretch } from './conversation-list.ts';
import { readSoonestLanes, type WaitingLane } from './lane-pages.ts';
import { dueStreams } from './list-streams.ts';

/** A lane that is to be woken within this time may hold somebody who was due before: a settling leaves 100 ms. */
const DUE_NOW_MS = 60_000;

/**
 * The same as `listOpen` for the beginning of a list by due, from the lanes that are to be woken first: in all others
 * nobody is due before their alarm. So it reads the heads of a page of lanes, not of all. Null where that does not
 * answer what is asked: for another part or order of the list, while newer rules are not yet in force in every
 * lane, and where too few are due so early.
 */
export async function listSoonest(
  sql: Sql,
  accountId: string,
  rulesAt: (version: number) => Promise<AccountRules>,
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
  const before = { atMs: until.getTime(), clockMs: Number.NEGATIVE_INFINITY, id: '' };
  const stretch: Stretch = { isDue: true, direction: 'ASC', after: null, before };
  const lanes = read.lanes.filter(({ wakeAt }) => wakeAt <= horizon);
  const streams = new Map(lanes.map((lane) => [lane.id, dueStreams(rules, lane)]));
  const options = { now, limit, tag: undefined, firstCount: limit };
  const found = await merge(sql, accountId, lanes, streams, stretch, options);
  if (found.length < limit && until !== dueBefore) return null;
  return found.map((each) => listedAt(each, stretch));
}

function isBeginning({ by, direction, after, backwards }: ListRequest): boolean {
  return by === 'DUE' && direction === 'ASC' && after === null && !backwards;
}

/**
 * Up to when whoever is due is in these lanes, which are those to be woken first: the alarm of the last that a page
 * may need, for every lane before it has somebody due by then, or had. Null where lanes of the same time were left out.
 */
function horizonOf(lanes: readonly WaitingLane[], limit: number, now: Date): Date | null {
  const last = lanes[Math.min(limit, lanes.length) - 1];
  if (!last) return null;
  const horizon = new Date(Math.max(last.wakeAt.getTime(), now.getTime() + DUE_NOW_MS));
  const isLeftOut = lanes.length === 2 * limit && (lanes.at(-1) as WaitingLane).wakeAt <= horizon;
  return isLeftOut ? null : horizon;
}
