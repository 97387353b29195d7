import { canBeBisected } from '../db/sqlstate.ts';
import { LullError, UnavailableError } from '../domain/errors.ts';
import type { Activity, ActivityResult } from '../engine.ts';

/** Applies a call's activities, all or none. */
export type Apply = (accountId: string, activities: readonly Activity[]) => Promise<ActivityResult[]>;
/** The same of one call or of several, which do not wait long for what somebody holds (55P03). */
type ApplyAll = (
  accountId: string,
  activities: readonly Activity[],
  calls: number,
) => Promise<ActivityResult[]>;

/** A call of more activities than this goes by itself: it has little to gain. */
const MAX_CALL_SIZE = 50;
/** Activities that go together at most. */
const MAX_BATCH_SIZE = 500;
/** How long calls wait for those under way: where these take long, as behind a lock, the next go without them. */
const WAIT_MS = 5;

type Call = {
  activities: readonly Activity[];
  resolve: (results: ActivityResult[] | Promise<ActivityResult[]>) => void;
  reject: (error: unknown) => void;
};
type Account = { underWay: number; waiting: Call[]; timeout: NodeJS.Timeout | null; isGoing: boolean };

/**
 * Makes what applies short calls of an account together where many come at a time: for all of them one read, one write
 * and one commit, instead of one each. Whoever comes while some of the account are under way waits a little, and goes with
 * all others who did. Each call is still applied as a whole or not at all, and answered for its own activities alone.
 */
export function openMicroBatcher(applyAll: ApplyAll): Apply {
  const accounts = new Map<string, Account>();

  async function settle(accountId: string, calls: readonly Call[]): Promise<void> {
    try {
      const all = calls.flatMap((call) => call.activities);
      const results = await applyAll(accountId, all, calls.length);
      let first = 0;
      for (const { activities, resolve } of calls) {
        const own = results.slice(first, first + activities.length);
        resolve(calls.length > 1 ? alone(accountId, activities, own) : own);
        first += activities.length;
      }
    } catch (error) {
      if (calls.length > 1 && !(error instanceof LullError) && canBeBisected(error)) {
        const half = calls.length >> 1;
        await Promise.all([settle(accountId, calls.slice(0, half)), settle(accountId, calls.slice(half))]);
      } else for (const { reject } of calls) reject(error);
    }
  }

  /** What there was too much of for all together may not be too much for one call by itself. */
  async function alone(
    accountId: string,
    activities: readonly Activity[],
    results: ActivityResult[],
  ): Promise<ActivityResult[]> {
    const isLeft = (index: number) => results[index]?.error instanceof UnavailableError;
    const left = activities.filter((_, index) => isLeft(index));
    if (left.length === 0) return results;
    const again = await applyAll(accountId, left, 1).catch(() => null);
    return again === null
      ? results
      : results.map((result, index) => (isLeft(index) ? (again.shift() ?? result) : result));
  }

  /** Lets those who wait go, as many as may go together. */
  async function go(accountId: string, account: Account): Promise<void> {
    if (account.timeout !== null) clearTimeout(account.timeout);
    account.timeout = null;
    let [count, size] = [0, 0];
    for (const { activities } of account.waiting) {
      size += activities.length;
      if (size > MAX_BATCH_SIZE) break;
      count++;
    }
    const calls = account.waiting.splice(0, count);
    account.underWay++;
    const settled = settle(accountId, calls);
    if (account.waiting.length > 0) plan(accountId, account);
    await settled;
    account.underWay--;
    if (account.waiting.length > 0) plan(accountId, account);
    else if (account.underWay === 0) accounts.delete(accountId);
  }

  /** Lets those who wait go as soon as they may; at the end of this turn of the event loop, for others may come in it. */
  function plan(accountId: string, account: Account): void {
    if (account.underWay === 0) {
      if (account.isGoing) return;
      account.isGoing = true;
      setImmediate(() => {
        account.isGoing = false;
        if (account.waiting.length > 0) void go(accountId, account);
      });
    } else account.timeout ??= setTimeout(() => void go(accountId, account), WAIT_MS);
  }

  return (accountId, activities) => {
    if (activities.length > MAX_CALL_SIZE) return applyAll(accountId, activities, 1);
    const account = accounts.get(accountId) ?? { underWay: 0, waiting: [], timeout: null, isGoing: false };
    accounts.set(accountId, account);
    return new Promise((resolve, reject) => {
      account.waiting.push({ activities, resolve, reject });
      plan(accountId, account);
    });
  };
}
