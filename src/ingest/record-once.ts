import { type Call, once } from '../db/idempotency.ts';
import type { Activity, ActivityResult, EngineDeps } from '../engine.ts';
import { recordActivities } from './record-activities.ts';

/**
 * Applies one command, once for its key. Answers the id of the conversation it was applied to.
 * @throws ConflictError, and what `apply` answers as refused; nothing is changed then
 */
export async function recordOnce(
  deps: EngineDeps,
  accountId: string,
  activity: Activity,
  call: Call,
): Promise<string> {
  const answer = await once<{ conversationId: string }>(deps, accountId, call, async (keeping) => {
    const results = await recordActivities(
      deps,
      accountId,
      [activity],
      { kind: 'LIVE' },
      async (sql, act) => {
        let acted: ActivityResult[] = [];
        await keeping(sql, async () => {
          acted = await act();
          return appliedTo(acted);
        });
        return acted;
      },
    );
    return appliedTo(results);
  });
  return answer.conversationId;
}

function appliedTo([result]: readonly ActivityResult[]): { conversationId: string } {
  if (result?.error) throw result.error;
  if (!result?.conversationId) throw new Error('a command came to nothing');
  return { conversationId: result.conversationId };
}
