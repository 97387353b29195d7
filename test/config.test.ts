import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { SetupError } from '../src/domain/errors.ts';

it('every variable has a default', () => {
  expect(readConfig({})).toEqual({
    databaseUrl: undefined,
    redisUrl: undefined,
    port: 4400,
    metricsPort: null,
    host: '127.0.0.1',
    dataDir: resolve('.lull'),
    keepEnded: null,
    jwt: null,
    secretKey: null,
    publicUrl: null,
    adapterModules: [],
    allowPrivateWebhooks: false,
    allowPrivateProviders: false,
    sendsPerSecond: 50,
    requestsPerMinute: 6000,
    accountRequestsPerMinute: 30_000,
    unknownRequestsPerMinute: 600,
    trustedProxies: [],
    connections: 5000,
    requestsAtOnce: 64,
    requestsWaiting: 1000,
    heavyReads: 2,
    maxDelayMs: 500,
    subscriptions: 2000,
    accountSubscriptions: 1000,
    corsOrigins: [],
    logLevel: 'info',
    environment: 'development',
  });
});

it('an empty variable counts as not set', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', NODE_ENV: '' })).toEqual(readConfig({}));
});

it('variables that are set override the defaults', () => {
  const config = readConfig({
    DATABASE_URL: 'postgres://ann:secret@db/lull',
    REDIS_URL: 'rediss://cache:6380',
    PORT: '0',
    LULL_METRICS_PORT: '9464',
    HOST: '::1',
    LULL_DATA_DIR: '/var/lib/lull',
    LULL_KEEP_ENDED: 'P400D',
    LULL_JWKS_URL: 'https://login.example/keys',
    LULL_JWT_ISSUER: 'https://login.example',
    LULL_JWT_AUDIENCE: 'lull',
    LULL_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    LULL_PUBLIC_URL: 'https://lull.example/hooks/',
    LULL_ADAPTERS: 'lull-telegram, ./adapters/pigeon.ts',
    LULL_ALLOW_PRIVATE_WEBHOOKS: 'true',
    LULL_ALLOW_PRIVATE_PROVIDERS: 'true',
    LULL_SENDS_PER_SECOND: '5',
    LULL_RATE_LIMIT: '60',
    LULL_ACCOUNT_RATE_LIMIT: '120',
    LULL_UNKNOWN_RATE_LIMIT: '30',
    LULL_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    LULL_CONNECTIONS: '100',
    LULL_REQUESTS_AT_ONCE: '10',
    LULL_REQUESTS_WAITING: '0',
    LULL_HEAVY_READS: '4',
    LULL_MAX_DELAY_MS: '1500',
    LULL_SUBSCRIPTIONS: '300',
    LULL_ACCOUNT_SUBSCRIPTIONS: '100',
    LULL_CORS_ORIGIN: 'https://desk.example, http://localhost:5173',
    LOG_LEVEL: 'debug',
    NODE_ENV: 'production',
  });
  expect({ ...config, keepEnded: String(config.keepEnded) }).toEqual({
    databaseUrl: 'postgres://ann:secret@db/lull',
    redisUrl: 'rediss://cache:6380',
    port: 0,
    metricsPort: 9464,
    host: '::1',
    dataDir: '/var/lib/lull',
    keepEnded: 'P400D',
    jwt: {
      jwksUrl: 'https://login.example/keys',
      issuer: 'https://login.example',
      audience: 'lull',
    },
    secretKey: new Uint8Array(32).fill(7),
    publicUrl: 'https://lull.example/hooks',
    adapterModules: ['lull-telegram', './adapters/pigeon.ts'],
    allowPrivateWebhooks: true,
    allowPrivateProviders: true,
    sendsPerSecond: 5,
    requestsPerMinute: 60,
    accountRequestsPerMinute: 120,
    unknownRequestsPerMinute: 30,
    trustedProxies: ['10.0.0.0/8', '::1'],
    connections: 100,
    requestsAtOnce: 10,
    requestsWaiting: 0,
    heavyReads: 4,
    maxDelayMs: 1500,
    subscriptions: 300,
    accountSubscriptions: 100,
    corsOrigins: ['https://desk.example', 'http://localhost:5173'],
    logLevel: 'debug',
    environment: 'production',
  });
});

