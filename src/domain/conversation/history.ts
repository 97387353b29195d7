import type { Event } from './event.ts';

/** The history of a conversation in chronological order, as far as failed messages need it (LL-8). */
export type History = {
  /** The customer's messages. */
  inbound: readonly Event[];
  /** The messages of the business, except Lull's own, and other starts of the conversation. */
  outbound: readonly Event[];
  /** The messages of the business with an id, by id. */
  sent: ReadonlyMap<string, Event>;
  /** All events with an id, by id. */
  recorded: ReadonlyMap<string, Event>;
  /** When a message of the business was reported as failed, by id. */
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
 * The history that events make, in whatever order they were recorded. If the list of events has grown since the
 * last call, only the new ones are read, so repeated calls take no longer than one.
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

/** Whether an event comes before another: by time, and within an instant in the order of recording. */
export function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at.getTime() === b.at.getTime() && a.revision < b.revision);
}

/** The number of leading elements for which the condition holds. No later element may satisfy it. */
export function countUntil<Item>(list: readonly Item[], isSo: (item: Item) => boolean): number {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isSo(list[middle] as Item)) from = middle + 1;
    else to = middle;
  }
  return from;
}
