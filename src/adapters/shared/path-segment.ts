/** The reason for rejecting a message whose address `pathSegment` refuses. */
export const INVALID_SEGMENT = "the customer's address is not a valid part of a URL path";

/** Separators, which some servers decode before routing, and characters that no path has. */
const FORBIDDEN = /[/\\\p{Cc}\p{Cs}]/u;

/**
 * Encodes a text as one segment of a URL path. Null for a text that could change the path even when encoded: empty, `.`,
 * `..`, or containing a separator or a control character.
 */
export function pathSegment(text: string): string | null {
  if (text === '' || text === '.' || text === '..' || FORBIDDEN.test(text)) return null;
  return encodeURIComponent(text);
}
