import { createHash, createHmac } from 'node:crypto';
import { InvalidInputError } from '../../domain/errors.ts';
import type { InboundRequest } from '../adapter.ts';
import { decodeText } from './fields.ts';
import { constantTimeEqual } from './signature.ts';

/** Twilio's own forms have about 30. */
const MAX_PARAMETERS = 1_000;
const AMPERSAND = 0x26;
const PARAMETER_NAME = /^[A-Z][A-Za-z0-9_.]{0,63}$/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
/** Twilio appends the hash of a JSON body to the URL. */
const BODY_HASH = /[?&]bodySHA256=([0-9a-f]{64})$/;
/** Every form names its account; no genuine URL does. */
const FORM_ACCOUNT = /AccountSidAC[0-9a-f]{32}/i;
/** Prefixes that turn a parameter's name into the name of another parameter. */
const LONGER_NAME_PREFIXES = '(?<!Sms|Channel|OriginalReplied|Parent|Forwarded)';

/** The formats of the fields that are read, as regular expressions without groups. */
export type FieldFormats = Readonly<Record<string, RegExp>>;

/** The signed content of a request: the fields of a form, or a JSON body. */
export type SignedRequest =
  | { kind: 'FORM'; fields: ReadonlyMap<string, string>; signed: string }
  | { kind: 'JSON'; body: Uint8Array; signed: string };

/**
 * Reads the signed content of Twilio's request, both to verify and to parse it. For a form Twilio signs names and values
 * joined into one text; for JSON it signs the hash at the end of the URL. Nothing unsigned says which of them applies.
 * The joined text has no separators, so one signature fits several forms. A form is therefore rejected if a field of
 * `formats` also occurs in the joined text with another value.
 * @throws InvalidInputError for a request that cannot be read safely
 */
export function readSigned({ body, headers, url }: InboundRequest, formats: FieldFormats): SignedRequest {
  if (FORM_ACCOUNT.test(url)) throw refused('a URL without the fields of a form');
  const hash = BODY_HASH.exec(url)?.[1];
  if (hash === undefined && url.includes('bodySHA256')) throw refused('bodySHA256 at the end of the URL');
  if (hash === undefined) return readForm(body, formats);
  if (!JSON_TYPE.test(headers.get('content-type') ?? ''))
    throw refused('only JSON with bodySHA256 in the URL');
  if (!constantTimeEqual(hash, createHash('sha256').update(body).digest('hex')))
    throw refused('the body that matches bodySHA256');
  return { kind: 'JSON', body, signed: '' };
}

/**
 * Whether Twilio signed a request with this token: `X-Twilio-Signature` covers the URL and the content of `readSigned`,
 * and no timestamp. Twilio may add or drop the port in the URL.
 */
export function isTwilioSigned(request: InboundRequest, authToken: string, formats: FieldFormats): boolean {
  const signature = request.headers.get('x-twilio-signature');
  if (signature === null) return false;
  try {
    const { signed } = readSigned(request, formats);
    return urlVariants(request.url).some((url) =>
      constantTimeEqual(signature, createHmac('sha1', authToken).update(`${url}${signed}`).digest('base64')),
    );
  } catch (error) {
    if (error instanceof InvalidInputError) return false;
    throw error;
  }
}

function readForm(body: Uint8Array, formats: FieldFormats): SignedRequest {
  const form = formOf(body);
  const names = [...new Set(form.keys())].sort();
  if (!names.every((name) => PARAMETER_NAME.test(name)))
    throw refused('a form with the parameters of Twilio');
  const valuesOf = (name: string) => [...new Set(form.getAll(name))].sort();
  // As in Twilio's own libraries: sorted by name, equal values of a name once.
  const signed = names.flatMap((name) => valuesOf(name).map((value) => name + value)).join('');
  // A repeated name has no single value, so it is not read.
  const once = names.filter((name) => form.getAll(name).length === 1);
  const fields = new Map(once.map((name) => [name, form.get(name) ?? '']));
  for (const [name, { source }] of Object.entries(formats))
    for (const [, value] of signed.matchAll(
      new RegExp(`${LONGER_NAME_PREFIXES}${name}(${source})(?=[A-Z]|$)`, 'g'),
    ))
      if (fields.get(name) !== value) throw refused(`a form in which ${name} occurs once`);
  return { kind: 'FORM', fields, signed };
}

/** Limits the parameters before parsing, because parsing very many of them would block other requests. */
function formOf(body: Uint8Array): URLSearchParams {
  let separators = 0;
  for (const byte of body) if (byte === AMPERSAND) separators++;
  if (separators >= MAX_PARAMETERS) throw refused(`at most ${MAX_PARAMETERS} parameters`);
  return new URLSearchParams(decodeText(body, 'a form in UTF-8 is allowed'));
}

function urlVariants(url: string): string[] {
  const [, scheme, host, rest] =
    /^(https?:\/\/)(\[[^\]/?#]*\]|[^:/?#@]*)(?::\d+)?((?:[/?#].*)?)$/.exec(url) ?? [];
  if (!scheme || !host) return [url];
  return [url, `${scheme}${host}${rest}`, `${scheme}${host}:${scheme === 'https://' ? 443 : 80}${rest}`];
}

function refused(allowed: string): InvalidInputError {
  return new InvalidInputError('body', `${allowed} is allowed`);
}
