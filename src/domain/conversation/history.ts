import type { Event } from './event.ts';

/** What has happened to a conversation, in order of time, as far as messages that did not arrive care (LL-8). */
export type History = {
  /** Customers' messages. */
  inbound: readonly Event[];
  /** Messages of the business but Lull's own, and what else began the conversation. */
  outbound: readonly Event[];
  /** Those of them that have an id, by it. */
  sent: ReadonlyMap<string, Event>;
  /** Everything that has an id, by it. */
  recorded: ReadonlyMap<string, Event>;
  /** Since when a message of the business is known not to have arrived, by its id. */
  failedAt: ReadonlyMap<string, Date>;
};

type Kept = {
  inbound: Event[];
  outbound: Event[];
  sent: Map<string, Event>;
  recorded: Map<string, Event>;
  failedAt: Map<string, Date>;
  count: number;
  last: Event | undefined;
};
const kept = new WeakMap<readonly Event[], Kept>();

/**
 * The history that events make, in whatever order they were recorded. A list that has grown since is read from there
 * on, so that asking again and again of a list that grows takes no longer than reading it once.
 */
export function historyIn(events: readonly Event[]): History {
  let known = kept.get(events);
  if (known === undefined || known.count > events.length || events[known.count - 1] !== known.last) {
    known = {
      ...{ inbound: [], outbound: [], sent: new Map(), recorded: new Map(), failedAt: new Map() },
      ...{ count: 0, last: undefined },
    };
    kept.set(events, known);
  }
  for (const event of events.slice(known.count)) keep(known, event);
  known.count = events.length;
  known.last = events.at(-1);
  return known;
}

function keep({ inbound, outbound, sent, recorded, failedAt }: Kept, event: Event): void {
  if (event.messageId !== null) recorded.set(event.messageId, event);
  if (event.kind === 'INBOUND') insert(inbound, event);
  else if (event.kind === 'START' || (event.kind === 'OUTBOUND' && event.actor !== 'OWN')) {
    insert(outbound, event);
    if (event.messageId !== null) sent.set(event.messageId, event);
  } else if (event.kind === 'RECEIPT' && event.data?.state === 'FAILED') {
    const of = String(event.data.of);
    const known = failedAt.get(of);
    if (known === undefined || event.at < known) failedAt.set(of, event.at);
  }
}

function insert(list: Event[], event: Event): void {
  const place = countUntil(list, (each) => !isBefore(event, each));
  if (place === list.length) list.push(event);
  else list.splice(place, 0, event);
}

/** Whether an event comes before another: by its time, and within an instant as they were recorded. */
export function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at.getTime() === b.at.getTime() && a.revision < b.revision);
}

/** How many stand before the first that is not so, in a list in which none is so after one that is not. */
export function countUntil<Item>(list: readonly Item[], isSo: (item: Item) => boolean): number {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isSo(list[middle] as Item)) from = middle + 1;
    else to = middle;
  }
  return from;
}
