import { z } from 'zod';
import { RECEIPTS } from '../../domain/conversation/activity.ts';
import type { Inbound, InboundEvent } from '../adapter.ts';
import { identifier, instant, locale, readBody, readItems } from './fields.ts';

const message = z
  .object({
    id: identifier(255),
    address: identifier(255),
    sentAt: instant,
    text: z.string().nullish(),
    keyword: z.enum(['OPT_OUT', 'OPT_IN', 'HELP']).nullish(),
    clientVersion: identifier(255).nullish(),
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
  .object({ messageId: identifier(255), address: identifier(255), state: z.enum(RECEIPTS), at: instant })
  .transform(
    ({ messageId, ...rest }): InboundEvent => ({ kind: 'RECEIPT', providerMessageId: messageId, ...rest }),
  );
const echo = z
  .object({
    id: identifier(255),
    address: identifier(255),
    sender: z.enum(['AGENT', 'BOT', 'AUTOMATION']),
    at: instant,
  })
  .transform(({ id, ...rest }): InboundEvent => ({ kind: 'ECHO', providerMessageId: id, ...rest }));
const end = z
  .object({ id: identifier(255), address: identifier(255), by: z.enum(['AGENT', 'BOT']), at: instant })
  .transform(({ id, ...rest }): InboundEvent => ({ kind: 'END', providerEventId: id, ...rest }));
const leave = z
  .object({ id: identifier(255), address: identifier(255), at: instant })
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
 * Parses Lull's own wire format, JSON in UTF-8:
 *
 *     {"events": [
 *       {"type": "message", "id": "m1", "address": "ada", "sentAt": "2026-01-05T13:00:00Z", "text": "Hello",
 *        "keyword": "OPT_OUT", "clientVersion": "2.1", "locale": "de-AT"},
 *       {"type": "receipt", "messageId": "m2", "address": "ada", "state": "READ", "at": "2026-01-05T13:00:05Z"},
 *       {"type": "echo", "id": "m3", "address": "ada", "sender": "AGENT", "at": "2026-01-05T13:00:10Z"},
 *       {"type": "leave", "id": "e4", "address": "ada", "at": "2026-01-05T13:01:00Z"},
 *       {"type": "end", "id": "e5", "address": "bob", "by": "AGENT", "at": "2026-01-05T13:01:00Z"}]}
 *
 * `text`, `keyword`, `clientVersion` and `locale` are optional. An `echo` is a message of the business, by AGENT, BOT
 * or AUTOMATION. The customer ends the conversation by a `leave`, AGENT or BOT by an `end`. Events of other types are
 * ignored and counted. A request holds at most 1,000 events.
 * @throws InvalidInputError if the body does not have this form
 */
export function parseWire(body: Uint8Array): Inbound {
  const { events } = readBody(envelope, body);
  return readItems(
    events.map((value, index) => {
      const head = typed.safeParse(value);
      const schema = head.success ? (kinds.get(head.data.type) ?? null) : untyped;
      return { field: `events[${index}]`, value, schema };
    }),
  );
}
