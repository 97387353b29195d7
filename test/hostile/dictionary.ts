import { NODE_TYPES } from '../../src/schema/core/ids.ts';

/** A valid id that nothing has. */
const NOBODYS = '018f0000-0000-7000-8000-000000000000';

const words = (text: string) => text.trim().split(/\s+/);
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Texts that have broken programs, for any field. */
export const TEXTS: readonly string[] = [
  ...['', ' ', '\0', 'a\0b', '\ud800', '\udfff x', 'a\u2028b', '\u202e', '\r\n', '\x1b[31m', '\ufeff'],
  ...['x\r\nset-cookie: a=b', "' or '1'='1", "'; drop table conversation; --", '<script>alert(1)</script>'],
  ...[
    'İ',
    'ß',
    '👩‍👩‍👧‍👧',
    'stop\n',
    'opt  out',
    '{{7*7}}',
    '$' + '{7*7}',
    'javascript:alert(1)',
    '../../../etc/passwd',
  ],
  ...words(
    '__proto__ constructor toString hasOwnProperty prototype null undefined NaN Infinity -0 1e400 0x10',
  ),
  ...words('\\ " ` $1 * % _ %00 %s%n sealed:v1:AAAA STOP ann sales ours Ours theirs'),
  ...['ﷺ'.repeat(50), '9'.repeat(400), 'a'.repeat(100), 'a'.repeat(101), 'a'.repeat(257), 'x'.repeat(3_000)],
  ...['a '.repeat(2_000), 'é'.repeat(10_000), 'q'.repeat(100_000)],
];

/** Valid values by field name, so that more than the validation of inputs is tested. */
export const TAKEN: Readonly<Record<string, readonly string[]>> = {
  name: words('Web care Fresh ann ours hello x'),
  tags: words('vip escalated __proto__ constructor x'),
  add: words('vip escalated __proto__ constructor x'),
  remove: words('vip escalated x'),
  tag: words('vip __proto__ x'),
  profile: words('LULL SALESFORCE SPROUT LIVEPERSON __proto__ constructor'),
  adapterId: words('web sms whatsapp byoc in-app __proto__ constructor'),
  events: words('conversation.ended conversation.started case_closed'),
  scopes: words('conversations:read act-as keys:write'),
  url: words(
    'https://hooks.example.com/x https://1.1.1.1/ https://[::1]/ https://10.0.0.1/ http://169.254.169.254/',
  ),
  timeZone: words('Europe/Berlin UTC Pacific/Apia Etc/GMT+12 America/St_Johns Asia/Kathmandu'),
  from: words('00:00 09:00 12:00'),
  until: words('24:00 17:00 12:01'),
  holidays: words('2026-12-24 2026-02-29 2024-02-29 0000-01-01 9999-12-31'),
  locale: words('de de-AT pt-BR zh-Hans-CN x-y i-klingon en-u-ca-buddhist'),
  address: words('ours +31600000000 theirs-address __proto__ ada'),
  caseStatus: words('open pending solved constructor'),
  caseStatuses: words('open pending solved __proto__'),
  autoCloseCaseStatuses: words('open pending solved'),
  optOutWords: words('halt (a+)+$ .* stop'),
  clientVersion: words('2.1 1.0.0-beta 99999999999999999999 v2'),
};
export const INSTANTS: readonly string[] = [
  ...words('0000-01-01T00:00:00Z 0001-01-01T00:00:00Z 1969-12-31T23:59:59.999Z 1970-01-01T00:00:00Z'),
  ...words('2026-02-30T00:00:00Z 2026-12-31T23:59:60Z 9999-12-31T23:59:59.999Z 9999-12-31T23:59:59-23:59'),
  ...words('2026-11-20T15:00:00+00:00 2026-11-20T15:00:00|01:00 2026-11-20 15:00:00Z 4714-11-24T00:00:00Z'),
  ...words('-000001-01-01T00:00:00Z +275760-09-13T00:00:00Z 2026-11-20T15:00:00.123456789Z infinity now'),
];
/** Valid instants of any year. */
export const VALID_INSTANTS: readonly string[] = [
  ...words('0001-01-01T00:00:00Z 1969-12-31T23:59:59.999Z 1970-01-01T00:00:00Z 2026-11-20T15:00:00+14:00'),
  ...words('1999-12-31T00:00:00Z 2024-02-29T12:00:00Z 2026-01-01T00:00:00Z 2030-06-01T00:00:00Z'),
  ...words('2262-04-12T00:00:00Z 2500-01-01T00:00:00Z 9999-12-31T23:59:59.999Z'),
];
export const DURATIONS: readonly string[] = [
  ...words('P1Y P1M -P1D PT0.0001S P PT P1DT PT1,5H +PT1H PT-1H P3651D PT999999999999999999999H'),
  `PT${'9'.repeat(5_000)}S`,
];
export const VALID_DURATIONS: readonly string[] = words(
  'PT0S PT1M PT25M PT1H P1D P2D P21D P90D P3650D P1W p1d',
);
export const NUMBERS: readonly number[] = [...[2 ** 31, 2 ** 53, 1e21, 1.5, -0.5, 1e308, 8.64e15 + 1]];
export const WHOLE_NUMBERS: readonly number[] = [1, 1, 2, 5, 7, 0, -1, 200, 201, 2 ** 31 - 1, -(2 ** 31)];
export const CURSORS: readonly string[] = [
  ...words('x = conversation: skill: skill:\0 apiKey:1 runs:-1 runs:1e9 feed:2147483648 feed:0x10 agent:%'),
  ...[`conversation:${NOBODYS}`, 'conversation:DUE:due:1:1', `outage:${NOBODYS}`, `effect:${NOBODYS}:1`],
  `conversation:DUE:never:-1:99999999999999:${NOBODYS}`,
  `conversation:LAST_ACTIVITY:due:253370764799999:-253370764799999:${NOBODYS}`,
  `conversation:DUE:due:253370764799999:-253370764799999:${NOBODYS}`,
  ...[`events:18446744073709551615:${NOBODYS}:2147483647`, `events:0:${NOBODYS}:0`, 'events:1:1:1'],
  ...['rulesVersion:99999999999999999999', 'rulesVersions:1', 'feed:1', 'channel:web', `apiKey:${NOBODYS}`],
].map((text) => Buffer.from(text).toString('base64url'));

