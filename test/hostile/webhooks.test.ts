import { request } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import type { Got, Sent } from './ask.ts';
import { mutated } from './documents.ts';
import { likeness } from './payloads.ts';
import { hunt, huntTimeout, tellSeed } from './runs.ts';
import { CHANNELS, type HostileChannel } from './signing.ts';
import { deepJson } from './values.ts';
import { openWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  tellSeed();
  world = await openWorld();
});
afterAll(async () => {
  await world.isUnharmed();
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

/** A call that is signed as the provider of the channel does. */
function signed(
  channel: HostileChannel,
  given: string | Uint8Array,
  more: Record<string, string> = {},
): Sent {
  const body = Buffer.from(given);
  const path = `/webhooks/${world.ours.accountId}/${world.ours.channels[channel.adapter]}`;
  const { headers, query } = channel.sign(body, channel.settings, world.url + path);
  const { host } = new URL(world.url);
  return {
    path: query === undefined ? path : `${path}?${query}`,
    headers: { host, 'content-type': channel.contentType, ...headers, ...more },
    body,
  };
}

/** Whether its bodies have to be of the kind that was signed, and forms of one meaning: else they are not genuine. */
function isTwilios({ adapter }: HostileChannel): boolean {
  return adapter === 'sms' || adapter === 'twilio-conversations';
}

/** What is in the database of our account; a call that is refused adds nothing. */
async function counts(): Promise<unknown> {
  const { accountId } = world.ours;
  const [row] = await world.sql`
    select (select count(*)::int from contact where account_id = ${accountId}) as contacts,
      (select count(*)::int from event where account_id = ${accountId}) as events`;
  return row;
}

it('the hostile tests have a channel of each kind', () => {
  expect(CHANNELS.map(({ adapter }) => adapter).sort()).toEqual(BUILT_IN.map(({ id }) => id).sort());
});

describe.each(CHANNELS)('$adapter', (channel) => {
  it('a call as its provider sends it is recorded', async () => {
    for (const body of channel.bodies) expect((await world.try(signed(channel, body))).status).toBe(200);
  });

  it('a signed call with arbitrary content is recorded in part or refused', {
    timeout: huntTimeout(25),
  }, async () => {
    const bodies = fc.oneof(
      { weight: 3, arbitrary: likeness(channel.bodies).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: mutated(fc.constantFrom(...channel.bodies)) },
    );
    const property = fc.asyncProperty(bodies, async (body) => {
      const { status } = await world.try(signed(channel, body));
      // Never 5xx: a provider would repeat the call for ever.
      expect([200, 204, 400, 413, ...(isTwilios(channel) ? [401] : [])]).toContain(status);
    });
    await fc.assert(property, hunt(25));
  });

  it('an unsigned call changes nothing', { timeout: huntTimeout(5) }, async () => {
    const before = await counts();
    const [body = ''] = channel.bodies;
    const good = signed(channel, body);
    const names = Object.keys(good.headers ?? {}).filter((name) =>
      /signature|timestamp|webhook-id/.test(name),
    );
    for (const name of names) {
      const { [name]: _left, ...headers } = good.headers as Record<string, string>;
      for (const value of [
        undefined,
        '',
        'x',
        '=',
        `${_left}x`,
        `${_left}`.slice(0, -1),
        '0',
        '\t',
        'v1,',
        'sha256='.repeat(99),
      ]) {
        const sent = { ...good, headers: value === undefined ? headers : { ...headers, [name]: value } };
        expect((await world.try(sent)).status, `${name}: ${value}`).toBe(401);
      }
    }
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      expect((await world.try({ ...good, body: bytes })).status).toBe(401);
    });
    await fc.assert(property, hunt(5));
    expect(await counts()).toEqual(before);
  });

  it('the signature of another account’s channel is not accepted', async () => {
    const theirs = { ...channel.settings };
    for (const [name, value] of Object.entries(theirs))
      if (typeof value === 'string' && channel.secrets.includes(value))
        theirs[name] = value.startsWith('whsec_')
          ? `whsec_${Buffer.alloc(32, 99).toString('base64')}`
          : `${value}, of another`;
    const [body = ''] = channel.bodies;
    expect((await world.try(signed({ ...channel, settings: theirs }, body))).status).toBe(401);
  });

  it('other methods, and a GET that is not a handshake, change nothing', async () => {
    const path = `/webhooks/${world.ours.accountId}/${world.ours.channels[channel.adapter]}`;
    for (const query of [
      '',
      '?hub.mode=subscribe',
      '?hub.mode=subscribe&hub.challenge=x&hub.verify_token=',
      '?hub.mode=subscribe&hub.challenge=%0d%0ax:y&hub.verify_token=guess',
    ])
      expect([401, 405]).toContain((await world.try({ path: path + query, method: 'GET' })).status);
  });
});

