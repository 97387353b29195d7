import type { Sql } from 'postgres';
import { withinBounds } from '../../db/rows/bounded.ts';
import {
  boundedConversations,
  CLOCK_COLUMNS,
  CONVERSATION_COLUMNS,
  conversationOf,
  type StoredConversation,
} from '../../db/rows/conversations.ts';
import { LANE_NAMES, type Lane, laneOf } from '../../db/rows/lanes.ts';
import type { ClockName } from '../../domain/conversation/conversation.ts';
import { InvalidInputError } from '../../domain/errors.ts';
import {
  type ConversationFilter,
  type ConversationsRead,
  filterConditions,
  RULES_IN_FORCE,
  rulesInForce,
  type Values,
} from './conversation-filter.ts';

/**
 * Statements for lists of open conversations; each reads any number of lanes. Limits are literals in the text,
 * because Postgres would plan a limit parameter as a tenth of the table.
 */

/** A place in a lane's clock order. */
export type Place = { clock: Date; id: string };
/** Clock values from `from` to `to`, inclusive. */
export type Span = { clock: ClockName; from: Date; to: Date };
/** The conversations of a lane strictly between two places in one clock's order, without those in the `outside` spans. */
type Range = { laneId: string; clock: ClockName; from: Place; to: Place; outside: readonly Span[] };

/** Returns the lanes whose facts match a filter. */
export async function readLanes(sql: Sql, accountId: string, filter: ConversationFilter): Promise<Lane[]> {
  const values: Values = [accountId];
  const conditions = ['account_id = $1', ...laneConditions(filter, values)];
  const rows = await sql.unsafe(
    `select ${LANE_NAMES} from lane where ${conditions.join(' and ')}`,
    values as never[],
    { prepare: true },
  );
  return rows.map(laneOf);
}

/** A lane with a wake scheduled. */
export type WaitingLane = Lane & { wakeAt: Date };

/**
 * Returns the first `limit` matching lanes by `wake_at`, and the account's rules version of the same snapshot. Null if
 * there are none, or while lanes are still scheduled by older rules.
 */
export async function readSoonestLanes(
  sql: Sql,
  accountId: string,
  filter: ConversationFilter,
  limit: number,
): Promise<{ lanes: WaitingLane[]; rulesVersion: number } | null> {
  const values: Values = [accountId];
  const conditions = ['lane.account_id = $1', 'wake_at is not null', ...laneConditions(filter, values)];
  const rows = await sql.unsafe(
    `select ${LANE_NAMES}, rules_version from lane
     join account on account.account_id = lane.account_id and scheduled_version = rules_version
     where ${conditions.join(' and ')} order by wake_at limit ${limit}`,
    values as never[],
    { prepare: true },
  );
  if (rows.length === 0) return null;
  return {
    lanes: rows.map((row) => laneOf(row) as WaitingLane),
    rulesVersion: Number(rows[0]?.rules_version),
  };
}

const MAX_OF_AGENT = 5_000;

/**
 * Returns an agent's open conversations, unordered.
 * @throws InvalidInputError if the agent has more than 5,000
 */
export async function readOpenOfAgent(
  sql: Sql,
  accountId: string,
  filter: ConversationFilter & { agentId: string },
): Promise<ConversationsRead> {
  const values: Values = [accountId];
  const conditions = ['account_id = $1', `status <> 'ENDED'`, 'lane_id is not null'];
  conditions.push(...filterConditions(filter, values));
  const text = `select ${CONVERSATION_COLUMNS}, ${RULES_IN_FORCE} from conversation where ${conditions.join(' and ')}
    limit ${MAX_OF_AGENT + 1}`;
  const bounded = boundedConversations(text, ['rules_in_force']);
  const rows = withinBounds(await sql.unsafe(bounded, values as never[], { prepare: true }));
  if (rows.length > MAX_OF_AGENT)
    throw new InvalidInputError(
      'filter.agentId',
      `an agent with at most ${MAX_OF_AGENT} open conversations is allowed in this order; in the order of STARTED any is`,
    );
  return { conversations: rows.map(conversationOf), rulesVersion: rulesInForce(rows) };
}

/** The ranges to read, with the direction and the number of conversations for each. */
type RangesRequest = {
  ranges: readonly Range[];
  direction: 'ASC' | 'DESC';
  limit: number;
  tag: string | undefined;
};