it.each([
  ['DATABASE_URL', 'mysql://ann:hidden@db/lull', 'postgres://'],
  ['DATABASE_URL', 'hidden', 'postgres://'],
  ['REDIS_URL', 'http://:hidden@cache', 'redis://'],
  ['PORT', '65536', '0 to 65535'],
  ['PORT', '4400x', '0 to 65535'],
  ['PORT', '-1', '0 to 65535'],
  ['LULL_METRICS_PORT', '70000', '0 to 65535'],
  ['LULL_METRICS_PORT', 'yes', '0 to 65535'],
  ['HOST', 'a b', 'host name'],
  ['LULL_KEEP_ENDED', 'PT23H', 'at least a day'],
  ['LULL_KEEP_ENDED', 'P1M', 'at least a day'],
  ['LULL_JWKS_URL', 'ftp://login.example', 'https://'],
  ['LULL_SECRET_KEY', 'c2hvcnQ=', '32 bytes in base64'],
  ['LULL_SECRET_KEY', 'hidden', '32 bytes in base64'],
  ['LULL_PUBLIC_URL', 'lull.example', 'https://'],
  ['LULL_ADAPTERS', 'one,,two', 'modules'],
  ['LULL_ALLOW_PRIVATE_WEBHOOKS', 'yes', 'true or false'],
  ['LULL_ALLOW_PRIVATE_PROVIDERS', '1', 'true or false'],
  ['LULL_SENDS_PER_SECOND', '20000', '1 to 10000'],
  ['LULL_RATE_LIMIT', 'many', '1 to 1000000'],
  ['LULL_RATE_LIMIT', '1000001', '1 to 1000000'],
  ['LULL_ACCOUNT_RATE_LIMIT', 'none', '1 to 9999999'],
  ['LULL_UNKNOWN_RATE_LIMIT', 'none', '1 to 1000000'],
  ['LULL_CONNECTIONS', '7', '10 to 1000000'],
  ['LULL_TRUSTED_PROXIES', '10.0.0.0/33', 'addresses or networks'],
  ['LULL_TRUSTED_PROXIES', '10.0.0.1, proxy.internal', 'addresses or networks'],
  ['LULL_REQUESTS_AT_ONCE', '10001', '1 to 10000'],
  ['LULL_REQUESTS_WAITING', '-1', '0 to 100000'],
  ['LULL_HEAVY_READS', '101', '1 to 100'],
  ['LULL_MAX_DELAY_MS', '19', '20 to 60000'],
  ['LULL_SUBSCRIPTIONS', 'all', '1 to 100000'],
  ['LULL_ACCOUNT_SUBSCRIPTIONS', '100001', '1 to 100000'],
  ['LULL_CORS_ORIGIN', 'https://desk.example/', 'origins'],
  ['LULL_CORS_ORIGIN', 'https://desk.example,hidden', 'origins'],
  ['LULL_CORS_ORIGIN', 'null', 'origins'],
  ['LOG_LEVEL', 'loud', 'warn'],
  ['NODE_ENV', 'staging', 'production'],
])('refuses %s=%s and says what is allowed', (name, value, allowed) => {
  const read = () => readConfig({ [name]: value });
  expect(read).toThrow(SetupError);
  expect(read).toThrow(name);
  expect(read).toThrow(allowed);
  expect(read).not.toThrow(value);
});

it('one error names every invalid variable', () => {
  expect(() => readConfig({ PORT: 'x', NODE_ENV: 'y' })).toThrow(/PORT.*NODE_ENV/);
});

it('the JWKS URL, issuer and audience must be set together', () => {
  const LULL_JWKS_URL = 'https://login.example/keys';
  for (const half of [{ LULL_JWKS_URL }, { LULL_JWKS_URL, LULL_JWT_ISSUER: 'x' }, { LULL_JWT_AUDIENCE: 'x' }])
    expect(() => readConfig(half)).toThrow(
      /LULL_JWKS_URL, LULL_JWT_ISSUER and LULL_JWT_AUDIENCE.*all, or none/,
    );
});

it('a rate limit of 0 is refused', () => {
  expect(() => readConfig({ LULL_RATE_LIMIT: '0' })).toThrow(/LULL_RATE_LIMIT.*1 to 1000000/);
});