/** Those whose bodies are read each in a way of their own. */
const READINGS = ['web', 'byoc-interaction', 'whatsapp', 'sms', 'twilio-conversations', 'chatwoot'];
describe.each(CHANNELS.filter(({ adapter }) => READINGS.includes(adapter)))(
  'a body for $adapter',
  (channel) => {
    it.each<[string, () => string | Uint8Array]>([
      ['nothing', () => ''],
      ['null', () => 'null'],
      ['a list', () => '[]'],
      ['a text', () => '"x"'],
      ['20,000 levels', () => deepJson(20_000)],
      ['half a million brackets', () => '['.repeat(500_000)],
      ['a million spaces', () => ' '.repeat(1_000_000)],
      [
        'a prototype',
        () => '{"__proto__":{"events":[],"event":"x","entry":[]},"constructor":{"prototype":{}}}',
      ],
      ['a number of a million digits', () => '9'.repeat(1_000_000)],
      ['a million keys', () => `{${Array.from({ length: 90_000 }, (_, at) => `"k${at}":1`).join(',')}}`],
      [
        'a form of 150,000 names',
        () => Array.from({ length: 150_000 }, (_, at) => at.toString(36)).join('&'),
      ],
      ['one name 200,000 times', () => 'a=&'.repeat(200_000)],
      ['bytes that are not UTF-8', () => Buffer.from([0xff, 0xfe, 0xc0, 0x80])],
    ])('%s, signed and with either content type, is refused or ignored', async (_what, body) => {
      for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
        const { status } = await world.try(signed(channel, body(), { 'content-type': type }));
        expect([200, 204, 400, ...(isTwilios(channel) ? [401] : [])]).toContain(status);
      }
    });
  },
);

describe('Twilio’s signature', () => {
  it.each([
    ['150,000 names', Array.from({ length: 150_000 }, (_, at) => at.toString(36)).join('&')],
    [
      'a name with 200,000 values',
      Array.from({ length: 150_000 }, (_, at) => `a=${at.toString(36)}`)
        .join('&')
        .slice(0, 1_000_000),
    ],
  ])('is checked in linear time for a form with %s', async (_what, body) => {
    // Scanning the form once for each name took a minute, before the signature was checked.
    const path = `/webhooks/${world.ours.accountId}/${world.ours.channels.sms}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'x' };
    expect((await world.try({ path, headers, body })).status).toBe(401);
  });
});

it('cannot be bypassed with a duplicate header', async () => {
  const web = CHANNELS.find(({ adapter }) => adapter === 'web') as HostileChannel;
  const good = signed(web, web.bodies[0] as string);
  const signature = (good.headers as Record<string, string>)['lull-signature'] as string;
  for (const twice of [
    [signature, 'x'],
    ['x', signature],
    ['t=1,v1=0', signature],
  ])
    expect((await sendTwice({ ...good.headers, 'lull-signature': twice }, good)).status).toBe(401);
});

function sendTwice(headers: Record<string, unknown>, { path, body }: Sent): Promise<Got> {
  return new Promise((resolve, reject) => {
    const out = request(`${world.url}${path}`, { method: 'POST', headers: headers as never }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: {}, body: '' });
    });
    out.on('error', reject);
    out.end(body);
  });
}
