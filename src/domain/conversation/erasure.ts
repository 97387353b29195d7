/** How long hashes of erased identifiers are kept: some days longer than providers repeat calls. */
export const REMEMBER_ERASED_DAYS = 30;

const SECOND_MS = 1000;

/**
 * Whether a message was sent before its customer was erased (PE-15). Many channels send whole seconds, so a
 * message of the same second as the erasure counts as new. No message is lost then.
 */
export function wasSentBefore(at: Date, erasedAt: Date): boolean {
  const latestMs = at.getMilliseconds() === 0 ? at.getTime() + SECOND_MS - 1 : at.getTime();
  return latestMs < erasedAt.getTime();
}
