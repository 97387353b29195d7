import { z } from 'zod';
import type { AdapterContext, DeliverResult } from '../adapter.ts';
import { secret } from '../settings.ts';
import { type Answers, post } from './http-send.ts';

/** How Twilio's ids look: two letters and 32 hexadecimal digits. */
export const SID = /[A-Z]{2}[0-9a-fA-F]{32}/;
/** A text that is a SID. */
export const sid = z
  .string()
  .regex(new RegExp(`^(?:${SID.source})$`), 'two letters and 32 hexadecimal digits');

/** What every channel by way of Twilio is set up with. */
export const twilioSettings = {
  accountSid: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'AC and 32 hexadecimal digits')
    .describe('The account; calls about others are ignored'),
  authToken: secret(
    z.string().min(16).describe('The auth token of the account: signs calls and sends messages'),
  ),
};

const ANSWERS: Answers = {
  idIn: (body) => {
    const id = (body as { sid?: unknown } | null)?.sid;
    return typeof id === 'string' ? id : null;
  },
  codeIn: (body) => {
    const code = (body as { code?: unknown } | null)?.code;
    return typeof code === 'number' ? code : null;
  },
  passing: [20429],
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

/** Posts a form to Twilio's API and reads its answer. */
export async function postToTwilio(
  url: string,
  form: Record<string, string>,
  context: AdapterContext<{ accountSid: string; authToken: string }>,
): Promise<DeliverResult> {
  const { accountSid, authToken } = context.settings;
  return await post(
    url,
    {
      headers: {
        authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(form).toString(),
    },
    ANSWERS,
    context,
  );
}
