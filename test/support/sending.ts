import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import { openSettingsStore } from '../../src/adapters/settings.ts';
import { createVault } from '../../src/adapters/vault.ts';
import { deliverMessage } from '../../src/delivery/deliver-message.ts';
import type { EffectHandlers } from '../../src/delivery/effect-result.ts';
import type { SendLimit } from '../../src/delivery/send-limit.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Activity } from '../../src/engine.ts';
import { receive } from '../../src/ingest/receive-webhook.ts';
import { createLog } from '../../src/log.ts';
import { openGuardedFetch } from '../../src/outgoing/guarded-fetch.ts';
import { at, openEngine } from './engine.ts';
import { ensureChannel, openSender } from './flows.ts';

/** What a channel of each kind is set up with here; where its provider is, the world adds. */
const SETTINGS = {
  byoc: { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', showCloseMessage: true },
  'in-app': { secret: 'a secret of the app', showCloseMessage: true, showSurvey: true },
  web: { secret: 'a secret of the page', showCloseMessage: true, showSurvey: true },
  messenger: { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', showCloseMessage: true, showSurvey: true },
  sms: {
    accountSid: `AC${'0'.repeat(32)}`,
    authToken: 'the auth token of the account',
    sender: '+15550100',
    closeMessage: 'Goodbye by text',
  },
  whatsapp: {
    phoneNumberId: '106540352242922',
    appSecret: 'the secret of the app',
    verifyToken: 'a token that was entered',
    accessToken: 'the token that sends messages',
    closeMessage: 'Goodbye by WhatsApp',
  },
} satisfies Record<string, Record<string, unknown>>;
export type Kind = keyof typeof SETTINGS;

/** The setting of each kind that says where its provider is. */
const PLACES: Record<Kind, string> = {
  ...{ byoc: 'deliverUrl', 'in-app': 'deliverUrl', web: 'deliverUrl', messenger: 'deliverUrl' },
  ...{ sms: 'apiUrl', whatsapp: 'graphUrl' },
};

/** A call that the provider got; `body` as JSON or, of a form, as an object. */
type Got = { body: Record<string, unknown> & { text?: { body: string } } };
/** What the provider does with its next call. */
export type Behaviour = (response: ServerResponse, got: Got) => void | Promise<void>;
/** Takes a message, under an id of its own each time. */
export const TAKES: Behaviour = (response) => {
  const id = `taken-${randomBytes(6).toString('hex')}`;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ sid: id, messages: [{ id }] }));
};
/** Answers with a status and perhaps headers and a body. */
export const answers =
  (status: number, headers: Record<string, string> = {}, body: object = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(JSON.stringify(body));

/** Where nobody listens. */
export async function nobodyHome(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

/** The engine, a provider on this machine, and a relay that runs when the test says so. */
export type Sending = Awaited<ReturnType<typeof openSending>>;

export async function openSending(limit: SendLimit = async () => 0) {
  const engine = await openEngine(at('12:00'));
  const registry = createRegistry(BUILT_IN);
  const settings = openSettingsStore(registry, createVault(randomBytes(32)), () => {});
  const got: Got[] = [];
  let behaviour: Behaviour = TAKES;
  const server = createServer(async (request, response) => {
    const said = await text(request);
    const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded';
    const call = { body: isForm ? Object.fromEntries(new URLSearchParams(said)) : JSON.parse(said) };
    got.push(call);
    await behaviour(response, call);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const lines: string[] = [];
  const stream = new PassThrough().on('data', (chunk) => lines.push(String(chunk)));
  const log = createLog({ logLevel: 'debug' }, stream as never);
  const deps = {
    ...engine.deps,
    registry,
    settings,
    limit,
    fetchWithin: openGuardedFetch({ allowPrivate: true }),
  };
  const handlers: EffectHandlers = {
    DELIVER_MESSAGE: deliverMessage(deps),
    SEND_WEBHOOK: async () => ({ state: 'SENT' }),
  };

  const sender = openSender({ ...engine.deps, chance: () => 0 }, handlers, log);
  const world = {
    engine,
    deps,
    got,
    url,
    logged: () => lines.join(''),
    /** From now on the provider does this. */
    provider(next: Behaviour) {
      behaviour = next;
    },
    /** Makes a channel whose provider is here, or elsewhere. */
    channel: (kind: Kind, more: Record<string, unknown> = {}, where = url) =>
      ensureChannel(engine.deps, engine.accountId, {
        name: `${kind} ${randomBytes(6).toString('hex')}`,
        adapter: kind,
        settings: settings.toStore(kind, { ...SETTINGS[kind], [PLACES[kind]]: where, ...more }),
      }),
    async does(channelId: string, address: string, action: Action, when: Partial<Activity> = {}) {
      const [result] = await engine.apply({ target: { channelId, address }, action, ...when });
      if (result?.outcome === 'REFUSED') throw result.error;
      return result;
    },
    /** A customer writes, Ann answers. */
    async talks(channelId: string, address: string, more: { clientVersion?: string } = {}) {
      await world.does(channelId, address, { kind: 'INBOUND', ...more });
      await world.does(channelId, address, { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann });
    },
    /** The same, and Ann ends it. */
    async ends(channelId: string, address: string, more: { clientVersion?: string } = {}) {
      await world.talks(channelId, address, more);
      await world.does(channelId, address, { kind: 'END', by: 'AGENT', agentId: engine.ann });
    },
    /** The provider reports a message of the business's own. */
    echo: (channelId: string, address: string, providerMessageId: string) =>
      receive(engine.deps, engine.accountId, channelId, {
        events: [{ kind: 'ECHO', providerMessageId, address, sender: 'AGENT', at: engine.clock.now() }],
        ...{ ignored: 0, malformed: [] },
      }),
    /** Sends what is owed and due, and what comes of it. */
    async relay() {
      await sender.drain();
    },
    /** The sender of another process. */
    another: () => openSender({ ...engine.deps, chance: () => 0 }, handlers, log),
    /** Moves the time on, and sends what has fallen due. */
    async after(ms: number) {
      engine.clock.advance(ms);
      await world.relay();
    },
    /** What became of each part, by the feeds of each address. */
    async feeds(addresses: readonly string[]): Promise<Map<string, string[]>> {
      const rows = await engine.db.sql<{ address: string; data: Record<string, string> }[]>`
        select contact.address, event.data from event
        join conversation on conversation.account_id = event.account_id and conversation.id = event.conversation_id
        join contact on contact.account_id = event.account_id and contact.id = conversation.contact_id
        where event.account_id = ${engine.accountId} and contact.address = any(${addresses as string[]})
          and event.kind = 'DELIVERY'
        order by event.conversation_id, event.revision`;
      const feeds = new Map(addresses.map((address) => [address, [] as string[]]));
      for (const { address, data } of rows)
        feeds.get(address)?.push([data.part, data.outcome, ...(data.reason ? [data.reason] : [])].join(' '));
      return feeds;
    },
    /** The same of one address. */
    feed: async (address: string) => (await world.feeds([address])).get(address) as string[],
    /** What is or was owed to an address, each part or warning with its state; the plans of ends left out. */
    effects: (address: string) => engine.db.sql<
      {
        id: string;
        state: string;
        attempts: number;
        error: string | null;
        due_at: Date;
        begun_at: Date | null;
      }[]
    >`
      select outbox.id, outbox.state, outbox.attempts, outbox.error, outbox.due_at, outbox.begun_at from outbox
      join conversation on conversation.account_id = outbox.account_id and conversation.id = outbox.conversation_id
      join contact on contact.account_id = outbox.account_id and contact.id = conversation.contact_id
      where outbox.account_id = ${engine.accountId} and contact.address = ${address}
        and (payload ? 'part' or payload ? 'reminder') order by outbox.id`,
    async close() {
      server.closeAllConnections();
      server.close();
      await engine.drop();
    },
  };
  return world;
}
