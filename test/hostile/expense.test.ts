import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LONG_TEXTS } from './dictionary.ts';
import { tellSeed } from './runs.ts';
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

const times = (count: number, text: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => text(at)).join(' ');
const YEAR = 'from: "2026-01-01T00:00:00Z", until: "2027-01-01T00:00:00Z"';
/** The longest answer to a refused request: none may be much longer than the request. */
const MAX_REFUSAL = 200_000;

async function codesOf(query: string, variables = '{}'): Promise<string[]> {
  const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
  const got = await world.try(world.graphql(body));
  const { errors = [] } = JSON.parse(got.body) as { errors?: { extensions: { code: string } }[] };
  if (errors.length > 0) expect(got.body.length).toBeLessThan(MAX_REFUSAL);
  return [...new Set(errors.map(({ extensions }) => extensions.code))];
}

const nested = (depth: number) =>
  `{ conversations { nodes ${'{ previous '.repeat(depth)}{ id }${' }'.repeat(depth)} } }`;
const typesOf = (depth: number) =>
  `{ __schema { types ${'{ fields { type '.repeat(depth)}{ name }${' } }'.repeat(depth)} } }`;

describe('an expensive document is refused before it is executed', () => {
  it.each<[string, string, string]>([
    ['300 levels', nested(300), 'TOO_COMPLEX'],
    ['5,000 levels', nested(5_000), 'TOO_COMPLEX'],
    ['100,000 brackets', '{a'.repeat(100_000), 'TOO_COMPLEX'],
    ['400 aliases', `{ ${times(400, (at) => `a${at}: account { name }`)} }`, 'TOO_COMPLEX'],
    ['one field 10,000 times', `{ account { ${times(10_000, () => 'name')} } }`, 'TOO_COMPLEX'],
    ['one field 900 times', `{ account { ${times(900, () => 'name')} } }`, 'GRAPHQL_VALIDATION_FAILED'],
    ['10,000 directives', `{ account ${times(10_000, () => '@include(if: true)')} { name } }`, 'TOO_COMPLEX'],
    [
      '250 directives',
      `{ account ${times(250, () => '@include(if: true)')} { name } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['unknown directives', `{ account ${times(500, () => '@x')} { name } }`, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a fragment that contains itself',
      '{ account { ...a } } fragment a on Account { ...a }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'fragments in a circle',
      `{ account { ...f0 } } ${times(100, (at) => `fragment f${at} on Account { name ...f${(at + 1) % 100} }`)}`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'nested fragments that are used twice each',
      `{ account { ...f0 } } ${times(150, (at) => `fragment f${at} on Account { name ${at < 149 ? `...f${at + 1} ...f${at + 1}` : ''} }`)}`,
      '',
    ],
    [
      'nested fragments that select two objects each',
      `{ conversations { nodes { ...f0 } } } ${times(9, (at) => `fragment f${at} on Conversation { id a${at}: previous { id ${at < 8 ? `...f${at + 1}` : ''} } b${at}: previous { id ${at < 8 ? `...f${at + 1}` : ''} } }`)}`,
      'TOO_COMPLEX',
    ],
    [
      'fragments that nobody uses',
      `{ account { name } } ${times(250, (at) => `fragment f${at} on Account { name }`)}`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'pages of pages of pages',
      '{ conversations(first: 200) { nodes { feed(first: 200) { nodes { conversation { feed(first: 200) { nodes { id: at } } } } } } } }',
      'TOO_COMPLEX',
    ],
    [
      '30 reports',
      `{ ${times(30, (at) => `a${at}: report(${YEAR}, by: AGENT) { total { started } }`)} }`,
      'TOO_COMPLEX',
    ],
    ['30 times all runs', `{ ${times(30, (at) => `a${at}: runs { nodes { ended } }`)} }`, 'TOO_COMPLEX'],
    [
      '30 lists with a tag',
      `{ ${times(30, (at) => `a${at}: conversations(filter: { tag: "x" }) { nodes { id } }`)} }`,
      'TOO_COMPLEX',
    ],
    [
      '30 explanations of a page',
      `{ ${times(30, (at) => `a${at}: conversations(first: 100) { nodes { explanation { due { at } } } }`)} }`,
      'TOO_COMPLEX',
    ],
    ['a page of 2,147,483,647 rows', '{ conversations(first: 2147483647) { nodes { id } } }', 'TOO_COMPLEX'],
    [
      'a page longer than a number',
      `{ conversations(first: ${'9'.repeat(100_000)}) { nodes { id } } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['the types of types of types', typesOf(5), 'GRAPHQL_VALIDATION_FAILED'],
    ['the types of types, 200 deep', typesOf(200), 'GRAPHQL_VALIDATION_FAILED'],
    [
      '200 operations',
      times(200, (at) => `query q${at} { account { name } }`),
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      '300 variables',
      `query (${times(300, (at) => `$v${at}: Int`)}) { account { name } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['a name of 500 KB', `{ ${'x'.repeat(500_000)} }`, 'GRAPHQL_VALIDATION_FAILED'],
    ['a text of 500 KB', `{ node(id: "${'x'.repeat(500_000)}") { id } }`, 'INVALID_INPUT'],
    ['a comment of 900 KB', `{ account { name } } #${'x'.repeat(900_000)}`, ''],
    ['500,000 commas', `{ account { name } }${','.repeat(500_000)}`, ''],
    [
      'fields that conflict',
      `{ ${times(150, () => 'account { x: name x: id }')} }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['300 unknown fields', `{ ${times(300, (at) => `accoumt${at}`)} }`, 'GRAPHQL_VALIDATION_FAILED'],
  ])('a document with %s is answered with the expected error code', async (_what, query, code) => {
    const codes = await codesOf(query);
    expect(codes).toEqual(code === '' ? [] : expect.arrayContaining([code]));
  });

  it('the introspection query of common tools is answered', async () => {
    expect(await codesOf(getIntrospectionQuery())).toEqual([]);
  });
});

describe('expensive variables are refused', () => {
  const RECORD =
    'mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { ... on RecordedActivities { results { outcome } } ... on Error { code } } }';
  const CREATE =
    'mutation ($input: CreateChannelInput!) { createChannel(input: $input) { ... on Error { code } } }';
  const ofActivities = (items: string) => `{"input":{"activities":[${items}]}}`;
  const withSettings = (settings: string) =>
    `{"input":{"name":"deep","adapterId":"web","settings":${settings}}}`;
  const zeros = `0${',0'.repeat(400_000)}`;
  it.each<[string, string, string, string[]]>([
    ['400,000 malformed activities', RECORD, ofActivities(zeros), ['TOO_COMPLEX']],
    [
      '100,000 activities without a kind',
      RECORD,
      ofActivities(`{}${',{}'.repeat(100_000)}`),
      ['TOO_COMPLEX'],
    ],
    [
      '30,000 activities',
      RECORD,
      ofActivities(`{"kind":"COMMENT"}${',{"kind":"COMMENT"}'.repeat(30_000)}`),
      ['TOO_COMPLEX'],
    ],
    [
      '1,001 activities',
      RECORD,
      ofActivities(`{"kind":"COMMENT"}${',{"kind":"COMMENT"}'.repeat(1_000)}`),
      [],
    ],
    [
      'one text in 50 errors',
      RECORD,
      ofActivities(`{"kind":"${'x'.repeat(900_000)}","a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8}`),
      ['INVALID_INPUT'],
    ],
    [
      'an instant, 20,000 levels deep',
      RECORD,
      ofActivities(`{"kind":"COMMENT","at":${deepJson(20_000)}}`),
      ['INVALID_INPUT'],
    ],
    ['settings 20,000 levels deep', CREATE, withSettings(`{"a":${deepJson(20_000)}}`), []],
    ['settings 100,000 levels deep', CREATE, withSettings(`{"a":${deepJson(100_000)}}`), []],
    ['settings with 400,000 numbers', CREATE, withSettings(`{"a":[${zeros}]}`), []],
    [
      'settings with 80,000 names',
      CREATE,
      withSettings(`{${Array.from({ length: 80_000 }, (_, at) => `"k${at}":1`).join(',')}}`),
      [],
    ],
    ['undeclared variables', '{ account { name } }', `{"x":${deepJson(100_000)}}`, []],
  ])('a call with %s is answered with the expected error code', async (_what, query, variables, codes) => {
    expect(await codesOf(query, variables)).toEqual(codes);
  });

  it('settings with more levels than allowed are refused', async () => {
    const refused = async (settings: string) => {
      const got = await world.try(
        world.graphql(`{"query":${JSON.stringify(CREATE)},"variables":${withSettings(settings)}}`),
      );
      return JSON.parse(got.body);
    };
    expect(await refused(`{"secret":"a secret that is long enough","x":${deepJson(40)}}`)).toEqual({
      data: { createChannel: { code: 'INVALID_INPUT' } },
    });
  });
});

/** Texts that make a backtracking expression try every way to read them. */
describe('texts that provoke backtracking in regular expressions are answered in time', () => {
  it.each<[string, string]>([
    [
      'words',
      'mutation ($t: String!, $c: ID!) { recordActivities(input: { activities: [{ kind: INBOUND, channelId: $c, address: "redos", text: $t }] }) { __typename } }',
    ],
    [
      'languages',
      'mutation ($t: String!, $c: ID!) { recordActivities(input: { activities: [{ kind: CLIENT, channelId: $c, address: "redos", locale: $t }] }) { __typename } }',
    ],
    [
      'instants',
      'mutation ($t: DateTime!, $c: ID!) { recordActivities(input: { activities: [{ kind: COMMENT, channelId: $c, address: "redos", at: $t }] }) { __typename } }',
    ],
    [
      'durations',
      'mutation ($t: Duration!, $c: ID) { setPolicy(input: { autoCloseAfter: $t, channelId: $c }) { __typename } }',
    ],
    [
      'URLs',
      'mutation ($t: String!, $c: ID) { createWebhookEndpoint(input: { url: $t, events: ["conversation.ended"], channelId: $c }) { __typename } }',
    ],
    [
      'time zones',
      'mutation ($t: String!) { createCalendar(name: "redos", hours: { timeZone: $t, weekly: [{ day: 1, from: "09:00", until: "17:00" }] }) { __typename } }',
    ],
    [
      'times',
      'mutation ($t: String!) { createCalendar(name: "redos", hours: { timeZone: "UTC", weekly: [{ day: 1, from: $t, until: $t }], holidays: [$t] }) { __typename } }',
    ],
    [
      'cursors',
      'query ($t: String!) { conversations(after: $t) { nodes { id } } events(after: $t) { nodes { at } } }',
    ],
    ['ids', 'query ($t: ID!) { node(id: $t) { id } }'],
    [
      'opt-out words',
      'mutation ($t: String!) { setPolicy(input: { optOutWords: [$t], tagOnClose: $t }) { __typename } }',
    ],
    [
      'settings',
      'mutation ($t: String!) { createChannel(input: { name: "redos", adapterId: "byoc", settings: { secret: $t, deliverUrl: $t } }) { __typename } }',
    ],
  ])('when they are sent as %s', async (_what, query) => {
    const c = world.ours.ids.Channel;
    for (const t of LONG_TEXTS)
      await world.try(world.graphql({ query, variables: query.includes('$c') ? { t, c } : { t } }));
  });

  it('when they are sent as a token or a signature', async () => {
    const headers = LONG_TEXTS.map((text) => text.replace(/[^\x20-\x7e]/g, 'x').slice(0, 8_000));
    for (const text of headers) {
      const { status } = await world.try(
        world.graphql({ query: '{ __typename }' }, { authorization: `Bearer ${text}` }),
      );
      expect(status).toBe(401);
      for (const adapter of ['web', 'byoc', 'sms', 'chatwoot', 'whatsapp']) {
        const names = [
          'lull-signature',
          'webhook-signature',
          'webhook-timestamp',
          'webhook-id',
          'x-twilio-signature',
          'x-chatwoot-timestamp',
          'x-chatwoot-signature',
          'x-hub-signature-256',
        ];
        const path = `/webhooks/${world.ours.accountId}/${world.ours.channels[adapter]}`;
        const sent = {
          path,
          headers: Object.fromEntries(names.map((name) => [name, text.slice(0, 1_500)])),
          body: '{}',
        };
        expect((await world.try(sent)).status).toBe(401);
      }
    }
  });
});
