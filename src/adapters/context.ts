import type { AdapterContext } from './adapter.ts';

/** Builds the context of one call of an adapter, which times out after `withinMs`. */
export function contextFor<Settings>(
  { fetchWithin, now }: { fetchWithin: (signal: AbortSignal) => typeof fetch; now: () => Date },
  settings: Settings,
  withinMs: number,
): AdapterContext<Settings> {
  const signal = AbortSignal.timeout(withinMs);
  return Object.freeze({ settings, fetch: fetchWithin(signal), now, signal });
}
