import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi(new Date('2026-11-20T13:00:30Z'));
});
afterAll(() => api.close());

const UNKNOWN = '018f0000-0000-7000-8000-000000000000';
const SECRET = 'known to the test alone';
const create = (adapterId: string, settings: string) =>
  `mutation { createChannel(input: { name: "x", adapterId: "${adapterId}", settings: { ${settings} } }) { ... on Error { message } } }`;
const calendar = (from: string, until: string) =>
  `mutation { createCalendar(name: "x", hours: { timeZone: "UTC", weekly: [{ day: 1, from: "${from}", until: "${until}" }] }) { ... on Error { message } } }`;
const command = (text: string) => `mutation { ${text} { ... on Error { message } } }`;

/** Each mistake with the part of the answer that says what to do. */
const REQUESTS: [mistake: string, query: () => string, answer: string][] = [
  [
    'an unknown conversation',
    () => command(`holdConversation(conversationId: "${api.id('Conversation', UNKNOWN)}")`),
    'list them with { conversations { nodes { id } } }',
  ],
  [
    'an unknown channel',
    () => command(`startConversation( channelId: "${api.id('Channel', UNKNOWN)}", address: "x", by: AGENT)`),
    'list them with { channels { nodes { id name } } }',
  ],
  [
    'an unknown adapter',
    () => create('whatsup', ''),
    'there are apple-messages, byoc, byoc-interaction, chatwoot',
  ],
  [
    'a misspelt setting',
    () => create('web', `secret: "${SECRET}", deliverURl: "https://example.com"`),
    'settings.deliverURl: there is no such field; did you mean deliverUrl?',
  ],
  [
    'a setting that resembles none',
    () => create('web', `secret: "${SECRET}", colour: "red"`),
    'there are secret, deliverUrl, showSurvey, showCloseMessage',
  ],
  ['a duration in words', () => command('setPolicy(input: { autoCloseAfter: "2h" })'), '2h is written PT2H'],
  ['a time with one digit', () => calendar('9:00', '17:00'), 'HH:MM with two digits'],
  ['an end with one digit', () => calendar('08:00', '9:00'), 'HH:MM with two digits'],
  ['hours over midnight', () => calendar('22:00', '06:00'), 'hours over midnight are two entries'],
  ['a misspelt field', () => '{ chanels { nodes { id } } }', 'Did you mean \\"channels\\"'],
];

describe('the API answers an honest mistake with what to do:', () => {
  it.each(REQUESTS)('%s', async (_mistake, query, answer) => {
    expect(JSON.stringify(await api.ask(query()))).toContain(answer);
  });

  it.each([
    ['/', 'the API is at POST /graphql'],
    ['/graphql/', 'the API is at POST /graphql'],
    [`/webhooks/${UNKNOWN}/${UNKNOWN}`, 'list the paths with { channels { nodes { webhookPath } } }'],
  ])('a request to %s', async (path, answer) => {
    const response = await fetch(api.server.url + path, { method: 'POST', body: '{}' });
    expect(response.status).toBe(404);
    expect(await response.text()).toContain(answer);
  });
});

it('`lull keys create --out` on a file that exists says what to do and keeps the file', () => {
  const folder = testFolder();
  try {
    const out = join(folder, 'key.txt');
    writeFileSync(out, 'kept');
    const args = ['keys', 'create', '--create-account', '--scope', 'conversations:read', '--out', out];
    const env = { ...process.env, DATABASE_URL: urlOf(api.engine.address) };
    const run = spawnSync(process.execPath, [join(root, 'src/cli.ts'), ...args], { env, encoding: 'utf8' });
    expect(run).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('name a new file, or delete this one first'),
    });
    expect(readFileSync(out, 'utf8')).toBe('kept');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('every query that NOT_FOUND names is valid', () => {
  const code = readFileSync(join(root, 'src/domain/errors.ts'), 'utf8');
  const queries = [...code.matchAll(/\['\w+', '(\{.*\})'\]/g)].map(([, query = '']) => query);
  expect(queries.length).toBeGreaterThan(8);
  expect(queries.flatMap((query) => validate(schema, parse(query)))).toEqual([]);
});
