import type { AdapterContext } from './adapter.ts';

/** What contexts are made of: the guarded way out, and the clock. */
export type ContextDeps = { fetchWithin: (signal: AbortSignal) => typeof fetch; now: () => Date };

/** What an adapter is handed for one call, which may take so long: the one place where that is put together. */
export function contextFor<Settings>(
  { fetchWithin, now }: ContextDeps,
  settings: Settings,
  withinMs: number,
): AdapterContext<Settings> {
  const signal = AbortSignal.timeout(withinMs);
  return Object.freeze({ settings, fetch: fetchWithin(signal), now, signal });
}
