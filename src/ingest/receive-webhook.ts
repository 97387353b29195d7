import type { Inbound, InboundEvent } from '../adapters/adapter.ts';
import { inFlightTo } from '../db/rows/outbox.ts';
import { orUnavailable } from '../db/sqlstate.ts';
import { BOUNDS } from '../domain/bounds.ts';
import { ConversationEndedError, type LullError, NotFoundError, UnavailableError } from '../domain/errors.ts';
import { isPlain, PLAIN, plainOf } from '../domain/text.ts';
import { isUuid } from '../domain/uuid.ts';
import { type Activity, type EngineDeps, MAX_ACTIVITIES } from '../engine.ts';
import { recordActivities } from './record-activities.ts';

/** The longest id or address; together with its keys it must fit an index entry of Postgres. */
const MAX_TEXT = BOUNDS.messageId.max;

/** What a provider's call came to. `ignored`: of a kind that Lull has no use for, or about nobody it knows. */
export type Received = {
  applied: number;
  duplicates: number;
  ignored: number;
  /** What could not be read or is not possible: which of the call's events, and why. */
  faults: { field: string; why: string }[];
};

/**
 * Records what a provider reported of a channel, in the order in which it came. A call that is made again changes
 * nothing: every event has an id. One bad event spoils none of the good ones.
 * @throws UnavailableError where not all of it could be recorded just now, and the call should be made again
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

/** An event without the characters that nobody needs in what a client tells of itself: for them no message is lost. */
function plainEvent(event: InboundEvent): InboundEvent {
  if (event.kind !== 'MESSAGE') return event;
  const { clientVersion, locale, ...rest } = event;
  const plain = Object.entries({ clientVersion, locale }).flatMap(([field, text]) => {
    const shown = text === undefined ? '' : plainOf(text);
    return shown === '' ? [] : [[field, shown]];
  });
  return { ...rest, ...Object.fromEntries(plain) };
}

/** What cannot be kept of an event, by which it would be known: an adapter of somebody else's may let it through. */
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

/** What a client tells of itself, if it can be kept: nobody loses a message by it. */
function within(text: string | undefined, max: number): string | undefined {
  return text && text.length <= max && isPlain(text) ? text : undefined;
}

/** A receipt for somebody who never wrote, or the end of what has ended: nothing is wrong with that. */
function isAboutNothing(error: LullError | null): boolean {
  return (
    error instanceof ConversationEndedError || (error instanceof NotFoundError && error.field === 'address')
  );
}

/**
 * Which echoes are of Lull's own messages, as far as the feed does not know their ids yet (LL-9). A message may be shown
 * and its answer be lost: where the channel takes Lull's id for the message's, that tells. And an echo that comes
 * while a message is under way is taken for that one's: its id is not known before the provider has answered.
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

/** What an event of a provider's is to the core. */
function activityOf(event: InboundEvent, channelId: string, now: Date, isOwn: boolean): Activity {
  const target = { channelId, address: event.address };
  // Clocks differ: what comes from ahead happened now.
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
