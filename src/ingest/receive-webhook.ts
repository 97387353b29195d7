import type { Inbound, InboundEvent } from '../adapters/adapter.ts';
import { inFlightTo } from '../db/rows/outbox.ts';
import { orUnavailable } from '../db/sqlstate.ts';
import { BOUNDS } from '../domain/bounds.ts';
import { ConversationEndedError, type LullError, NotFoundError, UnavailableError } from '../domain/errors.ts';
import { isPlain, PLAIN, plainOf } from '../domain/text.ts';
import { isUuid } from '../domain/uuid.ts';
import { type Activity, type EngineDeps, MAX_ACTIVITIES } from '../engine.ts';
import { recordActivities } from './record-activities.ts';

/** The longest id or address. Together with its keys it must fit into an index entry of Postgres. */
const MAX_TEXT = BOUNDS.messageId.max;

/** The outcome of a provider's call. `ignored` events are of a kind that Lull does not use, or about an unknown contact. */
export type Received = {
  applied: number;
  duplicates: number;
  ignored: number;
  /** Events that are malformed or were refused, with the reason. */
  faults: { field: string; why: string }[];
};

/**
 * Records the events of a provider's call in their order. A repeated call changes nothing, because every event has an id. A
 * malformed event does not affect the others.
 * @throws UnavailableError if not all events could be recorded now, so that the provider should repeat the call
 */
export async function receive(
  deps: EngineDeps,
  accountId: string,
  channelId: string,
  inbound: Inbound,
): Promise<Received> {
  return await orUnavailable(() => receiveAll(deps, accountId, channelId, inbound));
}

async function receiveAll(
  deps: EngineDeps,
  accountId: string,
  channelId: string,
  { events: reported, ignored, malformed }: Inbound,
): Promise<Received> {
  const received: Received = {
    ...{ applied: 0, duplicates: 0, ignored },
    faults: malformed.map(({ field, allowed }) => ({ field, why: allowed })),
  };
  const events = reported.map(plainEvent).filter((event) => {
    const fault = faultIn(event);
    if (fault !== null) received.faults.push(fault);
    return fault === null;
  });
  const isOwn = await ownAmong(deps, accountId, channelId, events);
  for (let from = 0; from < events.length; from += MAX_ACTIVITIES) {
    const part = events.slice(from, from + MAX_ACTIVITIES);
    const now = deps.clock.now();
    const activities = part.map((event) => activityOf(event, channelId, now, isOwn(event)));
    const results = await recordActivities(deps, accountId, activities);
    for (const [index, { outcome, error }] of results.entries()) {
      if (error instanceof UnavailableError) throw error;
      if (outcome === 'APPLIED') received.applied++;
      else if (outcome === 'DUPLICATE') received.duplicates++;
      else if (outcome === 'IGNORED' || isAboutNothing(error)) received.ignored++;
      else received.faults.push({ field: `events[${from + index}]`, why: error?.message ?? 'refused' });
    }
  }
  return received;
}

/** Removes invisible characters from a message's client version and locale. A message is not refused because of them. */
function plainEvent(event: InboundEvent): InboundEvent {
  if (event.kind !== 'MESSAGE') return event;
  const { clientVersion, locale, ...rest } = event;
  const plain = Object.entries({ clientVersion, locale }).flatMap(([field, text]) => {
    const shown = text === undefined ? '' : plainOf(text);
    return shown === '' ? [] : [[field, shown]];
  });
  return { ...rest, ...Object.fromEntries(plain) };
}

/** The id or address of an event that cannot be stored. A third-party adapter may let one through. */
function faultIn(event: InboundEvent): { field: string; why: string } | null {
  const { address, providerMessageId, providerEventId } = event as Partial<
    Record<'address' | 'providerMessageId' | 'providerEventId', string>
  >;
  const texts = { address, providerMessageId, providerEventId };
  for (const [field, text] of Object.entries(texts))
    if (text !== undefined && (text === '' || text.length > MAX_TEXT || !isPlain(text)))
      return { field, why: `a text of 1 to ${MAX_TEXT} characters, ${PLAIN}, is allowed` };
  return null;
}

/** A client version or locale, if it can be stored. A message is not refused because of it. */
function within(text: string | undefined, max: number): string | undefined {
  return text && text.length <= max && isPlain(text) ? text : undefined;
}

/** Whether an event needs no record: a receipt for an unknown contact, or the end of an ended conversation. */
function isAboutNothing(error: LullError | null): boolean {
  return (
    error instanceof ConversationEndedError || (error instanceof NotFoundError && error.field === 'address')
  );
}

/**
 * Finds the echoes of Lull's own messages whose ids are not in the feed yet (LL-9). If the provider's answer to a message was
 * lost, the echo may have Lull's own id of the message. An echo that arrives while a message is being sent counts as its echo,
 * because the id is unknown until the provider answers.
 */
async function ownAmong(
  { db }: Pick<EngineDeps, 'db'>,
  accountId: string,
  channelId: string,
  events: readonly InboundEvent[],
): Promise<(event: InboundEvent) => boolean> {
  const echoes = events.filter((event) => event.kind === 'ECHO');
  if (echoes.length === 0) return () => false;
  const ids = echoes.map(({ providerMessageId }) => providerMessageId).filter(isUuid);
  const [inFlight, owed] = await Promise.all([
    inFlightTo(
      db.sql,
      accountId,
      channelId,
      echoes.map(({ address }) => address),
    ),
    ids.length === 0
      ? []
      : db.sql<{ id: string }[]>`
          select id from outbox where account_id = ${accountId} and channel_id = ${channelId} and id = any(${ids}::uuid[])`,
  ]);
  const own = new Set(owed.map(({ id }) => id));
  return (event) =>
    event.kind === 'ECHO' && (inFlight.has(event.address) || own.has(event.providerMessageId.toLowerCase()));
}

/** The activity that an event of a provider reports. */
function activityOf(event: InboundEvent, channelId: string, now: Date, isOwn: boolean): Activity {
  const target = { channelId, address: event.address };
  // Clocks differ: an event from the future happened now.
  const notAhead = (at: Date) => (at > now ? now : at);
  switch (event.kind) {
    case 'MESSAGE': {
      const { text, keyword, clientVersion, locale } = event;
      const { clientVersion: version, locale: language } = BOUNDS;
      const said = {
        ...{ text, keyword },
        ...{ clientVersion: within(clientVersion, version.max), locale: within(locale, language.max) },
      };
      const given = Object.entries(said).filter(([, value]) => value !== undefined);
      return {
        target,
        action: { kind: 'INBOUND', ...Object.fromEntries(given) },
        at: notAhead(event.sentAt),
        messageId: event.providerMessageId,
      };
    }
    case 'RECEIPT':
      return {
        target,
        action: { kind: 'RECEIPT', of: event.providerMessageId, state: event.state },
        at: notAhead(event.at),
        messageId: `receipt ${event.state} ${event.providerMessageId}`,
      };
    case 'ECHO':
      return {
        target,
        action: { kind: 'OUTBOUND', sender: isOwn ? 'OWN' : event.sender },
        at: notAhead(event.at),
        messageId: event.providerMessageId,
      };
    case 'END':
      return {
        target,
        action: { kind: 'END', by: event.by, reported: true },
        at: notAhead(event.at),
        messageId: `end ${event.providerEventId}`,
      };
    case 'LEAVE':
      return {
        target,
        action: { kind: 'END', by: 'CUSTOMER', reported: true },
        at: notAhead(event.at),
        messageId: `leave ${event.providerEventId}`,
      };
  }
}