/** Returns the first `limit` conversations of each range, in the order of the ranges, and the rules version. */
export async function readRanges(
  sql: Sql,
  accountId: string,
  request: RangesRequest,
): Promise<{ found: StoredConversation[][]; rulesVersion: number }> {
  const found: StoredConversation[][] = request.ranges.map(() => []);
  const { text, values } = rangesStatement(accountId, request);
  const rows = withinBounds(await sql.unsafe(text, values as never[], { prepare: true }));
  for (const row of rows) found[row.place]?.push(conversationOf(row));
  return { found, rulesVersion: rulesInForce(rows) };
}

/** The text depends on the limit, the clocks and the number of spans, never on the number of ranges. */
function rangesStatement(
  accountId: string,
  { ranges, direction, limit, tag }: RangesRequest,
): { text: string; values: Values } {
  const values: Values = [accountId];
  const tagged = tag === undefined ? '' : `and $${values.push(tag)} = any(tags)`;
  const placed = ranges.map((range, place) => ({ ...range, place }));
  const parts = [...Map.groupBy(placed, ({ clock }) => clock)].map(([clock, own]) => {
    const { column, condition } = CLOCK_COLUMNS[clock];
    const spans = Math.max(...own.map(({ outside }) => outside.length));
    const excluded = Array.from(
      { length: spans },
      (_, n) =>
        `and (${CLOCK_CASE(`range.out${n}`)} between range.out${n}_from and range.out${n}_to) is not true`,
    );
    return `select place, found.*, ${RULES_IN_FORCE} from (
        ${unnestRanges(own, spans, values)}
      ) as range cross join lateral (
        select ${CONVERSATION_COLUMNS} from conversation
        where account_id = $1 and lane_id = range.lane ${condition}
          and ${column} >= range.from_clock and (${column}, id) > (range.from_clock, range.from_id)
          and ${column} <= range.to_clock and (${column}, id) < (range.to_clock, range.to_id)
          ${[tagged, ...excluded].join(' ')}
        order by ${column} ${direction}, id ${direction} limit ${limit}
      ) as found`;
  });
  const text = boundedConversations(parts.join('\nunion all\n'), ['place', 'rules_in_force']);
  return { text, values };
}

type PlacedRange = Range & { place: number };
type RangeColumn = [name: string, type: string, of: (range: PlacedRange) => unknown];

/** Returns a select of the ranges as rows, and appends one array parameter for each column to `values`. */
function unnestRanges(ranges: readonly PlacedRange[], spans: number, values: Values): string {
  const columns: RangeColumn[] = [
    ['place', 'int', (range) => range.place],
    ['lane', 'uuid', (range) => range.laneId],
    ['from_clock', 'timestamptz', (range) => range.from.clock.toISOString()],
    ['from_id', 'uuid', (range) => range.from.id],
    ['to_clock', 'timestamptz', (range) => range.to.clock.toISOString()],
    ['to_id', 'uuid', (range) => range.to.id],
    ...Array.from({ length: spans }, (_, n): RangeColumn[] => [
      [`out${n}`, 'text', ({ outside }) => outside[n] && CLOCK_COLUMNS[outside[n].clock].column],
      [`out${n}_from`, 'timestamptz', ({ outside }) => outside[n]?.from.toISOString()],
      [`out${n}_to`, 'timestamptz', ({ outside }) => outside[n]?.to.toISOString()],
    ]).flat(),
  ];
  const isTime = (type: string) => type === 'timestamptz';
  const parameters = columns.map(([, type, of]) => {
    const place = values.push(ranges.map((range) => of(range) ?? null));
    return `$${place}::${isTime(type) ? 'text' : type}[]`;
  });
  const selected = columns.map(([name, type]) => (isTime(type) ? `${name}::timestamptz as ${name}` : name));
  const names = columns.map(([name]) => name);
  return `select ${selected.join(', ')} from unnest(${parameters.join(', ')}) as given (${names.join(', ')})`;
}

const CLOCK_CASE = (name: string) =>
  `case ${name} ${Object.values(CLOCK_COLUMNS)
    .map(({ column }) => `when '${column}' then conversation.${column}`)
    .join(' ')} end`;

/** The conditions on facts that all conversations of a lane share. */
function laneConditions({ statuses, awaiting, channelId, skillId }: ConversationFilter, values: Values) {
  return filterConditions(
    { statuses, awaiting, channelId, skillId, agentId: undefined, tag: undefined },
    values,
  );
}
