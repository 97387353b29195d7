/** How long providers repeat a call, with days to spare: hashes of what was erased are kept for as long. */
export const REMEMBER_ERASED_DAYS = 30;

const SECOND_MS = 1000;

/**
 * Whether a message was sent before its customer was erased (PE-15). An instant in whole seconds, as many channels tell
 * it, may lie anywhere in its second: a message of the second of the erasure counts as new, so that none gets lost.
 */
export function wasSentBefore(at: Date, erasedAt: Date): boolean {
  const latestMs = at.getMilliseconds() === 0 ? at.getTime() + SECOND_MS - 1 : at.getTime();
  return latestMs < erasedAt.getTime();
}
