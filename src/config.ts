import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Temporal } from 'temporal-polyfill';
import { z } from 'zod';
import { SetupError } from './domain/errors.ts';
import { parseDuration, toMilliseconds } from './domain/time/duration.ts';

/**
 * The allowed values of a variable, in words. Errors show this instead of the value, which may be a secret.
 */
const ALLOWED = {
  DATABASE_URL: 'a URL that begins with postgres:// or postgresql://',
  REDIS_URL: 'a URL that begins with redis:// or rediss://',
  PORT: 'a whole number from 0 to 65535',
  LULL_METRICS_PORT: 'a whole number from 0 to 65535',
  HOST: 'a host name or an address to listen on',
  LULL_DATA_DIR: 'a folder',
  LULL_KEEP_ENDED: 'an ISO 8601 duration of at least a day, such as P400D',
  LULL_JWKS_URL: 'a URL that begins with https:// or http://',
  LULL_JWT_ISSUER: 'a text: what tokens have as iss',
  LULL_JWT_AUDIENCE: 'a text: what tokens have as aud',
  LULL_SECRET_KEY: '32 bytes in base64, as `openssl rand -base64 32` makes them',
  LULL_PUBLIC_URL: 'a URL that begins with https:// or http://',
  LULL_ADAPTERS: 'modules, as import takes them or as paths, with commas between them',
  LULL_ALLOW_PRIVATE_WEBHOOKS: 'true or false',
  LULL_ALLOW_PRIVATE_PROVIDERS: 'true or false',
  LULL_SENDS_PER_SECOND: 'a whole number of messages per second and channel, 1 to 10000',
  LULL_RATE_LIMIT: 'a whole number of requests per minute, 1 to 1000000',
  LULL_ACCOUNT_RATE_LIMIT: 'a whole number of requests per minute, 1 to 9999999',
  LULL_UNKNOWN_RATE_LIMIT: 'a whole number of requests per minute, 1 to 1000000',
  LULL_TRUSTED_PROXIES: 'addresses or networks such as 10.0.0.0/8, with commas between them',
  LULL_CONNECTIONS: 'a whole number of connections, 10 to 1000000',
  LULL_REQUESTS_AT_ONCE: 'a whole number of requests, 1 to 10000',
  LULL_REQUESTS_WAITING: 'a whole number of requests, 0 to 100000',
  LULL_HEAVY_READS: 'a whole number of requests, 1 to 100',
  LULL_MAX_DELAY_MS: 'a whole number of milliseconds, 20 to 60000',
  LULL_SUBSCRIPTIONS: 'a whole number of subscriptions, 1 to 100000',
  LULL_ACCOUNT_SUBSCRIPTIONS: 'a whole number of subscriptions, 1 to 100000',
  LULL_CORS_ORIGIN: 'origins such as https://desk.example, with commas between them',
  LOG_LEVEL: 'one of fatal, error, warn, info, debug, trace, silent',
  NODE_ENV: 'one of development, production, test',
} as const;

/** The default limit of an account, as a multiple of the limit of a key. */
const ACCOUNT_FACTOR = 5;
const DAY_MS = 24 * 60 * 60 * 1000;

const urlOf = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol));

/** @throws the error that zod expects for a bad value */
function aDayOrMore(text: string, context: z.RefinementCtx): Temporal.Duration {
  try {
    const duration = parseDuration(text, 'LULL_KEEP_ENDED');
    if (toMilliseconds(duration) >= DAY_MS) return duration;
  } catch {
    // The same answer as for a key that is too short.
  }
  context.addIssue('too short, or no duration');
  return z.NEVER;
}

/** @throws the error that zod expects for a bad value */
function origins(text: string, context: z.RefinementCtx): string[] {
  const listed = text.split(',').map((origin) => origin.trim());
  if (listed.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin)) return listed;
  context.addIssue('no origin');
  return z.NEVER;
}

/** @throws the error that zod expects for a bad value */
function networks(text: string, context: z.RefinementCtx): string[] {
  const listed = text.split(',').map((network) => network.trim());
  const isNetwork = (network: string) => {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
    const family = isIP(address);
    return family !== 0 && Number(bits ?? 0) <= (family === 4 ? 32 : 128);
  };
  if (listed.every(isNetwork)) return listed;
  context.addIssue('no network');
  return z.NEVER;
}

