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
import type { Awaiting, ClockName, Status } from '../../domain/conversation/conversation.ts';
import { InvalidInputError } from '../../domain/errors.ts';

/**
 * Reads for lists of open conversations, which merge over lanes: each a single statement, however many lanes. Each says
 * in its text how many rows it reads: where that is a parameter, Postgres takes it for a tenth of the table, and plans
 * each time anew.
 */

/** Conversations, and the version that their account's rules had in the same snapshot; 0 where there are none. */
export type ReadTogether = { conversations: StoredConversation[]; rulesVersion: number };

/** Which conversations a list is of; an absent filter lets all pass. */
export type ConversationFilter = {
  statuses?: readonly Status[];
  awaiting?: Awaiting;
  channelId?: string;
  skillId?: string;
  agentId?: string;
  tag?: string;
};

/** A place in a lane's clock order. */
export type Place = { clock: Date; id: string };
/** Clocks from `from` to `to`, both included. */
export type Span = { clock: ClockName; from: Date; to: Date };
/** Part of a lane in the order of one clock: what lies between two places, themselves left out, and in none of the spans. */
export type Range = { laneId: string; clock: ClockName; from: Place; to: Place; outside: readonly Span[] };

type Values = (string | number | Date | readonly unknown[])[];

/** A column of statements on conversations whose first parameter is the account: the version of its rules as of the same snapshot. */
export const RULES_IN_FORCE = '(select rules_version from account where account_id = $1) as rules_in_force';

/** That version, of rows that were read with it; 0 of none. */
export function rulesInForce(rows: readonly Record<string, unknown>[]): number {
  return Number(rows[0]?.rules_in_force ?? 0);
}

/** The lanes whose facts a filter lets pass. */
export async function readLanes(sql: Sql, accountId: string, filter: ConversationFilter): Promise<Lane[]> {
  const values: Values = [accountId];
  const conditions = ['account_id = $1', ...factConditions(filter, values)];
  const rows = await sql.unsafe(
    `select ${LANE_NAMES} from lane where ${conditions.join(' and ')}`,
    values as never[],
    { prepare: true },
  );
  return rows.map(laneOf);
}

/** A lane that is to be woken, with when. */
export type WaitingLane = Lane & { wakeAt: Date };

/**
 * The first `limit` lanes to be woken of those whose facts a filter lets pass, in that order, and the version of the
 * account's rules as of the same snapshot; null while newer rules are not yet in force in every lane, for then the
 * lanes' alarms do not know of them.
 */
