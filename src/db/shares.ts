/** How many places each account has of something scarce, none more than its limit. */
export type Shares = {
  mayTake(accountId: string): boolean;
  take(accountId: string): void;
  giveBack(accountId: string): void;
};

export function openShares(limit: number): Shares {
  const taken = new Map<string, number>();
  return {
    mayTake: (accountId) => (taken.get(accountId) ?? 0) < limit,
    take(accountId) {
      taken.set(accountId, (taken.get(accountId) ?? 0) + 1);
    },
    giveBack(accountId) {
      const left = (taken.get(accountId) ?? 1) - 1;
      if (left > 0) taken.set(accountId, left);
      else taken.delete(accountId);
    },
  };
}
