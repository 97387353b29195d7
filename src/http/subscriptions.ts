import type { Config } from '../config.ts';
import { TooManySubscriptionsError } from '../domain/errors.ts';
import type { SchemaDeps } from '../schema/context.ts';

/** How many subscriptions a process serves at a time. */
export type SubscriptionLimits = Pick<Config, 'subscriptions' | 'accountSubscriptions'>;

type Subscribe = SchemaDeps['subscribe'];

/**
 * Holds subscriptions to their limits, of the process and of each account in it. What it makes throws
 * TooManySubscriptionsError where there is no room for one more.
 */
export function limitSubscriptions(
  subscribe: Subscribe,
  { subscriptions, accountSubscriptions }: SubscriptionLimits,
): { subscribe: Subscribe; open(): number } {
  const byAccount = new Map<string, number>();
  let open = 0;

  function take(accountId: string): () => void {
    const own = byAccount.get(accountId) ?? 0;
    if (own >= accountSubscriptions) throw new TooManySubscriptionsError('ACCOUNT', accountSubscriptions);
    if (open >= subscriptions) throw new TooManySubscriptionsError('PROCESS', subscriptions);
    open++;
    byAccount.set(accountId, own + 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      open--;
      const left = (byAccount.get(accountId) ?? 1) - 1;
      if (left > 0) byAccount.set(accountId, left);
      else byAccount.delete(accountId);
    };
  }

  return {
    open: () => open,
    async subscribe(accountId, handler) {
      const giveBack = take(accountId);
      try {
        const leave = await subscribe(accountId, handler);
        return async () => {
          giveBack();
          await leave();
        };
      } catch (error) {
        giveBack();
        throw error;
      }
    },
  };
}
