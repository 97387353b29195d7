import { InvalidInputError, OutOfBoundsError } from '../../domain/errors.ts';
import { builder } from './builder.ts';
import { isStorable } from './text.ts';

/** A page at most. */
const MAX_PAGE = 200;

/** The arguments of every connection. */
export const pageArgs = (firstByDefault: number) =>
  builder.args((t) => ({
    first: t.int({
      required: true,
      defaultValue: firstByDefault,
      description: `How many at most, 1 to ${MAX_PAGE}.`,
    }),
    after: t.string({ description: 'The cursor after which to go on; absent: from the beginning.' }),
  }));

/** What a connection's arguments ask for, checked. */
export type PageRequest = { limit: number; after: string | null };

/**
 * Checks `first` and reads `after`: a cursor of the same kind of list, which holds what the list goes by.
 * @throws OutOfBoundsError or InvalidInputError
 */
export function readPageArgs(
  { first, after }: { first: number; after?: string | null | undefined },
  kind: string,
  isValid: (position: string) => boolean,
): PageRequest {
  if (first < 1 || first > MAX_PAGE) throw new OutOfBoundsError('first', '1', String(MAX_PAGE));
  if (after === null || after === undefined) return { limit: first, after: null };
  const text = Buffer.from(after, 'base64url').toString('utf8');
  const position = text.slice(kind.length + 1);
  if (!text.startsWith(`${kind}:`) || !isStorable(text) || !isValid(position))
    throw new InvalidInputError('after', 'a cursor that this list has given is allowed');
  return { limit: first, after: position };
}

/** A page as Relay wants it. `rows` has one more than the limit where there is more to come. */
export function toConnection<Row>(
  rows: readonly Row[],
  { limit, after }: PageRequest,
  kind: string,
  positionOf: (row: Row) => string,
) {
  const edges = rows
    .slice(0, limit)
    .map((node) => ({ node, cursor: Buffer.from(`${kind}:${positionOf(node)}`).toString('base64url') }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > limit,
      hasPreviousPage: after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