export async function readSoonestLanes(
  sql: Sql,
  accountId: string,
  filter: ConversationFilter,
  limit: number,
): Promise<{ lanes: WaitingLane[]; rulesVersion: number } | null> {
  const values: Values = [accountId];
  const conditions = ['lane.account_id = $1', 'wake_at is not null', ...factConditions(filter, values)];
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

/** Open conversations of an agent that are read and sorted together, at most. */
const MAX_OF_AGENT = 5_000;

/**
 * An agent's open conversations, in no order, through the index of those.
 * @throws InvalidInputError where the agent has more than 5,000
 */
export async function readOpenOfAgent(
  sql: Sql,
  accountId: string,
  filter: ConversationFilter & { agentId: string },
): Promise<ReadTogether> {
  const values: Values = [accountId, filter.agentId];
  const conditions = ['account_id = $1', 'agent_id = $2', `status <> 'ENDED'`, 'lane_id is not null'];
  conditions.push(...factConditions(filter, values), ...tagCondition(filter.tag, values));
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

/** The first `limit` conversations of each range, all in one statement; in the order in which the ranges were given; with the version of the rules as of then. */
export async function readRanges(
  sql: Sql,
  accountId: string,
  ranges: readonly Range[],
  direction: 'ASC' | 'DESC',
  limit: number,
  tag: string | undefined,
): Promise<{ found: StoredConversation[][]; rulesVersion: number }> {
  const found: StoredConversation[][] = ranges.map(() => []);
  const { text, values } = rangesStatement(accountId, ranges, direction, limit, tag);
  const rows = withinBounds(await sql.unsafe(text, values as never[], { prepare: true }));
  for (const row of rows) found[row.place]?.push(conversationOf(row));
  return { found, rulesVersion: rulesInForce(rows) };
}

/**
 * The statement of `readRanges`; for EXPLAIN as well as for use. Its text depends on the limit, on which clocks there are,
 * in which order, and on how many spans: never on how many ranges.
 */
function rangesStatement(
  accountId: string,
  ranges: readonly Range[],
  direction: 'ASC' | 'DESC',
  limit: number,
  tag: string | undefined,
): { text: string; values: Values } {
  const values: Values = [accountId];
  const tagged = tagCondition(tag, values).map((condition) => `and ${condition}`);
  const placed = ranges.map((range, place) => ({ ...range, place }));
  const parts = [...Map.groupBy(placed, ({ clock }) => clock)].map(([clock, own]) => {
    const { column, condition } = CLOCK_COLUMNS[clock];
    const spans = Math.max(...own.map(({ outside }) => outside.length));
    const columns: [name: string, type: string, of: (range: (typeof own)[number]) => unknown][] = [
      ['place', 'int', (range) => range.place],
      ['lane', 'uuid', (range) => range.laneId],
      ['from_clock', 'timestamptz', (range) => range.from.clock.toISOString()],
      ['from_id', 'uuid', (range) => range.from.id],
      ['to_clock', 'timestamptz', (range) => range.to.clock.toISOString()],
      ['to_id', 'uuid', (range) => range.to.id],
      ...Array.from({ length: spans }, (_, n): (typeof columns)[number][] => [
        [`out${n}`, 'text', ({ outside }) => outside[n] && CLOCK_COLUMNS[outside[n].clock].column],
        [`out${n}_from`, 'timestamptz', ({ outside }) => outside[n]?.from.toISOString()],
        [`out${n}_to`, 'timestamptz', ({ outside }) => outside[n]?.to.toISOString()],
      ]).flat(),
    ];
    const first = values.length + 1;
    values.push(...columns.map(([, , of]) => own.map((range) => of(range) ?? null)));
    const given = columns.map(
      ([, type], index) => `$${first + index}::${type === 'timestamptz' ? 'text' : type}[]`,
    );
    const named = columns.map(([name, type]) =>
      type === 'timestamptz' ? `${name}::timestamptz as ${name}` : name,
    );
    const left = Array.from(
      { length: spans },
      (_, n) =>
        `and (${CLOCK_CASE(`range.out${n}`)} between range.out${n}_from and range.out${n}_to) is not true`,
    );
    return `select place, found.*, ${RULES_IN_FORCE} from (
        select ${named.join(', ')} from unnest(${given.join(', ')}) as given (${columns.map(([name]) => name).join(', ')})
      ) as range cross join lateral (
        select ${CONVERSATION_COLUMNS} from conversation
        where account_id = $1 and lane_id = range.lane ${condition}
          and ${column} >= range.from_clock and (${column}, id) > (range.from_clock, range.from_id)
          and ${column} <= range.to_clock and (${column}, id) < (range.to_clock, range.to_id)
          ${[...tagged, ...left].join(' ')}
        order by ${column} ${direction}, id ${direction} limit ${limit}
      ) as found`;
  });
  const text = boundedConversations(parts.join('\nunion all\n'), ['place', 'rules_in_force']);
  return { text, values };
}

const CLOCK_CASE = (name: string) =>
  `case ${name} ${Object.values(CLOCK_COLUMNS)
    .map(({ column }) => `when '${column}' then conversation.${column}`)
    .join(' ')} end`;

function factConditions(filter: ConversationFilter, values: Values): string[] {
  const conditions: string[] = [];
  const add = (value: string | readonly string[] | undefined, condition: (place: string) => string) => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  add(filter.statuses, (place) => `status = any(${place}::text[])`);
  add(filter.awaiting, (place) => `awaiting = ${place}`);
  add(filter.channelId, (place) => `channel_id = ${place}`);
  add(filter.skillId, (place) => `skill_id = ${place}`);
  return conditions;
}

function tagCondition(tag: string | undefined, values: Values): string[] {
  return tag === undefined ? [] : [`$${values.push(tag)} = any(tags)`];
}
