import type { StoredContact } from '../db/rows/contacts.ts';
import { type ErasedIdentifier, NOTHING_KNOWN } from '../db/rows/erased-identifiers.ts';
import { messageKey } from '../db/rows/events.ts';
import type { Command } from '../domain/conversation/activity.ts';
import { wasSentBefore } from '../domain/conversation/erasure.ts';
import type { Event } from '../domain/conversation/event.ts';
import type { Erased } from './load-erased.ts';

/** Fields of an event's data that may identify a customer. */
const IDENTIFYING = new Set(['of', 'clientVersion', 'locale']);

/**
 * The outcome of an activity of an erased customer (PE-15): DUPLICATE by its message id; IGNORED if it was sent before the erasure, is
 * the echo of a message that was being sent, or is a message on an erased conversation; null if it is none of these.
 */
export function outcomeOfErased(
  { erased }: { erased: Erased },
  { id, channelId, isErased }: StoredContact,
  { command, conversationId }: { command: Command; conversationId: string | null },
  erasedBefore: Date | null,
): 'DUPLICATE' | 'IGNORED' | null {
  const { messageId, at, action } = command;
  if (messageId !== null && erased.messages.has(messageKey(channelId, messageId))) return 'DUPLICATE';
  const isOld = conversationId === null && erasedBefore !== null && wasSentBefore(at, erasedBefore);
  const echoesUntil = erased.addresses.get(id)?.echoesUntil ?? null;
  const isEcho = action.kind === 'OUTBOUND' && echoesUntil !== null && at < echoesUntil;
  // The conversations of an erased contact take no messages.
  const isMessage = isErased && (action.kind === 'INBOUND' || action.kind === 'OUTBOUND');
  return isOld || isEcho || isMessage ? 'IGNORED' : null;
}

/** An event of an erased contact, without the fields that identify a customer. */
export function namingNobody(event: Event): Event {
  const data = Object.entries(event.data ?? {}).filter(([key]) => !IDENTIFYING.has(key));
  return { ...event, messageId: null, data: data.length > 0 ? Object.fromEntries(data) : null };
}

/** The hash to keep of the message id of an erased contact. */
export function erasedNow(
  { erased }: { erased: Erased },
  channelId: string,
  { messageId }: Command,
  now: Date,
): ErasedIdentifier[] {
  const hash = messageId === null ? undefined : erased.hashes.get(messageKey(channelId, messageId));
  return hash === undefined ? [] : [{ ...NOTHING_KNOWN, hash, erasedAt: now }];
}
