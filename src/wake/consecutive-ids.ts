const TAIL_DIGITS = 12;
const TAILS = 2 ** 48;

/**
 * So many ids from one: each is the one before it plus one, in the random part of a UUIDv7, which is many times
 * quicker than making each anew. For rows that may turn out not to be needed.
 */
export function consecutiveIds(first: string, count: number): string[] {
  const head = first.slice(0, -TAIL_DIGITS);
  const tail = Number.parseInt(first.slice(-TAIL_DIGITS), 16);
  return Array.from(
    { length: count },
    (_, index) => head + ((tail + index) % TAILS).toString(16).padStart(TAIL_DIGITS, '0'),
  );
}
