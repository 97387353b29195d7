import { z } from 'zod';
import { RECEIPTS } from '../../domain/conversation/activity.ts';
import {
  type AdapterContext,
  accepted,
  type DeliverResult,
  type Inbound,
  type InboundEvent,
  type OutboundMessage,
  rejected,
} from '../adapter.ts';
import { instant, locale, readBody, readItems, word } from './fields.ts';
import { isPassing, notNow } from './http-send.ts';

const message = z
  .object({
    id: word(255),
    address: word(255),
    sentAt: instant,
    text: z.string().nullish(),
    keyword: z.enum(['OPT_OUT', 'OPT_IN', 'HELP']).nullish(),
    clientVersion: word(255).nullish(),
    locale: locale.nullish(),
  })
  .transform(
    ({ id, address, sentAt, text, keyword, clientVersion, locale }): InboundEvent => ({
      kind: 'MESSAGE',
      providerMessageId: id,
      address,
      sentAt,
      ...(text ? { text } : {}),
      ...(keyword ? { keyword } : {}),
      ...(clientVersion ? { clientVersion } : {}),
      ...(locale ? { locale } : {}),
    }),
  );
const receipt = z
  .object({ messageId: word(255), address: word(255), state: z.enum(RECEIPTS), at: instant })
  .transform(
    ({ messageId, ...rest }): InboundEvent => ({ kind: 'RECEIPT', providerMessageId: messageId, ...rest }),
  );
const echo = z
  .object({ id: word(255), address: word(255), sender: z.enum(['AGENT', 'BOT', 'AUTOMATION']), at: instant })
  .transform(({ id, ...rest }): InboundEvent => ({ kind: 'ECHO', providerMessageId: id, ...rest }));
const end = z
  .object({ id: word(255), address: word(255), by: z.enum(['AGENT', 'BOT']), at: instant })
  .transform(({ id, ...rest }): InboundEvent => ({ kind: 'END', providerEventId: id, ...rest }));
const leave = z
  .object({ id: word(255), address: word(255), at: instant })
  .transform(({ id, ...rest }): InboundEvent => ({ kind: 'LEAVE', providerEventId: id, ...rest }));
const kinds: ReadonlyMap<string, z.ZodType<InboundEvent>> = new Map<string, z.ZodType<InboundEvent>>([
  ['message', message],
  ['receipt', receipt],
  ['echo', echo],
  ['end', end],
  ['leave', leave],
]);

const envelope = z.object({ events: z.array(z.unknown()).max(1000) });
const typed = z.looseObject({ type: z.string() });
const untyped = typed.transform(() => null);

/**
 * Reads Lull's own wire, JSON in UTF-8:
 *
 *     {"events": [
 *       {"type": "message", "id": "m1", "address": "ada", "sentAt": "2026-01-05T13:00:00Z", "text": "Hello",
 *        "keyword": "OPT_OUT", "clientVersion": "2.1", "locale": "de-AT"},
 *       {"type": "receipt", "messageId": "m2", "address": "ada", "state": "READ", "at": "2026-01-05T13:00:05Z"},
 *       {"type": "echo", "id": "m3", "address": "ada", "sender": "AGENT", "at": "2026-01-05T13:00:10Z"},
 *       {"type": "leave", "id": "e4", "address": "ada", "at": "2026-01-05T13:01:00Z"},
 *       {"type": "end", "id": "e5", "address": "bob", "by": "AGENT", "at": "2026-01-05T13:01:00Z"}]}
 *
 * `text`, `keyword`, `clientVersion` and `locale` may be left out. An echo is a message of the business's own, by
 * AGENT, BOT or AUTOMATION; a `leave` is the customer's end, an `end` that of AGENT or BOT. Events of another type are
 * ignored and counted. A call carries at most 1,000.
 * @throws InvalidInputError where the body is not of that form.
 */
export function parseWire(body: Uint8Array): Inbound {
  const { events } = readBody(envelope, body);
  return readItems(
    events.map((value, index) => {
      const head = typed.safeParse(value);
      const as = head.success ? (kinds.get(head.data.type) ?? null) : untyped;
      return { at: `events[${index}]`, value, as };
    }),
  );
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
  if (response.ok) return accepted(message.id);
  if (isPassing(response.status)) return notNow(response, context.now());
  return rejected(`the receiver answered ${response.status}`);
}
