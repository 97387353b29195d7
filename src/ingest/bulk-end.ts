import type { Action } from '../domain/conversation/activity.ts';
import type { ActivityResult, EngineDeps } from '../engine.ts';
import { recordActivities } from './record-activities.ts';

/** The outcome for one conversation of a bulk end. */
export type EndedItem = { conversationId: string; error: ActivityResult['error'] };

/** Ends up to 1,000 conversations in one call. A refused conversation does not affect the others. */
export async function endAll(
  deps: Pick<EngineDeps, 'record'>,
  accountId: string,
  conversationIds: readonly string[],
  end: Extract<Action, { kind: 'END' }>,
): Promise<EndedItem[]> {
  const results = await recordActivities(
    deps,
    accountId,
    conversationIds.map((conversationId) => ({ target: { conversationId }, action: end })),
  );
  return conversationIds.map((conversationId, index) => ({
    conversationId,
    error: results[index]?.error ?? null,
  }));
}