/** A whole number within inclusive bounds. */
const count = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,7}$/)
    .transform(Number)
    .refine((number) => number >= from && number <= to);

const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .refine((number) => number <= 65535);

const variables = z.object({
  DATABASE_URL: urlOf('postgres:', 'postgresql:').optional(),
  REDIS_URL: urlOf('redis:', 'rediss:').optional(),
  PORT: port.default(4400),
  LULL_METRICS_PORT: port.optional(),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/)
    .default('127.0.0.1'),
  LULL_DATA_DIR: z.string().default('.lull'),
  LULL_KEEP_ENDED: z.string().transform(aDayOrMore).optional(),
  LULL_JWKS_URL: urlOf('https:', 'http:').optional(),
  LULL_JWT_ISSUER: z.string().optional(),
  LULL_JWT_AUDIENCE: z.string().optional(),
  LULL_SECRET_KEY: z
    .base64()
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .refine((key) => key.length === 32)
    .optional(),
  LULL_PUBLIC_URL: urlOf('https:', 'http:').optional(),
  LULL_ADAPTERS: z
    .string()
    .transform((text) => text.split(',').map((module) => module.trim()))
    .refine((modules) => modules.every((module) => module !== ''))
    .default([]),
  LULL_ALLOW_PRIVATE_WEBHOOKS: z.enum(['true', 'false']).default('false'),
  LULL_ALLOW_PRIVATE_PROVIDERS: z.enum(['true', 'false']).default('false'),
  LULL_SENDS_PER_SECOND: count(1, 10_000).default(50),
  LULL_RATE_LIMIT: count(1, 1_000_000).default(6000),
  LULL_ACCOUNT_RATE_LIMIT: count(1, 9_999_999).optional(),
  LULL_UNKNOWN_RATE_LIMIT: count(1, 1_000_000).default(600),
  LULL_TRUSTED_PROXIES: z.string().transform(networks).default([]),
  LULL_CONNECTIONS: count(10, 1_000_000).default(5000),
  LULL_REQUESTS_AT_ONCE: count(1, 10_000).default(64),
  LULL_REQUESTS_WAITING: count(0, 100_000).default(1000),
  LULL_HEAVY_READS: count(1, 100).default(2),
  LULL_MAX_DELAY_MS: count(20, 60_000).default(500),
  LULL_SUBSCRIPTIONS: count(1, 100_000).default(2000),
  LULL_ACCOUNT_SUBSCRIPTIONS: count(1, 100_000).default(1000),
  LULL_CORS_ORIGIN: z.string().transform(origins).default([]),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
});

/** The configuration of a process. */
export type Config = {
  /** The address of the database; without it the embedded Postgres is used. */
  databaseUrl: string | undefined;
  /** The address of Redis or Valkey; without it the queue is kept in the database. */
  redisUrl: string | undefined;
  port: number;
  /** The port of metrics and probes, on the same host; null: none. */
  metricsPort: number | null;
  host: string;
  /** The absolute path of the folder of the embedded Postgres. */
  dataDir: string;
  /** How long ended conversations are kept; null: for ever. */
  keepEnded: Temporal.Duration | null;
  /** The issuer of agents' tokens; null: no tokens are accepted. */
  jwt: { jwksUrl: string; issuer: string; audience: string } | null;
  /** The key that encrypts secrets; null: the one in the data folder. */
  secretKey: Uint8Array | null;
  /** The public URL of this service without a trailing slash; null: the URL of each request. */
  publicUrl: string | null;
  /** The modules of third-party adapters. */
  adapterModules: string[];
  /** Whether webhooks may go to private, loopback and link-local addresses. */
  allowPrivateWebhooks: boolean;
  /** Whether adapters may send to private, loopback and link-local addresses, and over plain HTTP. */
  allowPrivateProviders: boolean;
  /** Messages to customers that a process sends in a second, on each channel. */
  sendsPerSecond: number;
  /** Requests of one caller in a minute. */
  requestsPerMinute: number;
  /** Requests of all callers of one account in a minute. */
  accountRequestsPerMinute: number;
  /** Requests of one address in a minute without a valid key or signature, before they are answered 429. */
  unknownRequestsPerMinute: number;
  /** Addresses and networks of proxies whose `x-forwarded-for` is trusted. */
  trustedProxies: string[];
  /** Connections that this process keeps open at the same time. */
  connections: number;
  /** Requests that this process works on at the same time; others wait. */
  requestsAtOnce: number;
  /** Requests that may wait; others are refused. */
  requestsWaiting: number;
  /** Heavy requests that this process works on at the same time; others wait. */
  heavyReads: number;
  /** The average delay of the event loop, in milliseconds, above which requests are refused. */
  maxDelayMs: number;
  /** Subscriptions that this process serves at the same time. */
  subscriptions: number;
  /** Subscriptions that this process serves at the same time for one account. */
  accountSubscriptions: number;
  /** The origins whose pages may call the API. */
  corsOrigins: string[];
  logLevel: z.infer<typeof variables>['LOG_LEVEL'];
  environment: z.infer<typeof variables>['NODE_ENV'];
};

