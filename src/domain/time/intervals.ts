/** A stretch of time in epoch milliseconds: `from` belongs to it, `until` does not. */
export type Interval = { from: number; until: number };

/** The same time as few stretches, ascending and apart; empty ones are dropped. */
export function union(stretches: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const { from, until } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.until) last.until = Math.max(last.until, until);
    else if (from < until) merged.push({ from, until });
  }
  return merged;
}

/** What remains of `stretches` without `holes`; both ascending and apart, and so is the result. */
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
