import type { Config } from '../config.ts';
import { TooManySubscriptionsError } from '../domain/errors.ts';
import type { SchemaDeps } from '../schema/core/context.ts';

/** How many subscriptions a process serves at the same time. */
export type SubscriptionLimits = Pick<Config, 'subscriptions' | 'accountSubscriptions'>;

type Subscribe = SchemaDeps['subscribe'];

/** The rows that all subscriptions of an account, and of a process, may read together for one event. */
const MAX_EVENT_COSTS = { ACCOUNT: 20_000, PROCESS: 40_000 } as const;

/**
 * Limits the subscriptions of the process and of each account: their number, and the rows they read for an event.
 * The returned function throws TooManySubscriptionsError above a limit.
 */
export function limitSubscriptions(
  subscribe: Subscribe,
  { subscriptions, accountSubscriptions }: SubscriptionLimits,
): { subscribe: Subscribe; open(): number } {
  const byAccount = new Map<string, Held>();
  const all: Held = { count: 0, cost: 0 };

  function take(accountId: string, cost: number): () => void {
    const own = byAccount.get(accountId) ?? { count: 0, cost: 0 };
    checkLimits('ACCOUNT', own, accountSubscriptions, cost);
    checkLimits('PROCESS', all, subscriptions, cost);
    byAccount.set(accountId, own);
    for (const held of [own, all]) hold(held, 1, cost);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      for (const held of [own, all]) hold(held, -1, -cost);
      if (own.count === 0) byAccount.delete(accountId);
    };
  }

  return {
    open: () => all.count,
    async subscribe(accountId, handler, eventCost) {
      const giveBack = take(accountId, eventCost);
      try {
        const leave = await subscribe(accountId, handler, eventCost);
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

type Held = { count: number; cost: number };

function hold(held: Held, count: number, cost: number): void {
  held.count += count;
  held.cost += cost;
}

/** @throws TooManySubscriptionsError if one more subscription of this cost exceeds a limit */
function checkLimits(of: 'ACCOUNT' | 'PROCESS', held: Held, max: number, cost: number): void {
  if (held.count >= max) throw new TooManySubscriptionsError(of, max);
  if (held.cost + cost > MAX_EVENT_COSTS[of])
    throw new TooManySubscriptionsError(of, MAX_EVENT_COSTS[of], 'EVENT_COST');
}
