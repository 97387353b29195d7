import { setTimeout as sleep } from 'node:timers/promises';
import type { Changed } from '../engine.ts';

/** The pause between two messages about an account. Changes within it are coalesced. */
const COALESCE_MS = 20;
/** The maximum number of ids in a message. */
const MAX_IDS = 500;
/** The maximum number of ids that wait while the store is slow. Older ids are dropped. */
const MAX_WAITING = 50_000;

/** Publishes changed conversations to subscribers. */
export type ChangePublisher = {
  publish(changed: Changed): void;
  /** Waits until every change is published. */
  close(): Promise<void>;
};

/** Opens a publisher. `send` publishes one message and never rejects. */
export function openChangePublisher(send: (changed: Changed) => Promise<void>): ChangePublisher {
  const waiting = new Map<string, Set<string>>();
  const sending = new Set<Promise<void>>();

  async function sendAll(accountId: string, ids: Set<string>): Promise<void> {
    while (ids.size > 0) {
      const conversationIds = [...ids];
      ids.clear();
      for (let first = 0; first < conversationIds.length; first += MAX_IDS)
        await send({ accountId, conversationIds: conversationIds.slice(first, first + MAX_IDS) });
      await sleep(COALESCE_MS);
    }
    waiting.delete(accountId);
  }

  return {
    publish({ accountId, conversationIds }) {
      const known = waiting.get(accountId);
      const ids = known ?? new Set<string>();
      for (const id of conversationIds) ids.add(id);
      for (const id of ids) {
        if (ids.size <= MAX_WAITING) break;
        ids.delete(id);
      }
      if (known || ids.size === 0) return;
      waiting.set(accountId, ids);
      const sent = sendAll(accountId, ids).finally(() => sending.delete(sent));
      sending.add(sent);
    },
    async close() {
      await Promise.all(sending);
    },
  };
}
