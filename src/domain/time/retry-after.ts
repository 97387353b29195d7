/** About 31 years; a greater number could overflow a date. */
const MAX_SECONDS = 999_999_999;

/** Parses `Retry-After`, seconds or an HTTP date, into milliseconds from `now`; null if it is absent or invalid. */
export function retryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Math.min(Number(header), MAX_SECONDS) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
