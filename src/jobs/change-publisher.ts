import { setTimeout as sleep } from 'node:timers/promises';
import type { Changed } from '../engine.ts';

/** An account's subscribers are told at most this often; what changes meanwhile is told together. */
const APART_MS = 20;
/** Ids that one message to subscribers carries at most. */
const TOLD_AT_ONCE = 500;
/** Ids that wait for their turn at most, while the store is slow; beyond, the oldest are not told. */
const WAITING_AT_MOST = 50_000;

/** Tells subscribers of changed conversations: at once, and in bundles where much changes. */
export type ChangePublisher = {
  publish(changed: Changed): void;
  /** Waits until everything is told. */
  close(): Promise<void>;
};

/** Opens a teller over what publishes a message, which never rejects. */
export function openChangePublisher(publish: (changed: Changed) => Promise<void>): ChangePublisher {
  const waiting = new Map<string, Set<string>>();
  const telling = new Set<Promise<void>>();

  async function tellAll(accountId: string, ids: Set<string>): Promise<void> {
    while (ids.size > 0) {
      const conversationIds = [...ids];
      ids.clear();
      for (let first = 0; first < conversationIds.length; first += TOLD_AT_ONCE)
        await publish({ accountId, conversationIds: conversationIds.slice(first, first + TOLD_AT_ONCE) });
      await sleep(APART_MS);
    }
    waiting.delete(accountId);
  }

  return {
    publish({ accountId, conversationIds }) {
      const known = waiting.get(accountId);
      const ids = known ?? new Set<string>();
      for (const id of conversationIds) ids.add(id);
      for (const id of ids) {
        if (ids.size <= WAITING_AT_MOST) break;
        ids.delete(id);
      }
      if (known || ids.size === 0) return;
      waiting.set(accountId, ids);
      const told = tellAll(accountId, ids).finally(() => telling.delete(told));
      telling.add(told);
    },
    async close() {
      await Promise.all(telling);
    },
  };
}
