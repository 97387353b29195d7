import { z } from 'zod';
import { closingFrom } from '../../../domain/closing/closing.ts';
import type { ReceiptState } from '../../../domain/conversation/activity.ts';
import {
  ALL_OPT_OUT_WORDS,
  HELP_WORDS,
  type Keyword,
  OPT_IN_WORDS,
} from '../../../domain/conversation/keyword.ts';
import { InvalidInputError } from '../../../domain/errors.ts';
import { defineAdapter, type Inbound, type InboundEvent, rejected } from '../../adapter.ts';
import { destination } from '../../settings.ts';
import { type Item, readItems, word } from '../../shared/fields.ts';
import { asTexted, closingTexts, textFor } from '../../shared/text-channel.ts';
import { tier, tiered } from '../../shared/tier.ts';
import { postToTwilio, SID, sid, twilioSettings } from '../../shared/twilio.ts';
import { type FieldForms, isTwilioSigned, readSigned, type Signed } from '../../shared/twilio-signature.ts';

/** The longest text of a message. */
const LIMIT = 1600;

/**
 * SMS by Twilio. STOP, START and HELP are answered there, never by Lull: after STOP nothing is sent at all. Twilio does
 * not say when a message was sent, so it counts as of its arrival.
 */
export default defineAdapter({
  id: 'sms',
  name: 'SMS',
  settings: z.strictObject({
    ...twilioSettings,
    sender: z
      .string()
      .regex(
        /^(\+\d{7,15}|\d{3,8}|MG[0-9a-fA-F]{32})$/,
        'a number such as +15550100, a short code or the SID of a messaging service',
      )
      .describe('From what messages are sent; calls about others are ignored'),
    apiUrl: destination(z.url({ protocol: /^https?$/ }).default('https://api.twilio.com')).describe(
      'Where the API is',
    ),
    tier,
    ...closingTexts(LIMIT),
  }),
  ...tiered({
    bounds: {},
    canReopen: true,
    businessInitiated: true,
    newSessionOnAgentMessage: true,
    replyWindow: null,
    textLimits: { closeMessage: LIMIT },
    idempotentSends: false,
    optOutWords: ALL_OPT_OUT_WORDS,
    optInWords: OPT_IN_WORDS,
    helpWords: HELP_WORDS,
  }),
  closing: (context) => closingFrom(context, asTexted(context, LIMIT)),
  inbound: {
    undated: true,
    verify: (request, { settings }) => isTwilioSigned(request, settings.authToken, FORMS),
    parse: (request, { settings, now }) => parseForm(readSigned(request, FORMS), settings, now()),
    // An answer without a message in it: anything else would be sent to the customer.
    acknowledge: () => ({ status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response/>' }),
  },
  async deliver(message, context) {
    const { apiUrl, accountSid, sender } = context.settings;
    const said = textFor(message, context.settings);
    if (said.text === null) return rejected(said.why);
    return await postToTwilio(
      `${apiUrl.replace(/\/$/, '')}/2010-04-01/Accounts/${accountSid}/Messages.json`,
      { To: message.address, [isService(sender) ? 'MessagingServiceSid' : 'From']: sender, Body: said.text },
      context,
    );
  },
});

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  ['STOP', 'OPT_OUT'],
  ['START', 'OPT_IN'],
  ['HELP', 'HELP'],
]);
const STATES: ReadonlyMap<string, ReceiptState> = new Map([
  ['delivered', 'DELIVERED'],
  ['read', 'READ'],
  ['failed', 'FAILED'],
  ['undelivered', 'FAILED'],
]);

/** A number, a short code, or an address of another channel such as `whatsapp:+15550100`. */
const NUMBER = /(?:[a-z]+:)?\+?[0-9]{3,20}/;
/** How the fields that are read look; the text of a message alone is free. */
const FORMS: FieldForms = {
  ...{ AccountSid: SID, MessageSid: SID, MessagingServiceSid: SID, From: NUMBER, To: NUMBER },
  ...{ ApiVersion: /[0-9]{4}-[0-9]{2}-[0-9]{2}/, MessageStatus: /[a-z]+/, OptOutType: /STOP|START|HELP/ },
};

const number = word(255).regex(new RegExp(`^(?:${NUMBER.source})$`), 'a number, or the address of a channel');
const message = z.object({
  MessageSid: sid,
  From: number,
  Body: z.string(),
  OptOutType: z.string().optional(),
});
const status = z.object({ MessageSid: sid, To: number, MessageStatus: z.string() });

/** A call is about one message: one that came in, or what became of one that went out. */
function parseForm(signed: Signed, own: { accountSid: string; sender: string }, now: Date): Inbound {
  if (signed.kind === 'JSON') throw new InvalidInputError('body', 'a form is allowed');
  const { fields } = signed;
  const value = Object.fromEntries(fields);
  const isStatus = fields.has('MessageStatus');
  const ours = isService(own.sender) ? 'MessagingServiceSid' : isStatus ? 'From' : 'To';
  const isOurs = value.AccountSid === own.accountSid && value[ours] === own.sender;
  const read: Item['as'] = isStatus ? statusAt(now) : fields.has('Body') ? messageAt(now) : null;
  return readItems([{ at: 'body', value, as: isOurs ? read : null }]);
}

function messageAt(sentAt: Date): Item['as'] {
  return message.transform(({ MessageSid, From, Body, OptOutType }): InboundEvent => {
    const keyword = KEYWORDS.get(OptOutType ?? '');
    return {
      ...{ kind: 'MESSAGE', providerMessageId: MessageSid, address: From, sentAt, text: Body },
      ...(keyword ? { keyword } : {}),
    };
  });
}

function statusAt(at: Date): Item['as'] {
  return status.transform(({ MessageSid, To, MessageStatus }): InboundEvent | null => {
    const state = STATES.get(MessageStatus);
    if (state === undefined) return null;
    return { kind: 'RECEIPT', providerMessageId: MessageSid, address: To, state, at };
  });
}

/** Whether a sender is a messaging service, which has several numbers. */
function isService(sender: string): boolean {
  return sender.startsWith('MG');
}
