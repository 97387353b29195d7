import { openFairQueue } from '../../domain/fair-queue.ts';

/** What waits for a turn: requests with many rows, events of subscriptions, and events that read many rows. */
type RowKind = 'REQUEST' | 'EVENT' | 'COSTLY_EVENT';

/**
 * Limits the rows that a process reads and renders per second, and lets accounts take turns: that work occupies the one event
 * loop of the process.
 */
export type RowTurns = {
  /** Waits for the turn of a request or event with this many rows. */
  take(accountId: string, rows: number, kind: RowKind): Promise<void>;
  /** Releases everything that waits. */
  close(): void;
};

const TICK_MS = 5;
/** 30,000 rows a second: about a third of what a process can do. */
const ROWS_PER_TICK = 150;
/** The share of costly events: 8,000 rows a second. */
const COSTLY_ROWS_PER_TICK = 40;
/** The queues take turns: one entry of each kind. */
const KINDS: readonly RowKind[] = ['REQUEST', 'EVENT', 'COSTLY_EVENT'];

type Entry = { rows: number; go: () => void };
type Turns = {
  queues: ReadonlyMap<RowKind, ReturnType<typeof openFairQueue<Entry>>>;
  /** Rows taken beyond the share of past ticks; the next entry waits until they are made up for. */
  spent: number;
  spentOnCostly: number;
  /** The index in `KINDS` of the queue to serve next. */
  next: number;
  timer: NodeJS.Timeout | null;
};

/** Opens the turns of a process, with nothing waiting. */
export function openRowTurns(): RowTurns {
  const queues = new Map(KINDS.map((kind) => [kind, openFairQueue<Entry>()]));
  const turns: Turns = { queues, spent: 0, spentOnCostly: 0, next: 0, timer: null };
  return {
    take(accountId, rows, kind) {
      if (mayGo(turns, kind) && !mayAnyGo(turns)) {
        spend(turns, kind, rows);
        return Promise.resolve();
      }
      return new Promise((go) => queues.get(kind)?.add(accountId, { rows, go }));
    },
    close() {
      stopTicking(turns);
      for (const queue of queues.values())
        for (let entry = queue.next(); entry; entry = queue.next()) entry.go();
    },
  };
}

function mayGo({ spent, spentOnCostly }: Turns, kind: RowKind): boolean {
  return spent < ROWS_PER_TICK && (kind !== 'COSTLY_EVENT' || spentOnCostly < COSTLY_ROWS_PER_TICK);
}

/** Whether an entry waits that the next tick will serve: a newcomer must not overtake it. */
function mayAnyGo(turns: Turns): boolean {
  return KINDS.some((kind) => mayGo(turns, kind) && turns.queues.get(kind)?.size() !== 0);
}

function spend(turns: Turns, kind: RowKind, rows: number): void {
  turns.spent += rows;
  if (kind === 'COSTLY_EVENT') turns.spentOnCostly += rows;
  turns.timer ??= setInterval(tick, TICK_MS, turns);
}

function tick(turns: Turns): void {
  turns.spent = Math.max(0, turns.spent - ROWS_PER_TICK);
  turns.spentOnCostly = Math.max(0, turns.spentOnCostly - COSTLY_ROWS_PER_TICK);
  while (serveNext(turns));
  if (turns.spent === 0 && turns.spentOnCostly === 0) stopTicking(turns);
}

/** Serves the queue whose turn it is, or the next one with an entry that may go. */
function serveNext(turns: Turns): boolean {
  const order = [...KINDS.slice(turns.next), ...KINDS.slice(0, turns.next)];
  const served = order.find((kind) => serve(turns, kind));
  if (served !== undefined) turns.next = (KINDS.indexOf(served) + 1) % KINDS.length;
  return served !== undefined;
}

function serve(turns: Turns, kind: RowKind): boolean {
  const entry = mayGo(turns, kind) ? turns.queues.get(kind)?.next() : null;
  if (!entry) return false;
  spend(turns, kind, entry.rows);
  entry.go();
  return true;
}

function stopTicking(turns: Turns): void {
  if (turns.timer !== null) clearInterval(turns.timer);
  turns.timer = null;
}
