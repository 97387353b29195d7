/** An interval in epoch milliseconds, with `from` and without `until`. */
export type Interval = { from: number; until: number };

/** Merges intervals into ascending, disjoint ones; empty ones are dropped. */
export function union(stretches: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const { from, until } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.until) last.until = Math.max(last.until, until);
    else if (from < until) merged.push({ from, until });
  }
  return merged;
}

/** `stretches` without `holes`. Both, and the result, are ascending and disjoint. */
export function without(stretches: readonly Interval[], holes: readonly Interval[]): Interval[] {
  const remaining: Interval[] = [];
  let next = 0;
  for (const { from, until } of stretches) {
    let start = from;
    while (next < holes.length && (holes[next] as Interval).until <= start) next++;
    for (let i = next; i < holes.length && (holes[i] as Interval).from < until; i++) {
      const hole = holes[i] as Interval;
      if (hole.from > start) remaining.push({ from: start, until: hole.from });
      start = hole.until;
    }
    if (start < until) remaining.push({ from: start, until });
  }
  return remaining;
}
