import { InvalidInputError, OutOfBoundsError } from '../../domain/errors.ts';
import { builder } from './builder.ts';
import { isStorable } from './text.ts';

/** Objects on a page. */
export const MAX_PAGE = 200;

/** The arguments of a list that is read forwards. */
export const pageArgs = (firstByDefault: number) =>
  builder.args((t) => ({
    first: t.int({
      required: true,
      defaultValue: firstByDefault,
      description: `The page size, 1 to ${MAX_PAGE}; otherwise OUT_OF_BOUNDS.`,
    }),
    after: t.string({
      description: 'The cursor after which the page begins. Default: the beginning of the list.',
    }),
  }));

/** The checked arguments of a connection. `after` is the position within the cursor. */
type PageRequest = { limit: number; after: string | null };

/**
 * Checks `first` and reads `after`, which must be a cursor of the same kind of list.
 * @throws OutOfBoundsError naming `first`, InvalidInputError naming `after`
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
    throw new InvalidInputError('after', 'a cursor that this list returned is allowed');
  return { limit: first, after: position };
}

/** Makes a Relay page. `rows` has one row more than the limit if another page follows. */
export function toConnection<Row>(
  rows: readonly Row[],
  { limit, after }: PageRequest,
  kind: string,
  positionOf: (row: Row) => string,
) {
  const edges = rows.slice(0, limit).map((node) => ({ node, cursor: cursorOf(kind, positionOf(node)) }));
  return pageOf(edges, { hasNextPage: rows.length > limit, hasPreviousPage: after !== null });
}

export function pageOf<Edge extends { cursor: string }>(
  edges: Edge[],
  neighbours: { hasNextPage: boolean; hasPreviousPage: boolean },
) {
  const [startCursor, endCursor] = [edges[0]?.cursor ?? null, edges.at(-1)?.cursor ?? null];
  return { edges, pageInfo: { ...neighbours, startCursor, endCursor } };
}

/** The opaque cursor of a position in a list of this kind. */
export function cursorOf(kind: string, position: string): string {
  return Buffer.from(`${kind}:${position}`).toString('base64url');
}
