import { z } from 'zod';
import { RECEIPTS } from '../domain/activity.ts';
import { InvalidInputError } from '../domain/errors.ts';
import {
  type AdapterContext,
  accepted,
  type DeliverResult,
  type Inbound,
  type InboundEvent,
  type OutboundMessage,
  rejected,
  retry,
} from './adapter.ts';
import { firstFault } from './invalid.ts';

const word = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}+$/u, 'no control characters');
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const message = z
  .object({
    id: word(255),
    address: word(255),
    sentAt: instant,
    text: z.string().nullish(),
    clientVersion: word(255).nullish(),
  })
  .transform(
    ({ id, address, sentAt, text, clientVersion }): InboundEvent => ({
      kind: 'MESSAGE',
      providerMessageId: id,
      address,
      sentAt,
      ...(text ? { text } : {}),
      ...(clientVersion ? { clientVersion } : {}),
    }),
  );
const receipt = z
  .object({ messageId: word(255), address: word(255), state: z.enum(RECEIPTS), at: instant })
  .transform(
    ({ messageId, ...rest }): InboundEvent => ({ kind: 'RECEIPT', providerMessageId: messageId, ...rest }),
  );
const leave = z
  .object({ id: word(255), address: word(255), at: instant })
  .transform(({ id, ...rest }): InboundEvent => ({ kind: 'LEAVE', providerEventId: id, ...rest }));
const kinds: ReadonlyMap<string, z.ZodType<InboundEvent>> = new Map<string, z.ZodType<InboundEvent>>([
  ['message', message],
  ['receipt', receipt],
  ['leave', leave],
]);

const envelope = z.object({ events: z.array(z.unknown()).max(1000) });
const typed = z.looseObject({ type: z.string() });

/**
 * Reads Lull's own wire, JSON in UTF-8:
 *
 *     {"events": [
 *       {"type": "message", "id": "m1", "address": "ada", "sentAt": "2026-01-05T13:00:00Z", "text": "Hello", "clientVersion": "2.1"},
 *       {"type": "receipt", "messageId": "m2", "address": "ada", "state": "READ", "at": "2026-01-05T13:00:05Z"},
 *       {"type": "leave", "id": "e3", "address": "ada", "at": "2026-01-05T13:01:00Z"}]}
 *
 * `text` and `clientVersion` may be left out. Events of another type are ignored and counted. A call carries at
 * most 1,000.
 * @throws InvalidInputError where the body is not of that form.
 */
export function parseWire(body: Uint8Array): Inbound {
  const read = envelope.safeParse(jsonOf(body));
  if (!read.success) {
    const { field, allowed } = firstFault(read.error, 'body');
    throw new InvalidInputError(field, allowed);
  }
  const events: InboundEvent[] = [];
  const malformed: { field: string; allowed: string }[] = [];
  let ignored = 0;
  for (const [index, event] of read.data.events.entries()) {
    const head = typed.safeParse(event);
    const result = head.success ? kinds.get(head.data.type)?.safeParse(event) : head;
    if (result === undefined) ignored += 1;
    else if (result.error) malformed.push(firstFault(result.error, `events[${index}]`));
    else if (result.success) events.push(result.data);
  }
  return { events, ignored, malformed };
}

/**
 * Posts a message over Lull's own wire, as JSON. On it the message's id is the id that receipts carry, and the
 * receiver takes each id once. A platform without a URL learns what to show from `conversation.ended`: then
 * there is nothing to send, and it counts as accepted.
 */
export async function deliverOverWire(
  message: OutboundMessage,
  url: string | undefined,
  sign: (body: string) => Record<string, string>,
  context: Pick<AdapterContext<unknown>, 'fetch' | 'now' | 'signal'>,
): Promise<DeliverResult> {
  if (url === undefined) return accepted(null);
  const body = JSON.stringify(message);
  const response = await context.fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...sign(body) },
    body,
    redirect: 'manual',
    signal: context.signal,
  });
  await response.body?.cancel();
  if (response.ok) return accepted(message.id);
  if (response.status === 408 || response.status === 429 || response.status >= 500)
    return retry(retryAfterMs(response.headers.get('retry-after'), context.now()));
  return rejected(`the receiver answered ${response.status}`);
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new InvalidInputError('body', 'JSON in UTF-8');
  }
}

/** Reads Retry-After: seconds, or the date of an HTTP header. */
function retryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
