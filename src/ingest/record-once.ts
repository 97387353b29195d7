import { type Call, once } from '../db/idempotency.ts';
import type { Activity, ActivityResult, Caused, Causing, EngineDeps } from '../engine.ts';

/**
 * Applies one command once for its idempotency key, and returns the id of its conversation.
 * @throws ConflictError if the key was used for another call; the error of the command if it is refused. Nothing is
 * changed then.
 */
export async function recordOnce(
  deps: EngineDeps,
  accountId: string,
  activity: Activity,
  call: Call,
): Promise<Causing<string>> {
  let caused: Caused = {};
  const { conversationId } = await once<{ conversationId: string }>(
    deps,
    accountId,
    call,
    async (keeping) => {
      const recorded = await deps.recordAround(accountId, [activity], async (sql, act) => {
        let results: ActivityResult[] = [];
        await keeping(sql, async () => {
          results = await act();
          return appliedTo(results);
        });
        return results;
      });
      caused = recorded.caused;
      return appliedTo(recorded.result);
    },
  );
  return { result: conversationId, caused };
}

function appliedTo([result]: readonly ActivityResult[]): { conversationId: string } {
  if (result?.error) throw result.error;
  if (!result?.conversationId) throw new Error('the command has no conversation');
  return { conversationId: result.conversationId };
}
