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

function readCursor(cursor: string, field: OrderField, name: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const [kind, ...parts] = text.split(':');
  const refused = new InvalidInputError(
    name,
    'a cursor that this list returned in the same order is allowed',
  );
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

/** Reads milliseconds since 1970, up to the year 9999; null if malformed. */
function readMs(text: string): number | null {
  const ms = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return Math.abs(ms) < 253_370_764_800_000 ? ms : null;
}
