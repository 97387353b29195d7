import { openFairQueue } from '../domain/fair-queue.ts';

/** Has the events of all subscriptions of a process come in turns, so that those of one account never hold up another's. */
export type EventTurns = {
  /** Waits for the turn of something that is to be told: `cost` is how many rows it reads. Accounts take turns. */
  take(accountId: string, cost: number): Promise<void>;
  /** Lets all go on that wait. */
  close(): void;
};

/** An event that reads more than this is costly: it is read by connections of their own. */
export const COSTLY_FROM = 50;

const TICK_MS = 5;
/** Rows read for events in a tick: 30,000 a second is about a third of what a process can do. */
const ALL_IN_A_TICK = 150;
/** Of those, rows of costly events: 8,000 a second. */
const COSTLY_IN_A_TICK = 40;

type Waiting = { cost: number; go: () => void };

/** Begins without anybody waiting. What was just taken beyond a tick's share is made up for before the next goes on. */
export function openEventTurns(): EventTurns {
  const queues = { cheap: openFairQueue<Waiting>(), costly: openFairQueue<Waiting>() };
  let [spent, spentOnCostly] = [0, 0];
  let timer: NodeJS.Timeout | null = null;

  const mayGo = (kind: keyof typeof queues) =>
    spent < ALL_IN_A_TICK && (kind === 'cheap' || spentOnCostly < COSTLY_IN_A_TICK);

  function spend(kind: keyof typeof queues, cost: number): void {
    spent += cost;
    if (kind === 'costly') spentOnCostly += cost;
    timer ??= setInterval(tick, TICK_MS);
  }

  function serve(kind: keyof typeof queues): boolean {
    const next = mayGo(kind) ? queues[kind].next() : null;
    if (next === null) return false;
    spend(kind, next.cost);
    next.go();
    return true;
  }

  function tick(): void {
    spent = Math.max(0, spent - ALL_IN_A_TICK);
    spentOnCostly = Math.max(0, spentOnCostly - COSTLY_IN_A_TICK);
    while (serve('cheap') || serve('costly'));
    if (timer === null || spent > 0 || spentOnCostly > 0) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    take(accountId, cost) {
      const kind = cost > COSTLY_FROM ? 'costly' : 'cheap';
      if (mayGo(kind) && queues[kind].size() === 0) {
        spend(kind, cost);
        return Promise.resolve();
      }
      return new Promise((go) => queues[kind].add(accountId, { cost, go }));
    },
    close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      for (const queue of Object.values(queues))
        for (let next = queue.next(); next; next = queue.next()) next.go();
    },
  };
}