/** Ids that this API has never issued. */
export const FORGED_IDS: readonly string[] = [
  ...['', 'x', '=', NOBODYS, 'null', 'undefined', '0'],
  ...['Nothing:1', '__proto__:1', `Conversation:${NOBODYS}:1`, 'Conversation:', `:${NOBODYS}`].map(base64),
  ...NODE_TYPES.flatMap((type) => [`${type}:${NOBODYS}`, `${type}:${NOBODYS}\0`, `${type}:1`].map(base64)),
];

/** Which fields an activity takes by its kind: a forged one of another is refused before it is looked at. */
export const ACTIVITY_FIELDS: Readonly<Record<string, readonly string[]>> = {
  INBOUND: words('skillId clientVersion locale text keyword messageId'),
  OUTBOUND: words('sender agentId skillId messageId'),
  START: words('by agentId skillId'),
  COMMENT: words('agentId'),
  TAG: words('add remove agentId'),
  ASSIGN: words('agentId'),
  SKILL: words('skillId'),
  CASE_STATUS: words('caseStatus agentId'),
  RECEIPT: words('of state'),
  CLIENT: words('clientVersion locale'),
  MANUAL_RESPONSE_TIME: words('responseAt agentId'),
  HOLD: words('until agentId'),
  END: words('by agentId'),
  TO_QUEUE: [],
  INACTIVATE: [],
  RELEASE: [],
  REOPEN: [],
};

const AT = 30_000;
/** Texts that make a backtracking expression try every way to read them. */
export const LONG_TEXTS: readonly string[] = [
  ...[
    'a'.repeat(AT),
    `${'a'.repeat(AT)}!`,
    ' '.repeat(AT),
    `${' '.repeat(AT)}x`,
    '-a'.repeat(AT),
    '0'.repeat(AT),
  ],
  ...[
    `P${'1D'.repeat(AT)}`,
    `PT${'9'.repeat(AT)}S!`,
    `PT0.${'0'.repeat(AT)}1S`,
    `https://${'a.'.repeat(AT)}x`,
    `https://${'a-'.repeat(900)}:`,
  ],
  ...[
    'en-'.repeat(AT),
    `x-${'a1-'.repeat(AT)}`,
    `2026-01-01T00:00:00.${'0'.repeat(AT)}Z`,
    '2026-'.repeat(AT),
    '='.repeat(AT),
    ':'.repeat(AT),
  ],
  ...[
    `STOP${' '.repeat(AT)}STOP`,
    '\u00a0'.repeat(AT),
    'İ'.repeat(AT),
    'A/'.repeat(AT),
    `Etc/${'GMT+'.repeat(AT)}`,
  ],
];
