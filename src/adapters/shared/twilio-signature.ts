import { createHash, createHmac } from 'node:crypto';
import { InvalidInputError } from '../../domain/errors.ts';
import type { InboundRequest } from '../adapter.ts';
import { isSame } from './signature.ts';

/** Twilio's forms have some thirty. */
const MAX_PARAMETERS = 1_000;
const AMPERSAND = 0x26;
/** The names of Twilio's parameters. */
const NAME = /^[A-Z][A-Za-z0-9_.]{0,63}$/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
/** The hash of a body, which Twilio puts at the end of the URL. */
const HASH = /[?&]bodySHA256=([0-9a-f]{64})$/;
/** Every form names its account; no URL does. */
const OF_A_FORM = /AccountSidAC[0-9a-f]{32}/i;
/** Names of parameters that end with the name of another. */
const LONGER_NAMES = '(?<!Sms|Channel|OriginalReplied|Parent|Forwarded)';

/** How the values of fields look that are read: regular expressions, without groups. */
export type FieldForms = Readonly<Record<string, RegExp>>;

/** A call as it was signed: the fields of a form, or a body of JSON. */
export type Signed =
  | { kind: 'FORM'; fields: ReadonlyMap<string, string>; signed: string }
  | { kind: 'JSON'; body: Uint8Array; signed: string };

/**
 * Reads a call of Twilio's as it was signed: the one reading, by which it is verified and then parsed. A form is signed
 * as its names and values in one text, JSON by its hash at the end of the URL; nothing unsigned says which it is. That
 * text has no boundaries between names and values, so it could be taken apart otherwise: a call is refused where a
 * field of `forms` stands in it with another value than the one that would be read.
 * @throws InvalidInputError for a call that is not to be read
 */
export function readSigned({ body, headers, url }: InboundRequest, forms: FieldForms): Signed {
  if (OF_A_FORM.test(url)) throw refused('a URL without the fields of a form');
  const hash = HASH.exec(url)?.[1];
  if (hash === undefined && url.includes('bodySHA256')) throw refused('bodySHA256 at the end of the URL');
  if (hash === undefined) return readForm(body, forms);
  if (!JSON_TYPE.test(headers.get('content-type') ?? '')) throw refused('JSON where the URL has bodySHA256');
  if (!isSame(hash, createHash('sha256').update(body).digest('hex'))) throw refused('the body of bodySHA256');
  return { kind: 'JSON', body, signed: '' };
}

/**
 * Whether Twilio signed a call with this token: `X-Twilio-Signature`, over the URL and what `readSigned` reads. It signs
 * no time. Twilio may leave a port out or put one in.
 */
export function isTwilioSigned(request: InboundRequest, authToken: string, forms: FieldForms): boolean {
  const signature = request.headers.get('x-twilio-signature');
  if (signature === null) return false;
  try {
    const { signed } = readSigned(request, forms);
    return withAndWithoutPort(request.url).some((url) =>
      isSame(signature, createHmac('sha1', authToken).update(`${url}${signed}`).digest('base64')),
    );
  } catch (error) {
    if (error instanceof InvalidInputError) return false;
    throw error;
  }
}

function readForm(body: Uint8Array, forms: FieldForms): Signed {
  const form = formOf(body);
  const names = [...new Set(form.keys())].sort();
  if (!names.every((name) => NAME.test(name))) throw refused('a form with the parameters of Twilio');
  const valuesOf = (name: string) => [...new Set(form.getAll(name))].sort();
  // As Twilio's own libraries have it: by name, each value of a name once.
  const signed = names.flatMap((name) => valuesOf(name).map((value) => name + value)).join('');
  // A name that comes twice has no one value, so it is not read.
  const once = names.filter((name) => form.getAll(name).length === 1);
  const fields = new Map(once.map((name) => [name, form.get(name) ?? '']));
  for (const [name, { source }] of Object.entries(forms))
    for (const [, value] of signed.matchAll(new RegExp(`${LONGER_NAMES}${name}(${source})(?=[A-Z]|$)`, 'g')))
      if (fields.get(name) !== value) throw refused(`a form in which ${name} stands once`);
  return { kind: 'FORM', fields, signed };
}

/** Counted before they are read: a body holds so many that reading them alone would hold up everybody else. */
function formOf(body: Uint8Array): URLSearchParams {
  let separators = 0;
  for (const byte of body) if (byte === AMPERSAND) separators++;
  if (separators >= MAX_PARAMETERS) throw refused(`at most ${MAX_PARAMETERS} parameters`);
  try {
    return new URLSearchParams(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw refused('a form in UTF-8');
  }
}

function withAndWithoutPort(url: string): string[] {
  const [, scheme, host, rest] =
    /^(https?:\/\/)(\[[^\]/?#]*\]|[^:/?#@]*)(?::\d+)?((?:[/?#].*)?)$/.exec(url) ?? [];
  if (!scheme || !host) return [url];
  return [url, `${scheme}${host}${rest}`, `${scheme}${host}:${scheme === 'https://' ? 443 : 80}${rest}`];
}

function refused(allowed: string): InvalidInputError {
  return new InvalidInputError('body', `${allowed} is allowed`);
}
