/**
 * The whole way, on real time: providers call the service as they do, and get what the customer is to see. Thresholds are
 * the least there is, a minute, so messages are as of 58 s ago for something to fall due in 2 s.
 */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import { change, hubBody } from '../adapters/samples/whatsapp.ts';
import { lullSignature } from '../adapters/samples.ts';
import { fakeClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { urlOf } from '../support/live.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';

const HOUR = 60 * 60_000;
const APP = { secret: 'the secret of the app channel', showSurvey: true, showCloseMessage: true };
const WHATSAPP = {
  phoneNumberId: '106540352242922',
  appSecret: 'the secret of the app at Meta',
  verifyToken: 'a token that was entered',
  accessToken: 'the token that sends messages',
  closeMessage: 'Thank you for writing to us.',
};
const SMS = {
  accountSid: `AC${'7'.repeat(32)}`,
  authToken: 'the auth token of the account',
  sender: '+15550100',
  closeMessage: 'Goodbye by text',
  surveyText: 'How was it?',
};

type Channel = { id: string; webhookPath: string };
type Got = { path: string; headers: Record<string, unknown>; body: string };

let database: TestDatabase;
let provider: { url: string; got: Got[]; close(): void };
let service: ServiceProcess;
let url: string;
let key: string;
let app: Channel;
let sms: Channel;
let whatsapp: Channel;
let templated: Channel;
beforeAll(async () => {
  database = await createTestDatabase();
  const db = database.database;
  const accountId = await createAccount(
    { db, clock: fakeClock(new Date()), newId: () => v7() },
    { name: 'live' },
  );
  key = await createApiKey(db, { accountId, name: 'test', scopes: SCOPES }, { id: v7(), now: new Date() });
  provider = await openProvider();
  const LULL_SECRET_KEY = Buffer.alloc(32, 7).toString('base64');
  service = spawnService({
    ...{ DATABASE_URL: urlOf(database.address), PORT: '0', LULL_SECRET_KEY },
    LULL_ALLOW_PRIVATE_PROVIDERS: 'true',
  });
  url = (await service.running) as string;
  app = await makeChannel('in-app', { ...APP, deliverUrl: provider.url });
  sms = await makeChannel('sms', { ...SMS, apiUrl: provider.url });
  whatsapp = await makeChannel('whatsapp', { ...WHATSAPP, graphUrl: provider.url });
  const template = { closeTemplate: 'conversation_closed', phoneNumberId: '2' };
  templated = await makeChannel('whatsapp', { ...WHATSAPP, ...template, graphUrl: provider.url });
  await ask('mutation { setPolicy(input: { autoCloseAfter: "PT1M" }) { __typename } }');
});
afterAll(async () => {
  service.kill('SIGTERM');
  await service.ended;
  provider.close();
  await database.drop();
});

/** Accepts all messages, as Meta, Twilio or a platform on Lull's own wire would. */
async function openProvider() {
  const got: Got[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    got.push({ path: request.url ?? '', headers: request.headers, body });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ sid: `SM${got.length}`, messages: [{ id: `wamid.${got.length}` }] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers have the shape their query asks for
async function ask(query: string, variables: object = {}): Promise<any> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

async function makeChannel(adapterId: string, settings: object): Promise<Channel> {
  const create = `mutation ($adapterId: String!, $name: String!, $settings: JSONObject!) {
    createChannel(input: { name: $name, adapterId: $adapterId, settings: $settings }) {
      __typename ... on Channel { id webhookPath } ... on Error { message } } }`;
  const { createChannel } = await ask(create, { adapterId, name: `${adapterId} ${v7()}`, settings });
  expect(createChannel).toMatchObject({ __typename: 'Channel' });
  return createChannel;
}

async function record(activity: object) {
  const { recordActivities } = await ask(
    `mutation ($activity: ActivityInput!) { recordActivities(input: { activities: [$activity] }) {
      ... on RecordedActivities { results { outcome conversationId error { message } } } } }`,
    { activity },
  );
  expect(recordActivities.results).toMatchObject([{ outcome: 'APPLIED' }]);
  return recordActivities.results[0].conversationId as string;
}
const answers = ({ id: channelId }: Channel, address: string, at?: Date) =>
  record({ kind: 'OUTBOUND', sender: 'AGENT', channelId, address, ...(at ? { at: at.toISOString() } : {}) });

async function called({ webhookPath }: Channel, body: string, headers: Record<string, string>) {
  const response = await fetch(url + webhookPath, { method: 'POST', headers, body });
  expect(response.status, await response.text()).toBe(200);
}
async function metaCalls(channel: Channel, value: object) {
  const phoneNumberId = channel === templated ? '2' : WHATSAPP.phoneNumberId;
  const body = hubBody(change(value, 'messages', phoneNumberId));
  const signature = createHmac('sha256', WHATSAPP.appSecret).update(body).digest('hex');
  await called(channel, body, { 'x-hub-signature-256': `sha256=${signature}` });
}
const writesOnWhatsApp = (channel: Channel, from: string, at: Date) =>
  metaCalls(channel, {
    messages: [{ from, id: `wamid.in ${from}`, timestamp: unix(at), type: 'text', text: { body: 'Hello' } }],
  });
async function textsIn(From: string, MessageSid: string, Body: string) {
  const form = { AccountSid: SMS.accountSid, To: SMS.sender, From, MessageSid, Body };
  const names = Object.keys(form).sort() as (keyof typeof form)[];
  const signed = url + sms.webhookPath + names.map((name) => name + form[name]).join('');
  await called(sms, new URLSearchParams(form).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': createHmac('sha1', SMS.authToken).update(signed).digest('base64'),
  });
}
async function writesInApp(address: string, clientVersion: string, at: Date) {
  const event = { type: 'message', id: `in ${address}`, address, sentAt: at.toISOString(), clientVersion };
  const body = JSON.stringify({ events: [event] });
  await called(app, body, lullSignature(APP.secret, Math.floor(Date.now() / 1000), body));
}

const unix = (at: Date) => String(Math.floor(at.getTime() / 1000));
const ago = (ms: number) => new Date(Date.now() - ms);
/** The provider's requests that contain a text. */
const gotWith = (what: string) => provider.got.filter(({ body }) => body.includes(what));

/** The messages the customer was and was not shown, once the conversation has ended and all of them are settled. */
async function shown(conversationId: string, endReason: string, parts = 3): Promise<string[]> {
  const query = `query ($id: ID!) { node(id: $id) { ... on Conversation {
    ending { reason } feed(first: 50) { nodes { kind part outcome reason } } } } }`;
  return await vi.waitFor(
    async () => {
      const { node } = await ask(query, { id: conversationId });
      expect(node.ending).toEqual({ reason: endReason });
      const lines = node.feed.nodes.filter(({ kind }: { kind: string }) => kind === 'DELIVERY');
      expect(lines).toHaveLength(parts);
      return lines
        .map((line: { part: string; outcome: string; reason: string | null }) =>
          [line.part, line.outcome, ...(line.reason ? [line.reason] : [])].join(' '),
        )
        .sort();
    },
    { timeout: 60_000, interval: 100 },
  );
}
const silent = (why: string) =>
  ['CLOSE_MESSAGE', 'SEPARATOR', 'SURVEY'].map((part) => `${part} SKIPPED ${why}`);

describe('an inbound webhook leads to the closing message', () => {
  it.concurrent('PE-4 on WhatsApp within the reply window, as a text', async () => {
    await writesOnWhatsApp(whatsapp, '4917001', ago(59_000));
    const id = await answers(whatsapp, '4917001', ago(58_000));
    expect(await shown(id, 'AUTO_CLOSE')).toContain('CLOSE_MESSAGE SENT');
    const [call, ...more] = gotWith('4917001');
    expect(more).toEqual([]);
    expect(call?.path).toBe(`/v24.0/${WHATSAPP.phoneNumberId}/messages`);
    expect(call?.headers.authorization).toBe(`Bearer ${WHATSAPP.accessToken}`);
    expect(JSON.parse(call?.body ?? '')).toMatchObject({
      ...{ messaging_product: 'whatsapp', to: '4917001', type: 'text' },
      text: { body: WHATSAPP.closeMessage },
    });
    // Its receipt changes nothing (LL-9).
    const sent = `wamid.${provider.got.indexOf(call as Got) + 1}`;
    const status = { id: sent, status: 'delivered', timestamp: unix(new Date()), recipient_id: '4917001' };
    await metaCalls(whatsapp, { statuses: [status] });
    expect(await shown(id, 'AUTO_CLOSE')).toContain('CLOSE_MESSAGE SENT');
  });

  it.concurrent('PE-4 on WhatsApp after the reply window, as nothing or a template, and the feed says why', async () => {
    const closed = 'the reply window is closed';
    await writesOnWhatsApp(whatsapp, '4917002', ago(25 * HOUR));
    const plain = await answers(whatsapp, '4917002', ago(58_000));
    await writesOnWhatsApp(templated, '4917003', ago(25 * HOUR));
    const withTemplate = await answers(templated, '4917003', ago(58_000));
    expect(await shown(plain, 'AUTO_CLOSE')).toContain(`CLOSE_MESSAGE SKIPPED ${closed}`);
    expect(gotWith('4917002')).toEqual([]);
    const lines = await shown(withTemplate, 'AUTO_CLOSE');
    expect(lines).toContain('TEMPLATE SENT');
    const [call, ...more] = gotWith('4917003');
    expect(more).toEqual([]);
    expect(JSON.parse(call?.body ?? '')).toMatchObject({
      ...{ to: '4917003', type: 'template' },
      template: { name: 'conversation_closed', language: { code: 'en_US' } },
    });
  });

  it.concurrent('SF-11 on SMS, as a goodbye and a survey, and as nothing after STOP', async () => {
    await textsIn('+4917004', `SM${'4'.repeat(32)}`, 'Hello');
    const id = await answers(sms, '+4917004');
    await record({ kind: 'END', by: 'AGENT', conversationId: id });
    await textsIn('+4917005', `SM${'5'.repeat(32)}`, 'Hello');
    const stopped = await answers(sms, '+4917005');
    await textsIn('+4917005', `SM${'6'.repeat(32)}`, 'Stop');
    expect(await shown(stopped, 'OPT_OUT')).toEqual(silent('the customer opted out'));
    const lines = await shown(id, 'COMMAND');
    expect(lines).toEqual(expect.arrayContaining(['CLOSE_MESSAGE SENT', 'SURVEY SENT']));
    const sent = gotWith('%2B4917004').map(({ path, body }) => [path, new URLSearchParams(body).get('Body')]);
    const path = `/2010-04-01/Accounts/${SMS.accountSid}/Messages.json`;
    expect(sent).toEqual([SMS.closeMessage, SMS.surveyText].map((said) => [path, said]));
    expect(gotWith('%2B4917005')).toEqual([]);
  });

  it.concurrent('LP-2 LP-9 in an app, as configured for older SDKs, and as nothing from version 2.1 on', async () => {
    await writesInApp('ada-old', '2.0', ago(59_000));
    const old = await answers(app, 'ada-old', ago(58_000));
    await writesInApp('ada-new', '2.1', ago(59_000));
    const young = await answers(app, 'ada-new', ago(58_000));
    expect(await shown(young, 'AUTO_CLOSE')).toEqual(silent('an automatic close is silent from SDK 2.1 on'));
    expect(await shown(old, 'AUTO_CLOSE')).toEqual(['CLOSE_MESSAGE SENT', 'SEPARATOR SENT', 'SURVEY SENT']);
    const sent = gotWith('ada-old').map(({ body }) => JSON.parse(body));
    expect(new Set(sent.map(({ kind }) => kind))).toEqual(new Set(['CLOSE_MESSAGE', 'SEPARATOR', 'SURVEY']));
    expect(sent).toHaveLength(3);
    expect(sent.at(-1)).toMatchObject({ kind: 'SURVEY' });
    expect(sent.find(({ kind }) => kind === 'CLOSE_MESSAGE')).toMatchObject({
      text: 'Conversation resolved by you',
    });
    for (const { headers, body } of gotWith('ada-old')) {
      const [, at] = /^t=(\d+),/.exec(String(headers['lull-signature'])) ?? [];
      expect(headers['lull-signature']).toBe(lullSignature(APP.secret, Number(at), body)['lull-signature']);
    }
    expect(gotWith('ada-new')).toEqual([]);
  });
});

it('in no case with a secret in the output of the service', () => {
  for (const secret of [APP.secret, SMS.authToken, WHATSAPP.appSecret, WHATSAPP.accessToken, key])
    expect(service.said()).not.toContain(secret);
});
