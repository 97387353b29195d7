import { InvalidInputError, OutOfBoundsError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import type { Listed, Position } from '../../insight/lists/conversation-list.ts';
import { builder } from '../core/builder.ts';
import { cursorOf, MAX_PAGE, pageOf } from '../core/connection.ts';

const DEFAULT_PAGE = 20;

/** The arguments of a list that can be read from either end. */
export const eitherEndArgs = () =>
  builder.args((t) => ({
    first: t.int({
      description: `The page size from the beginning, 1 to ${MAX_PAGE}; otherwise OUT_OF_BOUNDS. Default: ${DEFAULT_PAGE}, unless \`last\` is set.`,
    }),
    after: t.string({
      description:
        'The cursor after which the page begins, with `first`. Default: the beginning of the list.',
    }),
    last: t.int({
      description: `The page size from the end, 1 to ${MAX_PAGE}; otherwise OUT_OF_BOUNDS. Must be omitted when \`first\` is set.`,
    }),
    before: t.string({
      description: 'The cursor before which the page ends, with `last`. Default: the end of the list.',
    }),
  }));

type PageArgs = {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
};

/** The order of a list. A cursor holds the position of its conversation in one of these orders. */
export type OrderField = 'DUE' | 'LAST_ACTIVITY' | 'STARTED';
/** The checked arguments. `from`: the position of the cursor; null at either end of the list. */
export type EitherEndRequest = { limit: number; backwards: boolean; from: Position | null };

/** Checks the arguments. @throws InvalidInputError or OutOfBoundsError naming the argument */
export function readPage({ first, after, last, before }: PageArgs, field: OrderField): EitherEndRequest {
  const isGiven = (value: unknown) => value !== null && value !== undefined;
  if (isGiven(first) && isGiven(last))
    throw new InvalidInputError('last', 'must be omitted when first is set');
  const backwards = isGiven(last);
  if (backwards ? isGiven(after) : isGiven(before))
    throw new InvalidInputError(
      backwards ? 'after' : 'before',
      backwards ? 'must be omitted when last is set' : 'requires last: set last or omit it',
    );
  const [name, limit] = backwards ? ['last', last as number] : ['first', first ?? DEFAULT_PAGE];
  if (limit < 1 || limit > MAX_PAGE) throw new OutOfBoundsError(name, '1', String(MAX_PAGE));
  const cursor = backwards ? before : after;
  const from = typeof cursor === 'string' ? readCursor(cursor, field, backwards ? 'before' : 'after') : null;
  return { limit, backwards, from };
}

/** Makes a Relay page. `rows` are in the order of reading, with one more than the limit if another page follows. */
export function toPage(
  rows: readonly Listed[],
  { limit, backwards, from }: EitherEndRequest,
  field: OrderField,
) {
  const shown = rows.slice(0, limit);
  const edges = (backwards ? shown.reverse() : shown).map(({ conversation, position }) => ({
    node: conversation,
    cursor: writeCursor(field, position),
  }));
  const hasMore = rows.length > limit;
  const isWithin = from !== null;
  return pageOf(edges, {
    hasNextPage: backwards ? isWithin : hasMore,
    hasPreviousPage: backwards ? hasMore : isWithin,
  });
}

function writeCursor(field: OrderField, { isDue, atMs, clockMs, id }: Position): string {
  const parts = field === 'STARTED' ? [id] : [field, isDue ? 'due' : 'never', atMs, clockMs, id];
  return cursorOf('conversation', parts.join(':'));
}

/** A cursor holds the id; except for STARTED, also the order, whether the conversation is due, and two instants. */
const CURSOR = /^conversation:(?:(DUE|LAST_ACTIVITY):(due|never):(-?\d{1,15}):(-?\d{1,15}):)?([^:]+)$/;
/** Exclusive: the year 9999 in milliseconds since 1970. */
const MAX_MS = 253_370_764_800_000;

function readCursor(cursor: string, field: OrderField, name: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const [, order = 'STARTED', due = 'due', at = '0', clock = '0', id = ''] = CURSOR.exec(text) ?? [];
  const [atMs, clockMs] = [Number(at), Number(clock)];
  if (order !== field || !isUuid(id) || Math.max(Math.abs(atMs), Math.abs(clockMs)) >= MAX_MS)
    throw new InvalidInputError(name, 'a cursor that this list returned in the same order is allowed');
  return { isDue: due === 'due', atMs, clockMs, id: id.toLowerCase() };
}
