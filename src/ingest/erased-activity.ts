import type { StoredContact } from '../db/rows/contacts.ts';
import { type ErasedIdentifier, NOTHING_KNOWN } from '../db/rows/erased-identifiers.ts';
import { messageKey } from '../db/rows/events.ts';
import type { Command } from '../domain/conversation/activity.ts';
import { wasSentBefore } from '../domain/conversation/erasure.ts';
import type { Event } from '../domain/conversation/event.ts';
import type { Erased } from './load-erased.ts';

/** What an event's data may identify a customer by: the id of another message, and what the client told of itself. */
const IDENTIFYING = new Set(['of', 'clientVersion', 'locale']);

/**
 * What an activity comes to that tells of somebody who was erased (PE-15): DUPLICATE by its message's id, IGNORED where it
 * was sent before the erasure or is a message on a conversation of theirs; null where it is neither, and is taken as any other.
 */
export function asErased(
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
  // Its conversations are over for good: nobody is there to write to, or to hear from.
  const isMessage = isErased && (action.kind === 'INBOUND' || action.kind === 'OUTBOUND');
  return isOld || isEcho || isMessage ? 'IGNORED' : null;
}

/** An event of an erased contact, without what would tell again who it was. */
export function namingNobody(event: Event): Event {
  const data = Object.entries(event.data ?? {}).filter(([key]) => !IDENTIFYING.has(key));
  return { ...event, messageId: null, data: data.length > 0 ? Object.fromEntries(data) : null };
}

/** What is kept of the id of a message that came in of an erased contact. */
export function erasedNow(
  { erased }: { erased: Erased },
  channelId: string,
  { messageId }: Command,
  now: Date,
): ErasedIdentifier[] {
  const hash = messageId === null ? undefined : erased.hashes.get(messageKey(channelId, messageId));
  return hash === undefined ? [] : [{ ...NOTHING_KNOWN, hash, erasedAt: now }];
}
