/** A head of a request, line by line. */
export const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;

/**
 * Malformed and unusual requests; `<key>` stands for a valid key. With the statuses they may be answered with; 0: no
 * answer.
 */
export const BROKEN: readonly (readonly [
  what: string,
  bytes: string | Uint8Array,
  statuses: readonly number[],
])[] = [
  ['nothing', '', [0]],
  ['NUL', '\0\0\0\0', [400]],
  ['TLS', Buffer.from('160301020001000001fc0303', 'hex'), [400]],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
  ['no host', head('GET /health HTTP/1.1'), [400]],
  ['two hosts', head('GET /health HTTP/1.1', 'host: a', 'host: b'), [200, 400]],
  [
    'an invalid host',
    head('GET /graphql?query={__typename} HTTP/1.1', 'host: a b', 'authorization: <key>'),
    [400],
  ],
  [
    'a host with a path',
    head('GET /graphql?query={__typename} HTTP/1.1', 'host: evil/x', 'authorization: <key>'),
    [400],
  ],
  [
    'a host with brackets',
    head('GET /graphql?query={__typename} HTTP/1.1', 'host: [', 'authorization: <key>'),
    [400],
  ],
  [
    'a host with an invalid port',
    head('GET /graphql?query={__typename} HTTP/1.1', 'host: a:b', 'authorization: <key>'),
    [400],
  ],
  ['an empty host', head('GET /graphql?query={__typename} HTTP/1.1', 'host:', 'authorization: <key>'), [400]],
  [
    'another host',
    head(
      'GET /graphql?query={__typename} HTTP/1.1',
      'host: evil.example',
      'authorization: <key>',
      'connection: close',
    ),
    [200],
  ],
  ['HTTP/1.0', head('GET /health HTTP/1.0'), [200]],
  ['headers of 100 KB', head('GET /health HTTP/1.1', 'host: x', `x: ${'x'.repeat(100_000)}`), [431]],
  [
    '3,000 headers',
    head('GET /health HTTP/1.1', 'host: x', ...Array.from({ length: 3_000 }, (_, at) => `a${at}: 1`)),
    [431],
  ],
  ['a path of 100 KB', head(`GET /${'x'.repeat(100_000)} HTTP/1.1`, 'host: x'), [431]],
  ['a header with a line break', head('GET /health HTTP/1.1', 'host: x', 'x: a\nset-cookie: b'), [400]],
  ['a folded header', head('GET /health HTTP/1.1', 'host: x', 'x: a', ' set-cookie: b'), [400, 200]],
  [
    'content-length and chunked encoding',
    `${head('POST /graphql HTTP/1.1', 'host: x', 'content-length: 5', 'transfer-encoding: chunked')}0\r\n\r\n`,
    [400],
  ],
  ['two lengths', head('POST /graphql HTTP/1.1', 'host: x', 'content-length: 5', 'content-length: 6'), [400]],
  ['a length below zero', head('POST /graphql HTTP/1.1', 'host: x', 'content-length: -1'), [400]],
  [
    'an invalid chunk',
    `${head('POST /graphql HTTP/1.1', 'host: x', 'transfer-encoding: chunked', 'content-type: application/json', 'authorization: <key>')}zz\r\n`,
    [400],
  ],
  [
    'an encoding of the transfer',
    head('POST /graphql HTTP/1.1', 'host: x', 'transfer-encoding: gzip, chunked'),
    [400, 401, 415],
  ],
  [
    'an expectation',
    head(
      'POST /graphql HTTP/1.1',
      'host: x',
      'expect: the unexpected',
      'content-length: 0',
      'connection: close',
    ),
    [417],
  ],
  [
    'an upgrade',
    head('GET /graphql HTTP/1.1', 'host: x', 'connection: upgrade', 'upgrade: websocket'),
    [401, 0],
  ],
  ['a tunnel', head('CONNECT internal:80 HTTP/1.1', 'host: internal:80'), [0, 405, 404]],
  ['a proxy', head('GET http://internal/health HTTP/1.1', 'host: x', 'connection: close'), [404]],
  ['a method of its own', head('PWN /graphql HTTP/1.1', 'host: x'), [400]],
];

/** Paths that do not exist. */
export const PATHS: readonly string[] = [
  ...[
    '/../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/graphql/../health',
    '/graphql%00',
    '/graphql/',
    '/GRAPHQL',
  ],
  ...[
    '//graphql',
    '/\\graphql',
    '/.env',
    '/drizzle',
    '/package.json',
    '/src/main.ts',
    '/webhooks',
    '/webhooks/',
    '/webhooks//',
  ],
  ...[
    '/webhooks/../graphql',
    '/webhooks/%2e%2e/x',
    '/webhooks/a/b/c',
    "/webhooks/'/'",
    '/webhooks/%00/%00',
    '/webhooks/__proto__/constructor',
  ],
  ...[
    `/webhooks/${'a'.repeat(5_000)}/b`,
    '/webhooks/é/é',
    '/metrics',
    '/debug',
    '/?x=1',
    '/*',
    '/%',
    '/%zz',
    '/;/',
  ],
];

/** Pieces of which requests are composed. */
export const PIECES: readonly string[] = [
  'GET /health HTTP/1.1',
  'POST /graphql HTTP/1.1',
  'POST /webhooks/a/b HTTP/1.1',
  'host: x',
  'content-length: 2',
  'transfer-encoding: chunked',
  'connection: close',
  'expect: 100-continue',
  'content-type: application/json',
  '',
  '{}',
  '0',
  '\0',
  'x',
  ':',
  ' ',
  'é: é',
  'upgrade: h2c',
  'cookie: a=b',
];

/** Headers that some servers echo. */
export const HEADERS: readonly string[] = [
  'origin',
  'x-request-id',
  'x-lull-account',
  'x-lull-agent',
  'accept',
  'accept-language',
  'content-type',
  'authorization',
  'referer',
  'x-forwarded-for',
  'x-forwarded-host',
  'traceparent',
  'cookie',
  'range',
  'if-none-match',
  'content-encoding',
  'te',
  'via',
  'user-agent',
];
