import { openFairQueue } from '../../domain/fair-queue.ts';

/**
 * Who waits: requests with many rows, events of subscriptions, and such of them as read much.
 */
export type RowKind = 'REQUEST' | 'EVENT' | 'COSTLY_EVENT';

/**
 * Has whatever makes many rows into an answer come in turns, so that one account's never hold up another's: to read a row
 * and to show it is work for the one event loop that a process has.
 */
export type RowTurns = {
  /** Waits for the turn of something with so many rows. Accounts take turns. */
  take(accountId: string, rows: number, kind: RowKind): Promise<void>;
  /** Lets all go on that wait. */
  close(): void;
};

const TICK_MS = 5;
/** 30,000 rows a second are about a third of what a process can do. */
const ROWS_IN_A_TICK = 150;
/** Of those, rows of costly events: 8,000 a second. */
const COSTLY_IN_A_TICK = 40;
/** They are served in turn, one of each kind. */
const KINDS: readonly RowKind[] = ['REQUEST', 'EVENT', 'COSTLY_EVENT'];

type Waiting = { rows: number; go: () => void };

/** Begins without anybody waiting. What was taken beyond a tick's share is made up for before the next goes on. */
export function openRowTurns(): RowTurns {
  const queues = new Map(KINDS.map((kind) => [kind, openFairQueue<Waiting>()]));
  let [spent, spentOnCostly] = [0, 0];
  let turn = 0;
  let timer: NodeJS.Timeout | null = null;

  const mayGo = (kind: RowKind) =>
    spent < ROWS_IN_A_TICK && (kind !== 'COSTLY_EVENT' || spentOnCostly < COSTLY_IN_A_TICK);

  /** Whether somebody waits who may go as soon as there is a tick: who comes now is not to go first. */
  function doesAnybodyWait(): boolean {
    return KINDS.some((kind) => mayGo(kind) && queues.get(kind)?.size() !== 0);
  }

  function spend(kind: RowKind, rows: number): void {
    spent += rows;
    if (kind === 'COSTLY_EVENT') spentOnCostly += rows;
    timer ??= setInterval(tick, TICK_MS);
  }

  function serve(kind: RowKind): boolean {
    const next = mayGo(kind) ? queues.get(kind)?.next() : null;
    if (!next) return false;
    spend(kind, next.rows);
    next.go();
    return true;
  }

  /** Serves the kind whose turn it is, or the next one of which somebody may go. */
  function serveNext(): boolean {
    const served = KINDS.slice(turn).concat(KINDS.slice(0, turn)).find(serve);
    if (served !== undefined) turn = (KINDS.indexOf(served) + 1) % KINDS.length;
    return served !== undefined;
  }

  function tick(): void {
    spent = Math.max(0, spent - ROWS_IN_A_TICK);
    spentOnCostly = Math.max(0, spentOnCostly - COSTLY_IN_A_TICK);
    while (serveNext());
    if (timer === null || spent > 0 || spentOnCostly > 0) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    take(accountId, rows, kind) {
      if (mayGo(kind) && !doesAnybodyWait()) {
        spend(kind, rows);
        return Promise.resolve();
      }
      return new Promise((go) => queues.get(kind)?.add(accountId, { rows, go }));
    },
    close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      for (const queue of queues.values()) for (let next = queue.next(); next; next = queue.next()) next.go();
    },
  };
}
