/** Why a message to an address that is no segment is refused. */
export const NO_SEGMENT = "the customer's address cannot stand in a path";

/** Separators, which servers may decode before they look for a path, and what no path has. */
const REFUSED = /[/\\\p{Cc}\p{Cs}]/u;

/**
 * A text as one segment of a URL's path, encoded. Null for a text that would lead to another path, however it is
 * encoded: empty, `.`, `..`, or with a separator or a control character in it.
 */
export function pathSegment(text: string): string | null {
  if (text === '' || text === '.' || text === '..' || REFUSED.test(text)) return null;
  return encodeURIComponent(text);
}
