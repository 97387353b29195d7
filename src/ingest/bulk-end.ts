import type { Action } from '../domain/conversation/activity.ts';
import type { ActivityResult, EngineDeps } from '../engine.ts';
import { recordActivities } from './record-activities.ts';

/** What became of one conversation of a bulk. */
export type EndedItem = { conversationId: string; error: ActivityResult['error'] };

/** Ends conversations, up to 1,000, in one call of `apply`: one that is refused spoils none of the others. */
export async function endAll(
  deps: EngineDeps,
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
