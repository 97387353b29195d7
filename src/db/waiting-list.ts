import { openFairQueue } from '../domain/fair-queue.ts';

/** A caller that waits for something scarce, on behalf of an account. */
export type Waiter<Given> = { accountId: string; take(given: Given): void; refuse(error: Error): void };

/** Those who wait. Accounts take turns, and the waiters of each account keep their order. */
export type WaitingList<Given> = {
  /** Adds a waiter, which is refused after `waitMs`. `key` names it in `refuse`. */
  add(key: object, waiter: Waiter<Given>): void;
  /** Removes and returns the next waiter whose account may take something; null: there is none. */
  next(mayTake: (accountId: string) => boolean): Waiter<Given> | null;
  /** Removes and refuses a waiter; nothing happens if it does not wait. */
  refuse(key: object, error: Error): void;
  refuseAll(error: Error): void;
  /** How many wait, for all accounts or for one. */
  size(accountId?: string): number;
};

/** Opens an empty list. `lateError` is the error for a waiter that has waited for `waitMs`. */
export function openWaitingList<Given>(waitMs: number, lateError: () => Error): WaitingList<Given> {
  const waiters = new Map<object, Waiter<Given> & { timeout: NodeJS.Timeout }>();
  const queue = openFairQueue<object>();

  function remove(key: object): Waiter<Given> | null {
    const waiter = waiters.get(key);
    if (waiter === undefined) return null;
    clearTimeout(waiter.timeout);
    waiters.delete(key);
    queue.remove(waiter.accountId, key);
    return waiter;
  }
  const refuse = (key: object, error: Error) => remove(key)?.refuse(error);
  return {
    add(key, waiter) {
      queue.add(waiter.accountId, key);
      waiters.set(key, { ...waiter, timeout: setTimeout(() => refuse(key, lateError()), waitMs) });
    },
    next(mayTake) {
      const key = queue.next(mayTake);
      return key === null ? null : remove(key);
    },
    refuse,
    refuseAll(error) {
      for (const key of [...waiters.keys()]) refuse(key, error);
    },
    size: queue.size,
  };
}
