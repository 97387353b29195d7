import { z } from 'zod';
import type { ReceiptState } from '../../domain/conversation/activity.ts';
import type { AdapterContext, DeliverResult } from '../adapter.ts';
import { secret } from '../settings.ts';
import { postMessage, type ResponseFormat } from './http-send.ts';

/** The format of Twilio's ids: two letters and 32 hexadecimal digits. */
export const SID = /[A-Z]{2}[0-9a-fA-F]{32}/;
export const sid = z
  .string()
  .regex(new RegExp(`^(?:${SID.source})$`), 'two letters and 32 hexadecimal digits');

/** The message statuses that become receipts. */
export const RECEIPT_STATES: ReadonlyMap<string, ReceiptState> = new Map([
  ['delivered', 'DELIVERED'],
  ['read', 'READ'],
  ['failed', 'FAILED'],
  ['undelivered', 'FAILED'],
]);

/** The settings of every channel through Twilio. */
export const twilioSettings = {
  accountSid: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'AC and 32 hexadecimal digits')
    .describe('The SID of the Twilio account. Events about other accounts are ignored'),
  authToken: secret(
    z
      .string()
      .min(16)
      .describe("The account's auth token, which signs Twilio's requests and authorizes sending"),
  ),
};

const RESPONSE: ResponseFormat = {
  messageId: (body) => {
    const id = (body as { sid?: unknown } | null)?.sid;
    return typeof id === 'string' ? id : null;
  },
  errorCode: (body) => {
    const code = (body as { code?: unknown } | null)?.code;
    return typeof code === 'number' ? code : null;
  },
  // Too many requests.
  retryableCodes: [20429],
  meanings: {
    20003: 'the account or its auth token is not valid',
    20404: 'there is no such conversation or number',
    21211: "the customer's number is not valid",
    21408: 'the account may not send to that country',
    21610: 'the customer has unsubscribed',
    21612: "the customer's number cannot be reached from this one",
    21617: 'the text is too long',
  },
};

/** Sends a message by a form posted to Twilio's API. */
export async function postToTwilio(
  url: string,
  form: Record<string, string>,
  context: AdapterContext<{ accountSid: string; authToken: string }>,
): Promise<DeliverResult> {
  const { accountSid, authToken } = context.settings;
  return await postMessage(
    url,
    {
      headers: {
        authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(form).toString(),
    },
    RESPONSE,
    context,
  );
}
