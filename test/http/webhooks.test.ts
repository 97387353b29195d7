import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import { startHttp } from '../../src/http/server.ts';
import { change, hubBody, WHATSAPP } from '../adapters/samples/whatsapp.ts';
import { OWN, STANDARD, standardSignature } from '../adapters/samples.ts';
import { type Api, HTTP_OPTIONS } from './open-api.ts';
import { type Channels, hub, openWebhookApi, SMS, SMS_IN, twilio, type Webhooks } from './webhook-calls.ts';

const PUBLIC = 'https://lull.example';
let world: Webhooks;
let api: Api;
let channels: Channels;
/** The same service, configured with its public address. */
let proxied: Awaited<ReturnType<typeof startHttp>>;
beforeAll(async () => {
  world = await openWebhookApi();
  ({ api, channels } = world);
  proxied = await startHttp(api.deps, { ...HTTP_OPTIONS, publicUrl: PUBLIC });
});
afterAll(async () => {
  await proxied.close();
  await api.close();
});

const statusOf = async (response: Promise<Response>) => (await response).status;

const sid = (digit: string) => `SM${digit.repeat(32)}`;

describe('genuine calls', () => {
  it.each(['web', 'in-app'] as const)('on %s are recorded', async (kind) => {
    const address = `ada on ${kind}`;
    const events = [
      world.message('1', address, { clientVersion: '2.1', locale: 'de-AT', text: 'Hello' }),
      { type: 'echo', id: '2', address, sender: 'AGENT', at: world.now().toISOString() },
      { type: 'typing', address },
    ];
    const response = await world.call(world.pathOf(channels[kind]), world.wire(events));
    expect([response.status, await response.json()]).toEqual([
      200,
      { applied: 2, duplicates: 0, ignored: 1, faults: [] },
    ]);
    expect(await api.engine.conversations(address)).toMatchObject([
      { status: 'ACTIVE', awaiting: 'CONSUMER', channel_id: channels[kind] },
    ]);
    const [contact] = await api.engine.db
      .sql`select client_version, locale from contact where address = ${address}`;
    expect(contact).toEqual({ client_version: '2.1', locale: 'de-AT' });
  });

  it('on byoc are recorded', async () => {
    const body = JSON.stringify({ events: [world.message('1', 'ada on byoc')] });
    const headers = standardSignature(STANDARD.secret, 'msg_1', world.seconds(), body);
    expect(await statusOf(world.call(world.pathOf(channels.byoc), { body, headers }))).toBe(200);
    expect(await api.engine.conversations('ada on byoc')).toMatchObject([{ status: 'WAITING' }]);
  });

  it('on WhatsApp are recorded and answered with an empty 200, after a handshake', async () => {
    const query = (token: string) =>
      `?${new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '42' })}`;
    const path = world.pathOf(channels.whatsapp);
    const hello = await world.call(path + query(WHATSAPP.verifyToken), { method: 'GET' });
    expect([hello.status, hello.headers.get('content-type'), await hello.text()]).toEqual([
      200,
      'text/plain',
      '42',
    ]);
    expect(await statusOf(world.call(path + query('a guess'), { method: 'GET' }))).toBe(401);
    expect(await statusOf(world.call(path, { method: 'GET' }))).toBe(401);
    const text = { from: '4917012345', id: 'wamid.1', timestamp: String(world.seconds()), type: 'text' };
    const response = await world.call(path, hub(hubBody(change({ messages: [text] }))));
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(await api.engine.conversations('4917012345')).toMatchObject([{ status: 'WAITING' }]);
  });

  it('on SMS are verified by the URL that Twilio called, recorded, and answered without a message', async () => {
    const path = world.pathOf(channels.sms);
    const init = twilio({ ...SMS_IN, From: '+4917099', MessageSid: sid('a') }, PUBLIC + path);
    expect(await statusOf(world.call(path, init))).toBe(401);
    const response = await world.call(path, init, proxied.url);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/xml']);
    expect(await response.text()).toBe('<Response/>');
    expect(await api.engine.conversations('+4917099')).toMatchObject([{ status: 'WAITING' }]);
    const here = twilio({ ...SMS_IN, From: '+4917098', MessageSid: sid('b') }, api.server.url + path);
    expect(await statusOf(world.call(path, here))).toBe(200);
  });

  it('at a path with ids in upper case are recorded too', async () => {
    const path = world.pathOf(channels.web.toUpperCase(), api.engine.accountId.toUpperCase());
    const response = await world.call(path, world.wire([world.message('upper 1', 'in upper case')]));
    expect([response.status, await response.json()]).toEqual([
      200,
      { applied: 1, duplicates: 0, ignored: 0, faults: [] },
    ]);
    expect(await api.engine.conversations('in upper case')).toMatchObject([{ status: 'WAITING' }]);
    const again = await world.call(
      world.pathOf(channels.web),
      world.wire([world.message('upper 1', 'in upper case')]),
    );
    expect(await again.json()).toMatchObject({ applied: 0, duplicates: 1 });
  });

  it('on SMS at a path in upper case are verified by the URL as Twilio called it', async () => {
    const path = world.pathOf(channels.sms.toUpperCase(), api.engine.accountId.toUpperCase());
    const init = twilio({ ...SMS_IN, From: '+4917096', MessageSid: sid('e') }, api.server.url + path);
    expect(await statusOf(world.call(path, init))).toBe(200);
    expect(await api.engine.conversations('+4917096')).toMatchObject([{ status: 'WAITING' }]);
  });

  it('SF-11 STOP ends the conversation at once', async () => {
    const path = world.pathOf(channels.sms);
    const form = { ...SMS_IN, From: '+4917097' };
    for (const [MessageSid, Body] of [
      [sid('c'), 'Hello'],
      [sid('d'), ' stop '],
    ] as const)
      await world.call(path, twilio({ ...form, MessageSid, Body }, api.server.url + path));
    expect(await api.engine.conversations('+4917097')).toMatchObject([
      { status: 'ENDED', end_reason: 'OPT_OUT', ended_by: 'CUSTOMER' },
    ]);
  });

  it('are recorded once, however often and in parallel they arrive', async () => {
    const init = world.wire([world.message('twice 1', 'twice'), world.message('twice 2', 'twice')]);
    const first = await Promise.all(
      Array.from({ length: 8 }, () => world.call(world.pathOf(channels.web), init)),
    );
    const came = (await Promise.all(first.map((each) => each.json()))) as {
      applied: number;
      duplicates: number;
    }[];
    expect(came.reduce((sum, { applied }) => sum + applied, 0)).toBe(2);
    expect(came.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(14);
    const before = await world.counts();
    const again = await world.call(world.pathOf(channels.web), init);
    expect([again.status, await again.json()]).toEqual([
      200,
      { applied: 0, duplicates: 2, ignored: 0, faults: [] },
    ]);
    expect(await world.counts()).toEqual(before);
  });

  it('with one malformed event record the other events and report the malformed one', async () => {
    const events = [
      world.message('good 1', 'partly'),
      world.message('bad', 'partly', { sentAt: 'yesterday' }),
      world.message('ancient', 'partly', { sentAt: '0001-01-01T00:00:00Z' }),
      { type: 'receipt', messageId: 'x', address: 'nobody', state: 'READ', at: world.now().toISOString() },
      'no object',
      world.message('good 2', 'partly', {
        sentAt: new Date(world.now().getTime() + 3_600_000).toISOString(),
      }),
    ];
    const response = await world.call(world.pathOf(channels.web), world.wire(events));
    const { faults, ...rest } = (await response.json()) as { faults: { field: string; why: string }[] };
    expect([response.status, rest]).toEqual([200, { applied: 2, duplicates: 0, ignored: 1 }]);
    expect(faults.map(({ field }) => field)).toEqual(['events[1].sentAt', 'events[4]', 'events[1]']);
    const { id, last_activity_at } = await api.engine.latest('partly');
    expect((await api.engine.feed(id)).map(({ message_id }) => message_id)).toEqual(['good 1', 'good 2']);
    expect(last_activity_at).toEqual(world.now());
    expect(api.logged()).toContain('events that could not be recorded');
  });
});

describe('calls that cannot be recorded now', () => {
  it('are not answered 2xx while the database is unreachable, and are recorded when they are repeated', async () => {
    const { sql } = api.engine.db;
    const init = world.wire([world.message('later', 'later')]);
    for (const table of ['channel', 'event']) {
      await sql`alter table ${sql(table)} rename to away`;
      const response = await world.call(world.pathOf(channels.web), init);
      await sql`alter table away rename to ${sql(table)}`;
      expect(response.status).toBe(503);
      expect(await response.text()).not.toContain('relation');
      expect(await api.engine.conversations('later')).toEqual([]);
    }
    expect(await statusOf(world.call(world.pathOf(channels.web), init))).toBe(200);
    expect(await api.engine.conversations('later')).toHaveLength(1);
  });

  it('are answered 2xx only after the commit', async () => {
    const { sql } = api.engine.db;
    const letGo = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    await world.call(world.pathOf(channels.web), world.wire([world.message('commit 1', 'commit')]));
    const holder = inTransaction(sql, async (tx) => {
      await tx`
        select 1 from conversation join contact on contact.id = contact_id where address = 'commit' for update`;
      held.resolve();
      await letGo.promise;
    });
    await held.promise;
    let isAnswered = false;
    const answered = world
      .call(world.pathOf(channels.web), world.wire([world.message('commit 2', 'commit')]))
      .then((response) => {
        isAnswered = true;
        return response.status;
      });
    const isWaiting = async () =>
      (
        await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      ).length > 0;
    await vi.waitUntil(isWaiting, { timeout: 60_000 });
    expect(isAnswered).toBe(false);
    letGo.resolve();
    await holder;
    expect(await answered).toBe(200);
  });

  it('are refused on a channel without its secret, and the log names the missing setting', async () => {
    const response = await world.call(
      world.pathOf(api.engine.channelId),
      world.wire([world.message('no secret', 'no secret')]),
    );
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('secret');
    expect(api.logged()).toContain('settings.secret');
  });
});

it('never put a secret into the log or in plain text into the database', async () => {
  const { sql } = api.engine.db;
  const stored = JSON.stringify(await sql`select settings from channel`);
  const { appSecret, accessToken, verifyToken } = WHATSAPP;
  for (const secret of [OWN.secret, STANDARD.secret, SMS.authToken, appSecret, accessToken, verifyToken]) {
    expect(api.logged()).not.toContain(secret);
    expect(stored).not.toContain(secret);
  }
  expect(stored).toContain(WHATSAPP.phoneNumberId);
});
