import { setTimeout as sleep } from 'node:timers/promises';
import { type Listener, subscribe } from '../../test/support/sse.ts';
import type { World } from './world.ts';

/** Subscriptions: most stay for the whole soak, others come and go. */
export type Listeners = {
  /** How many are open just now. */
  open(): number;
  /** The messages that they received so far. */
  heard(): number;
  /** Subscriptions that ended by themselves, or could not be opened although the service was not overloaded. */
  lost(): number;
  stop(): Promise<void>;
};

const ALL = 'subscription { conversationChanged { id status revision } }';
const ONE = 'subscription ($id: ID!) { conversationChanged(conversationId: $id) { id status revision } }';
const ENDED = 'subscription { conversationsEnded { id ending { reason } } }';
/** Those that hear of everything, as a desk does; each costs a read and an answer for every change. */
const WITH_ALL = 6;
/** One more comes so often, and stays so long. */
const COMES_EVERY_MS = 200;
const STAYS_MS = 3_000;

/** Opens so many and keeps them open, and lets others come and go. */
export async function openListeners(
  { api, key }: World,
  count: number,
  conversationIds: readonly string[],
): Promise<Listeners> {
  const open = new Set<Listener>();
  let heard = 0;
  let lost = 0;
  let stopped = false;

  async function listen(query: string, variables: object): Promise<Listener | null> {
    const begin = () => subscribe(api.url as string, key, query, variables);
    const listener = await begin().catch(begin);
    if (listener.status !== 200) {
      if (listener.status !== 503) lost++;
      listener.stop();
      return null;
    }
    open.add(listener);
    void hear(listener);
    return listener;
  }

  async function hear(listener: Listener): Promise<void> {
    try {
      for (;;) {
        const answer = await listener.next();
        if (answer === null) break;
        heard++;
      }
    } catch {
      // Stopping it breaks off what it waits for.
    }
    if (open.delete(listener)) lost++;
  }

  function leave(listener: Listener): void {
    open.delete(listener);
    listener.stop();
  }

  const idOf = (index: number) => conversationIds[index % conversationIds.length] as string;
  for (let index = 0; index < count; index++) {
    const query = index < WITH_ALL ? (index % 2 === 0 ? ALL : ENDED) : ONE;
    await listen(query, query === ONE ? { id: idOf(index) } : {});
  }

  const comings = (async () => {
    for (let index = count; !stopped; index++) {
      await sleep(COMES_EVERY_MS);
      const listener = await listen(ONE, { id: idOf(index) }).catch(() => {
        lost++;
        return null;
      });
      if (listener !== null) void sleep(STAYS_MS).then(() => leave(listener));
    }
  })();

  return {
    open: () => open.size,
    heard: () => heard,
    lost: () => lost,
    async stop() {
      stopped = true;
      await comings;
      for (const listener of open) leave(listener);
    },
  };
}
