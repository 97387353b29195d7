import { setTimeout as wait } from 'node:timers/promises';
import type { LullClient, Shown } from './client.ts';
import { RefusedError } from './sse.ts';

/** How long after a lost connection the next one is tried: twice as long each time, and never longer than the last. */
const RETRY_MS = { first: 250, longest: 10_000 };
/** Live updates are best effort. So the feed, which misses nothing, is read this often besides. */
const CATCH_UP_MS = 30_000;

/** What a follower is told. */
export type Follower = {
  /** A conversation that is new or has changed; each revision once. */
  show: (conversation: Shown) => void;
  /** The connection was made, or was lost for this reason. */
  connection: (state: 'live' | 'lost', reason?: string) => void;
};

/**
 * Shows the open conversations and every later change, until the signal. After a lost connection it connects again and reads
 * from the feed what it missed. @throws RefusedError if the server refuses the key
 */
export async function follow(client: LullClient, follower: Follower, signal: AbortSignal): Promise<void> {
  const revisions = new Map<string, number>();
  const show = (conversation: Shown) => {
    // A change can arrive twice, by the subscription and by the feed, and late.
    if ((revisions.get(conversation.id) ?? 0) >= conversation.revision) return;
    revisions.set(conversation.id, conversation.revision);
    follower.show(conversation);
  };
  // The cursor first: what happens while the list is read is then read from the feed.
  let cursor: string | null = await client.cursor();
  const catchUp = async () => {
    const read = await client.eventsAfter(cursor);
    cursor = read.cursor;
    for (const { conversation } of read.events) show(conversation as Shown);
  };
  for (const conversation of await client.dueNext(100)) show(conversation);

  for (let delayMs = RETRY_MS.first; !signal.aborted; ) {
    try {
      const changes = await client.changes(signal);
      await catchUp();
      follower.connection('live');
      delayMs = RETRY_MS.first;
      await showAll(changes, show, catchUp);
      follower.connection('lost', 'the server ended it');
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RefusedError && error.isFinal) throw error;
      follower.connection('lost', error instanceof Error ? error.message : String(error));
    }
    await wait(delayMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
    delayMs = Math.min(2 * delayMs, RETRY_MS.longest);
  }
}

/** Shows changes as they come, and reads the feed every now and then. */
async function showAll(
  changes: AsyncGenerator<Shown>,
  show: (conversation: Shown) => void,
  catchUp: () => Promise<void>,
): Promise<void> {
  // A failure here is followed by the next attempt, or by the loss of the connection.
  const timer = setInterval(() => catchUp().catch(() => {}), CATCH_UP_MS);
  try {
    for await (const conversation of changes) show(conversation);
  } finally {
    clearInterval(timer);
  }
}
