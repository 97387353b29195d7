import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { InvalidInputError } from '../domain/errors.ts';
import type { AdapterContext, DeliverResult, InboundRequest } from './adapter.ts';
import { type Answers, post } from './answer.ts';
import { textOf } from './fields.ts';
import { secret } from './settings.ts';
import { isSame } from './signature.ts';

/** Twilio's forms have some thirty. */
const MAX_PARAMETERS = 1_000;
const AMPERSAND = 0x26;

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

/**
 * Whether Twilio signed a call: `X-Twilio-Signature` over the URL and either the parameters of the form or, where the
 * URL carries `bodySHA256`, the body by its hash. It signs no time. Twilio may leave a port out or put one in.
 */
export function isTwilioSigned(request: InboundRequest, authToken: string): boolean {
  const signature = request.headers.get('x-twilio-signature');
  if (signature === null) return false;
  const hash = URL.parse(request.url)?.searchParams.get('bodySHA256') ?? null;
  if (hash === null && !isShortForm(request.body)) return false;
  if (hash !== null && !isSame(hash, createHash('sha256').update(request.body).digest('hex'))) return false;
  const parameters = hash === null ? signedForm(request.body) : '';
  return withAndWithoutPort(request.url).some((url) =>
    isSame(signature, createHmac('sha1', authToken).update(`${url}${parameters}`).digest('base64')),
  );
}

/** The parameters of a form. @throws InvalidInputError where it is no UTF-8, or has too many */
export function formOf(body: Uint8Array): URLSearchParams {
  const allowed = `a form in UTF-8 of at most ${MAX_PARAMETERS} parameters`;
  if (!isShortForm(body)) throw new InvalidInputError('body', allowed);
  return new URLSearchParams(textOf(body, allowed));
}

/** Counted before they are read: a body holds so many that reading them alone would hold up everybody else. */
function isShortForm(body: Uint8Array): boolean {
  let separators = 0;
  for (const byte of body) if (byte === AMPERSAND) separators++;
  return separators < MAX_PARAMETERS;
}

/** Names and values as Twilio signs them: by name, each value of a name once. */
function signedForm(body: Uint8Array): string {
  const form = new URLSearchParams(new TextDecoder().decode(body));
  return [...new Set(form.keys())]
    .sort()
    .flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value))
    .join('');
}

function withAndWithoutPort(url: string): string[] {
  const [, scheme, host, rest] =
    /^(https?:\/\/)(\[[^\]/?#]*\]|[^:/?#@]*)(?::\d+)?((?:[/?#].*)?)$/.exec(url) ?? [];
  if (!scheme || !host) return [url];
  return [url, `${scheme}${host}${rest}`, `${scheme}${host}:${scheme === 'https://' ? 443 : 80}${rest}`];
}

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