/**
 * Reads the configuration from the environment. An empty variable counts as not set.
 * @throws SetupError naming every bad variable with its allowed values, but not its value
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const set = Object.fromEntries(Object.keys(ALLOWED).map((name) => [name, env[name] || undefined]));
  const result = variables.safeParse(set);
  if (!result.success) {
    const bad = new Set(result.error.issues.map((issue) => issue.path[0] as keyof typeof ALLOWED));
    throw new SetupError([...bad].map((name) => `${name} must be ${ALLOWED[name]}`).join('; '));
  }
  const read = result.data;
  return {
    databaseUrl: read.DATABASE_URL,
    redisUrl: read.REDIS_URL,
    port: read.PORT,
    metricsPort: read.LULL_METRICS_PORT ?? null,
    host: read.HOST,
    dataDir: resolve(read.LULL_DATA_DIR),
    keepEnded: read.LULL_KEEP_ENDED ?? null,
    jwt: jwtOf(read),
    secretKey: read.LULL_SECRET_KEY ?? null,
    publicUrl: read.LULL_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    adapterModules: read.LULL_ADAPTERS,
    allowPrivateWebhooks: read.LULL_ALLOW_PRIVATE_WEBHOOKS === 'true',
    allowPrivateProviders: read.LULL_ALLOW_PRIVATE_PROVIDERS === 'true',
    sendsPerSecond: read.LULL_SENDS_PER_SECOND,
    requestsPerMinute: read.LULL_RATE_LIMIT,
    accountRequestsPerMinute: read.LULL_ACCOUNT_RATE_LIMIT ?? ACCOUNT_FACTOR * read.LULL_RATE_LIMIT,
    unknownRequestsPerMinute: read.LULL_UNKNOWN_RATE_LIMIT,
    trustedProxies: read.LULL_TRUSTED_PROXIES,
    connections: read.LULL_CONNECTIONS,
    requestsAtOnce: read.LULL_REQUESTS_AT_ONCE,
    requestsWaiting: read.LULL_REQUESTS_WAITING,
    heavyReads: read.LULL_HEAVY_READS,
    maxDelayMs: read.LULL_MAX_DELAY_MS,
    subscriptions: read.LULL_SUBSCRIPTIONS,
    accountSubscriptions: read.LULL_ACCOUNT_SUBSCRIPTIONS,
    corsOrigins: read.LULL_CORS_ORIGIN,
    logLevel: read.LOG_LEVEL,
    environment: read.NODE_ENV,
  };
}

/** An incomplete set of variables would accept nobody, or everybody. */
function jwtOf({
  LULL_JWKS_URL: jwksUrl,
  LULL_JWT_ISSUER: issuer,
  LULL_JWT_AUDIENCE: audience,
}: z.infer<typeof variables>): Config['jwt'] {
  if (jwksUrl !== undefined && issuer !== undefined && audience !== undefined)
    return { jwksUrl, issuer, audience };
  if (jwksUrl === undefined && issuer === undefined && audience === undefined) return null;
  throw new SetupError('LULL_JWKS_URL, LULL_JWT_ISSUER and LULL_JWT_AUDIENCE must be set all, or none');
}
