import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Inbound, InboundEvent, InboundRequest } from '../../adapter.ts';
import {
  type Item,
  identifier,
  identifierOrNumber,
  instant,
  missingField,
  readBody,
  readItems,
  unixSeconds,
} from '../../shared/fields.ts';
import { constantTimeEqual, isRecent } from '../../shared/signature.ts';

/** Marks the messages that Lull sends. Chatwoot shows them as sent by an automation rule, and returns the mark (LL-9). */
export const LULL_RULE = 'lull';

type OwnIds = { accountId: number; inboxId?: number | undefined };

/** Whether Chatwoot signed a request within five minutes of now: over the timestamp, a dot and the raw body. */
export function isChatwootSigned(request: InboundRequest, secret: string, now: Date): boolean {
  const timestamp = request.headers.get('x-chatwoot-timestamp') ?? '';
  if (!isRecent(timestamp, now)) return false;
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(request.body).digest('hex');
  return constantTimeEqual(request.headers.get('x-chatwoot-signature') ?? '', `sha256=${expected}`);
}

/** Versions of Chatwoot write times in three formats. */
const time = z
  .union([instant, unixSeconds, z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)], {
    error: 'an instant in ISO 8601, or seconds since 1970',
  })
  .transform((read) => (read instanceof Date ? read : new Date(read.replace(' UTC', 'Z').replace(' ', 'T'))))
  .refine((read) => !Number.isNaN(read.getTime()), 'an instant');
const identified = z.looseObject({ id: z.unknown().optional() });

const webhook = z.looseObject({
  event: z.string(),
  account: identified.nullish(),
  inbox: identified.nullish(),
  inbox_id: z.unknown().optional(),
});

const message = z
  .object({
    id: identifierOrNumber(255),
    created_at: time,
    message_type: z.string(),
    private: z.boolean().nullish(),
    content: z.string().nullish(),
    content_attributes: z.looseObject({ automation_rule_id: z.unknown().optional() }).nullish(),
    sender: z.looseObject({ type: z.string().nullish() }).nullish(),
    conversation: z.object({ id: identifierOrNumber(255) }),
  })
  .transform((read): InboundEvent | null => {
    const rule = read.content_attributes?.automation_rule_id;
    if (read.private || rule === LULL_RULE) return null;
    const { id: providerMessageId, created_at: at, content, message_type: type } = read;
    const address = read.conversation.id;
    if (type === 'incoming')
      return {
        kind: 'MESSAGE',
        providerMessageId,
        address,
        sentAt: at,
        ...(content ? { text: content } : {}),
      };
    if (type !== 'template' && type !== 'outgoing') return null;
    const sender = rule || type === 'template' ? 'AUTOMATION' : senderOf(read.sender?.type);
    return { kind: 'ECHO', providerMessageId, address, sender, at };
  });

/** A conversation can be resolved more than once, so the time is a part of the event's id. */
const status = z
  .object({
    id: identifierOrNumber(255),
    status: identifier(255),
    updated_at: time.optional(),
    timestamp: time.optional(),
  })
  .transform((read, context): InboundEvent | null => {
    if (read.status !== 'resolved') return null;
    const at = read.updated_at ?? read.timestamp;
    if (at === undefined) return missingField(context, ['updated_at'], 'an instant');
    const providerEventId = `resolved:${read.id}:${at.getTime()}`;
    return { kind: 'END', providerEventId, address: read.id, by: 'AGENT', at };
  });

const SCHEMAS: ReadonlyMap<string, Item['schema']> = new Map<string, Item['schema']>([
  ['message_created', message],
  ['conversation_status_changed', status],
]);

/**
 * Parses a request, which holds one event: a message, or a resolved conversation. Private notes, activity lines, updates
 * and other events are ignored, as are events of other accounts and inboxes.
 * @throws InvalidInputError if the body names no event
 */
export function parseChatwoot(bytes: Uint8Array, own: OwnIds): Inbound {
  const value = readBody(webhook, bytes);
  const isOwn =
    isSameId(value.account?.id, own.accountId) && isSameId(value.inbox?.id ?? value.inbox_id, own.inboxId);
  return readItems([{ field: 'body', value, schema: isOwn ? (SCHEMAS.get(value.event) ?? null) : null }]);
}

/** Whether two ids are the same. An unknown id passes, because status changes do not name the account. */
function isSameId(given: unknown, wanted: number | undefined): boolean {
  if (given === undefined || given === null || wanted === undefined) return true;
  return (typeof given === 'string' || typeof given === 'number') && String(given) === String(wanted);
}

function senderOf(type: string | null | undefined): 'AGENT' | 'BOT' | 'AUTOMATION' {
  if (type === 'user') return 'AGENT';
  return type ? 'BOT' : 'AUTOMATION';
}
