import { createHmac } from 'node:crypto';
import { SMS_IN as FORM, SMS as SAMPLE } from '../adapters/samples/twilio.ts';
import { WHATSAPP } from '../adapters/samples/whatsapp.ts';
import { lullSignature, OWN, STANDARD } from '../adapters/samples.ts';
import { ensureChannel } from '../support/flows.ts';
import { type Api, openApi } from './open-api.ts';

/** Settings of an SMS channel. The sample's secrets are parts of its account's id, and could not be looked for. */
export const SMS = {
  ...SAMPLE,
  accountSid: `AC${'7'.repeat(32)}`,
  authToken: 'the auth token of the account',
};
/** A customer's SMS. */
export const SMS_IN = { ...FORM, AccountSid: SMS.accountSid };

const SETTINGS = { web: OWN, 'in-app': OWN, byoc: STANDARD, whatsapp: WHATSAPP, sms: SMS };
export type Channels = Record<keyof typeof SETTINGS, string>;

/** The API with a channel of each kind, and how providers call it. */
export type Webhooks = Awaited<ReturnType<typeof openWebhookApi>>;

export async function openWebhookApi() {
  const api: Api = await openApi();
  const { engine, deps } = api;
  const open = (adapter: keyof Channels, accountId = engine.accountId) =>
    ensureChannel(engine.deps, accountId, {
      name: `${adapter} by call`,
      adapter,
      settings: deps.settings.toStore(adapter, SETTINGS[adapter]),
    });
  const channels: Channels = {
    web: await open('web'),
    'in-app': await open('in-app'),
    byoc: await open('byoc'),
    whatsapp: await open('whatsapp'),
    sms: await open('sms'),
  };
  const now = () => engine.clock.now();
  const seconds = () => Math.floor(now().getTime() / 1000);
  return {
    api,
    channels,
    open,
    now,
    seconds,
    pathOf: (channelId: string, accountId = engine.accountId) => `/webhooks/${accountId}/${channelId}`,
    call: (path: string, { method = 'POST', ...init }: Init, base = api.server.url) =>
      fetch(`${base}${path}`, { method, ...init }),
    /** A customer's message on Lull's own wire. */
    message: (id: string, address: string, more = {}) => ({
      ...{ type: 'message', id, address, sentAt: now().toISOString() },
      ...more,
    }),
    /** A valid signed call on Lull's own wire. */
    wire(events: unknown, { secret = OWN.secret, at = seconds() } = {}): Init {
      const body = typeof events === 'string' ? events : JSON.stringify({ events });
      return { body, headers: lullSignature(secret, at, body) };
    },
    /** The number of rows of each kind. */
    async counts() {
      const [row] = await engine.db.sql`select (select count(*)::int from contact) as contacts,
        (select count(*)::int from conversation) as conversations, (select count(*)::int from event) as events`;
      return row;
    },
  };
}

/** The parts of a call. */
export type Init = {
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  method?: string;
};

/** A call of Meta's. */
export function hub(body: string, secret = WHATSAPP.appSecret): Init {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return { body, headers: { 'x-hub-signature-256': `sha256=${signature}` } };
}

/** A form that is signed as Twilio's documentation says. */
export function twilio(form: Record<string, string>, url: string): Init {
  const names = Object.keys(form).sort();
  const signed = url + names.map((name) => name + form[name]).join('');
  return {
    body: new URLSearchParams(form).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': createHmac('sha1', SMS.authToken).update(signed).digest('base64'),
    },
  };
}
