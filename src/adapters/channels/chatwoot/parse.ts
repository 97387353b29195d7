import { z } from 'zod';
import type { Inbound, InboundEvent } from '../../adapter.ts';
import {
  type Item,
  instant,
  readBody,
  readItems,
  unixSeconds,
  word,
  wordOrNumber,
} from '../../shared/fields.ts';

/** Marks what Lull sends, so that it is known when Chatwoot tells of it; there it shows as sent by automation (LL-9). */
export const OWN_RULE = 'lull';

type Own = { accountId: number; inboxId?: number | undefined };

/** Chatwoot has written its times in three ways. */
const time = z
  .union([instant, unixSeconds, z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)], {
    error: 'an instant in ISO 8601, or seconds since 1970',
  })
  .transform((read) => (read instanceof Date ? read : new Date(read.replace(' UTC', 'Z').replace(' ', 'T'))))
  .refine((read) => !Number.isNaN(read.getTime()), 'an instant');
const identified = z.looseObject({ id: z.unknown().optional() });

const call = z.looseObject({
  event: z.string(),
  account: identified.nullish(),
  inbox: identified.nullish(),
  inbox_id: z.unknown().optional(),
});

const message = z
  .object({
    id: wordOrNumber(255),
    created_at: time,
    message_type: z.string(),
    private: z.boolean().nullish(),
    content: z.string().nullish(),
    content_attributes: z.looseObject({ automation_rule_id: z.unknown().optional() }).nullish(),
    sender: z.looseObject({ type: z.string().nullish() }).nullish(),
    conversation: z.object({ id: wordOrNumber(255) }),
  })
  .transform((read): InboundEvent | null => {
    const { id: providerMessageId, created_at: at, content } = read;
    const address = read.conversation.id;
    const rule = read.content_attributes?.automation_rule_id;
    if (read.private || rule === OWN_RULE) return null;
    if (read.message_type === 'incoming')
      return {
        kind: 'MESSAGE',
        providerMessageId,
        address,
        sentAt: at,
        ...(content ? { text: content } : {}),
      };
    if (read.message_type === 'template')
      return { kind: 'ECHO', providerMessageId, address, sender: 'AUTOMATION', at };
    if (read.message_type !== 'outgoing') return null;
    const sender = rule ? 'AUTOMATION' : senderOf(read.sender?.type);
    return { kind: 'ECHO', providerMessageId, address, sender, at };
  });

/** A conversation may be resolved more than once, each time at another instant. */
const status = z
  .object({
    id: wordOrNumber(255),
    status: word(255),
    updated_at: time.optional(),
    timestamp: time.optional(),
  })
  .transform((read, problems): InboundEvent | null => {
    if (read.status !== 'resolved') return null;
    const at = read.updated_at ?? read.timestamp;
    if (at === undefined) {
      problems.addIssue({ code: 'custom', path: ['updated_at'], message: 'an instant' });
      return z.NEVER;
    }
    const providerEventId = `resolved:${read.id}:${at.getTime()}`;
    return { kind: 'END', providerEventId, address: read.id, by: 'AGENT', at };
  });

const KINDS: ReadonlyMap<string, Item['as']> = new Map<string, Item['as']>([
  ['message_created', message],
  ['conversation_status_changed', status],
]);

/**
 * Reads a call, which tells of one event: a message, or a conversation that was resolved. Private notes, activity
 * lines, updates and all else are ignored, as is what is about another account or inbox.
 * @throws InvalidInputError where the body names no event
 */
export function parseChatwoot(bytes: Uint8Array, own: Own): Inbound {
  const value = readBody(call, bytes);
  const isOurs =
    isSameId(value.account?.id, own.accountId) && isSameId(value.inbox?.id ?? value.inbox_id, own.inboxId);
  return readItems([{ at: 'body', value, as: isOurs ? (KINDS.get(value.event) ?? null) : null }]);
}

/** Whether an id is the one that is wanted, as far as both are known: changes of status do not name the account. */
function isSameId(given: unknown, wanted: number | undefined): boolean {
  if (given === undefined || given === null || wanted === undefined) return true;
  return (typeof given === 'string' || typeof given === 'number') && String(given) === String(wanted);
}

function senderOf(type: string | null | undefined): 'AGENT' | 'BOT' | 'AUTOMATION' {
  if (type === 'user') return 'AGENT';
  return type ? 'BOT' : 'AUTOMATION';
}
