import { z } from 'zod';
import type { Keyword } from '../../../domain/conversation/keyword.ts';
import { InvalidInputError } from '../../../domain/errors.ts';
import type { Inbound, InboundEvent } from '../../adapter.ts';
import { type Item, identifier, readItems } from '../../shared/fields.ts';
import { RECEIPT_STATES, SID, sid } from '../../shared/twilio.ts';
import type { FieldFormats, SignedRequest } from '../../shared/twilio-signature.ts';

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  ['STOP', 'OPT_OUT'],
  ['START', 'OPT_IN'],
  ['HELP', 'HELP'],
]);

/** A number, a short code, or an address of another channel such as `whatsapp:+15550100`. */
const NUMBER = /(?:[a-z]+:)?\+?[0-9]{3,20}/;
/** The formats of the fields that are read; only the text of a message is free. */
export const FORMATS: FieldFormats = {
  ...{ AccountSid: SID, MessageSid: SID, MessagingServiceSid: SID, From: NUMBER, To: NUMBER },
  ...{ ApiVersion: /[0-9]{4}-[0-9]{2}-[0-9]{2}/, MessageStatus: /[a-z]+/, OptOutType: /STOP|START|HELP/ },
};

const number = identifier(255).regex(
  new RegExp(`^(?:${NUMBER.source})$`),
  'a number, or the address of a channel',
);
const message = z.object({
  MessageSid: sid,
  From: number,
  Body: z.string(),
  OptOutType: z.string().optional(),
});
const status = z.object({ MessageSid: sid, To: number, MessageStatus: z.string() });

/** Parses a request, which holds one message from a customer or the status of one sent message. */
export function parseSms(
  signed: SignedRequest,
  own: { accountSid: string; sender: string },
  now: Date,
): Inbound {
  if (signed.kind === 'JSON') throw new InvalidInputError('body', 'a form is allowed');
  const { fields } = signed;
  const value = Object.fromEntries(fields);
  const isStatus = fields.has('MessageStatus');
  const ownField = isMessagingService(own.sender) ? 'MessagingServiceSid' : isStatus ? 'From' : 'To';
  const isOwn = value.AccountSid === own.accountSid && value[ownField] === own.sender;
  const schema = isStatus ? statusAt(now) : fields.has('Body') ? messageAt(now) : null;
  return readItems([{ field: 'body', value, schema: isOwn ? schema : null }]);
}

function messageAt(sentAt: Date): Item['schema'] {
  return message.transform(({ MessageSid, From, Body, OptOutType }): InboundEvent => {
    const keyword = KEYWORDS.get(OptOutType ?? '');
    return {
      ...{ kind: 'MESSAGE', providerMessageId: MessageSid, address: From, sentAt, text: Body },
      ...(keyword ? { keyword } : {}),
    };
  });
}

function statusAt(at: Date): Item['schema'] {
  return status.transform(({ MessageSid, To, MessageStatus }): InboundEvent | null => {
    const state = RECEIPT_STATES.get(MessageStatus);
    if (state === undefined) return null;
    return { kind: 'RECEIPT', providerMessageId: MessageSid, address: To, state, at };
  });
}

/** Whether a sender is a messaging service, which sends from several numbers. */
export function isMessagingService(sender: string): boolean {
  return sender.startsWith('MG');
}
