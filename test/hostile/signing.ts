import { createHash, createHmac } from 'node:crypto';
import type { AdapterSamples } from '../../src/adapters/contract/contract.ts';
import { CHATWOOT_SAMPLES } from '../adapters/samples/chatwoot.ts';
import { INTERACTION_SAMPLES } from '../adapters/samples/interactions.ts';
import { CONVERSATIONS_SAMPLES, SMS_SAMPLES } from '../adapters/samples/twilio.ts';
import { WHATSAPP_SAMPLES } from '../adapters/samples/whatsapp.ts';
import { OWN_SAMPLES, STANDARD_SAMPLES, TIERED_SAMPLES } from '../adapters/samples.ts';

type Settings = Record<string, unknown>;
/** How the provider of a kind of channel signs: the headers, and what is added to the URL. */
type Sign = (
  body: Uint8Array,
  settings: Settings,
  url: string,
) => { headers: Record<string, string>; query?: string };
export type HostileChannel = {
  adapter: string;
  settings: Settings;
  /** The settings that must never be revealed. */
  secrets: string[];
  sign: Sign;
  /** Bodies that a provider sends. */
  bodies: string[];
  contentType: string;
};

const seconds = () => String(Math.floor(Date.now() / 1000));
const hmac = (algorithm: string, key: string | Buffer, ...parts: (string | Uint8Array)[]) =>
  parts.reduce<ReturnType<typeof createHmac>>((mac, part) => mac.update(part), createHmac(algorithm, key));

const lull: Sign = (body, { secret }) => {
  const t = seconds();
  return {
    headers: {
      'lull-signature': `t=${t},v1=${hmac('sha256', secret as string, `${t}.`, body).digest('hex')}`,
    },
  };
};
const standard: Sign = (body, { secret }) => {
  const t = seconds();
  const key = Buffer.from((secret as string).slice('whsec_'.length), 'base64');
  const v1 = hmac('sha256', key, `msg.${t}.`, body).digest('base64');
  return { headers: { 'webhook-id': 'msg', 'webhook-timestamp': t, 'webhook-signature': `v1,${v1}` } };
};
const hub: Sign = (body, { appSecret }) => ({
  headers: { 'x-hub-signature-256': `sha256=${hmac('sha256', appSecret as string, body).digest('hex')}` },
});
const chatwoot: Sign = (body, { secret }) => {
  const t = seconds();
  const signature = `sha256=${hmac('sha256', secret as string, `${t}.`, body).digest('hex')}`;
  return { headers: { 'x-chatwoot-timestamp': t, 'x-chatwoot-signature': signature } };
};
/** A form by its names and values; any other bytes by their hash in the URL, as JSON is. */
const twilio: Sign = (body, { authToken }, url) => {
  const form = new URLSearchParams(Buffer.from(body).toString());
  const names = [...new Set(form.keys())].sort();
  if (names.length > 0 && names.every((name) => /^[A-Z][A-Za-z0-9_.]*$/.test(name))) {
    const values = (name: string) => [...new Set(form.getAll(name))].sort();
    const text = names.flatMap((name) => values(name).map((value) => name + value)).join('');
    const signature = hmac('sha1', authToken as string, `${url}${text}`).digest('base64');
    return { headers: { 'x-twilio-signature': signature } };
  }
  const query = `bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
  const signature = hmac('sha1', authToken as string, `${url}?${query}`).digest('base64');
  return { headers: { 'x-twilio-signature': signature, 'content-type': 'application/json' }, query };
};

/** The secrets have to be unique, or they could not be searched for. */
function channel(adapter: string, samples: AdapterSamples, sign: Sign, own: Settings = {}): HostileChannel {
  const settings = { ...(samples.settings as Settings), ...own };
  const bodies = samples.calls.map(({ request }) => Buffer.from(request.body).toString('utf8'));
  const contentType = samples.calls[0]?.request.headers.get('content-type') ?? 'application/json';
  return { adapter, settings, secrets: Object.values(own) as string[], sign, bodies, contentType };
}

const whsec = (seed: number) => ({ secret: `whsec_${Buffer.alloc(32, seed).toString('base64')}` });
const token = { authToken: 'the token of an account at Twilio' };

/** A channel of each kind, and how its provider calls. */
export const CHANNELS: readonly HostileChannel[] = [
  channel('web', OWN_SAMPLES, lull, { secret: 'the secret of the hostile web channel' }),
  channel('in-app', OWN_SAMPLES, lull, { secret: 'the secret of the hostile in-app channel' }),
  channel('byoc', STANDARD_SAMPLES, standard, whsec(11)),
  channel('messenger', TIERED_SAMPLES, standard, whsec(12)),
  channel('line', STANDARD_SAMPLES, standard, whsec(13)),
  channel('apple-messages', STANDARD_SAMPLES, standard, whsec(14)),
  channel('byoc-interaction', INTERACTION_SAMPLES, standard, whsec(15)),
  channel('whatsapp', WHATSAPP_SAMPLES, hub, { appSecret: 'the secret of a hostile app at Meta' }),
  channel('sms', SMS_SAMPLES, twilio, token),
  channel('twilio-conversations', CONVERSATIONS_SAMPLES, twilio, token),
  channel('chatwoot', CHATWOOT_SAMPLES, chatwoot, { secret: 'the secret of a hostile Chatwoot' }),
];
