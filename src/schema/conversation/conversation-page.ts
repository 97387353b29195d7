import { InvalidInputError, OutOfBoundsError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import type { Listed, Position } from '../../insight/lists/conversation-list.ts';
import { builder } from '../core/builder.ts';

/** A page at most, and where nothing is said. */
const MAX_PAGE = 200;
const DEFAULT_PAGE = 20;

/** The arguments of a list that can be read from either end. */
export const eitherEndArgs = () =>
  builder.args((t) => ({
    first: t.int({
      description: `How many at most from the beginning, 1 to ${MAX_PAGE}; ${DEFAULT_PAGE} where neither first nor last is given.`,
    }),
    after: t.string({
      description: 'With first: the cursor after which to go on; absent: from the beginning.',
    }),
    last: t.int({ description: `How many at most from the end, 1 to ${MAX_PAGE}; not together with first.` }),
    before: t.string({ description: 'With last: the cursor before which to go on; absent: from the end.' }),
  }));

type PageArgs = {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
};

/** How a list is sorted; a cursor is of one of these, and holds what its conversation goes by there. */
export type OrderField = 'DUE' | 'LAST_ACTIVITY' | 'STARTED';
/** A page that is asked for; `from`: the position of the cursor, absent at the list's own end. */
export type PageRequest = { limit: number; backwards: boolean; from: Position | null };

/** Checks the arguments. @throws InvalidInputError or OutOfBoundsError naming the one that is wrong */
export function readPage({ first, after, last, before }: PageArgs, field: OrderField): PageRequest {
  const isGiven = (value: unknown) => value !== null && value !== undefined;
  if (isGiven(first) && isGiven(last))
    throw new InvalidInputError('last', 'only one of first and last is allowed');
  const backwards = isGiven(last);
  if (backwards ? isGiven(after) : isGiven(before))
    throw new InvalidInputError(backwards ? 'after' : 'before', 'after goes with first, before with last');
  const [name, limit] = backwards ? ['last', last as number] : ['first', first ?? DEFAULT_PAGE];
  if (limit < 1 || limit > MAX_PAGE) throw new OutOfBoundsError(name, '1', String(MAX_PAGE));
  const cursor = backwards ? before : after;
  const from = typeof cursor === 'string' ? readCursor(cursor, field, backwards ? 'before' : 'after') : null;
  return { limit, backwards, from };
}

/** A page as Relay wants it; `rows` in the order of reading, with one more than the limit where there is more. */
export function toPage(rows: readonly Listed[], { limit, backwards, from }: PageRequest, field: OrderField) {
  const shown = rows.slice(0, limit);
  const edges = (backwards ? shown.reverse() : shown).map(({ conversation, position }) => ({
    node: conversation,
    cursor: writeCursor(field, position),
  }));
  const hasMore = rows.length > limit;
  return {
    edges,
    pageInfo: {
      hasNextPage: backwards ? from !== null : hasMore,
      hasPreviousPage: backwards ? hasMore : from !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function writeCursor(field: OrderField, { isDue, atMs, clockMs, id }: Position): string {
  const parts = field === 'STARTED' ? [id] : [field, isDue ? 'due' : 'never', atMs, clockMs, id];
  return Buffer.from(`conversation:${parts.join(':')}`).toString('base64url');
}

function readCursor(cursor: string, field: OrderField, name: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const [kind, ...parts] = text.split(':');
  const refused = new InvalidInputError(name, 'a cursor that this list has given, in this order, is allowed');
  const id = parts.pop();
  if (kind !== 'conversation' || id === undefined || !isUuid(id)) throw refused;
  if (field === 'STARTED') {
    if (parts.length > 0) throw refused;
    return { isDue: true, atMs: 0, clockMs: 0, id: id.toLowerCase() };
  }
  const [of, due, ...numbers] = parts;
  const [atMs, clockMs] = numbers.map(readMs);
  if (of !== field || (due !== 'due' && due !== 'never') || numbers.length !== 2) throw refused;
  if (atMs === undefined || atMs === null || clockMs === undefined || clockMs === null) throw refused;
  return { isDue: due === 'due', atMs, clockMs, id: id.toLowerCase() };
}

/** Milliseconds since 1970, up to the year 9999; null for anything else. */
function readMs(text: string): number | null {
  const ms = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return Math.abs(ms) < 253_370_764_800_000 ? ms : null;
}
