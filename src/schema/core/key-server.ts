import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { UnavailableError } from '../../domain/errors.ts';

export type KeyServerOptions = {
  /** The time limit of one request to the key server. */
  timeoutMs?: number;
  /** The pause after a request for an unknown key; after a failure it is a third of this. */
  cooldownMs?: number;
  /** The limits of how long keys are cached; within them the response's `cache-control: max-age` decides. */
  cacheMs?: { most: number; least: number };
  /** Requests that can wait for the key server at a time; others are refused at once. */
  waiting?: number;
};

const DEFAULTS = {
  timeoutMs: 2_000,
  cooldownMs: 30_000,
  cacheMs: { most: 600_000, least: 60_000 },
  waiting: 32,
} satisfies KeyServerOptions;
/** Bytes of a response. The keys of an issuer take a few KB. */
const MAX_BYTES = 1_000_000;
const UNAVAILABLE = 'the keys that verify tokens cannot be read right now: retry';

/** NONE: nothing cached. DUE: over half of the lifetime, so to be read again in the background. EXPIRED: to be read first. */
type Age = 'NONE' | 'FRESH' | 'DUE' | 'EXPIRED';
type KeyServer = {
  options: Required<KeyServerOptions>;
  age: Age;
  aging: NodeJS.Timeout[];
  /** Whether a request failed a short time ago: until that has passed no further one is sent. */
  hasFailedLately: boolean;
  waiting: number;
};

/**
 * Makes the function that finds the key of a token among those that the key server publishes. Concurrent lookups share one
 * request, of at most 2 s, and after a failure none is sent for 10 s. Keys are cached for at most 10 minutes and read again in
 * the background after half of that. So a shorter failure of the server goes unnoticed, and a withdrawn key works for at most
 * 10 minutes. An unknown key is looked up once in 30 s. The function throws UnavailableError if the keys cannot be read.
 */
export function openKeyServer(url: string, options: KeyServerOptions = {}): JWTVerifyGetKey {
  const server: KeyServer = {
    options: { ...DEFAULTS, ...options },
    ...{ age: 'NONE', aging: [], hasFailedLately: false, waiting: 0 },
  };
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: server.options.timeoutMs,
    cooldownDuration: server.options.cooldownMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [customFetch]: (...request) => fetchKeys(server, request),
  });
  return async (header, token) => {
    try {
      if (server.age === 'EXPIRED') await waitFor(server, () => remote.reload());
      else if (server.age === 'DUE' && !remote.reloading && !server.hasFailedLately)
        remote.reload().catch(() => {});
      const isKnown = remote.jwks()?.keys.some(({ kid }) => kid === header.kid) ?? false;
      return await (isKnown ? remote(header, token) : waitFor(server, () => remote(header, token)));
    } catch (error) {
      if (isInvalidToken(error)) throw error;
      throw new UnavailableError(UNAVAILABLE);
    }
  };
}

async function fetchKeys(server: KeyServer, request: Parameters<typeof fetch>): Promise<Response> {
  if (server.hasFailedLately) throw new UnavailableError(UNAVAILABLE);
  try {
    const response = await fetch(...request);
    if (response.status !== 200) throw new Error(`the key server answers ${response.status}`);
    const body = JSON.parse(await readBody(response));
    // Throws unless the body is a set of keys.
    createLocalJWKSet(body);
    becomeFresh(server, maxAgeOf(response, server.options.cacheMs));
    return Response.json(body);
  } catch (error) {
    server.hasFailedLately = true;
    setTimeout(() => {
      server.hasFailedLately = false;
    }, server.options.cooldownMs / 3).unref();
    throw error;
  }
}

/** Starts the lifetime of the keys. */
function becomeFresh(server: KeyServer, maxAgeMs: number): void {
  for (const timer of server.aging) clearTimeout(timer);
  server.age = 'FRESH';
  const becomeLater = (age: Age, afterMs: number) =>
    setTimeout(() => {
      server.age = age;
    }, afterMs).unref();
  server.aging = [becomeLater('DUE', maxAgeMs / 2), becomeLater('EXPIRED', maxAgeMs)];
}

/** @throws UnavailableError if too many requests wait for the key server already */
async function waitFor<Found>(server: KeyServer, work: () => Promise<Found>): Promise<Found> {
  if (server.waiting >= server.options.waiting) throw new UnavailableError(UNAVAILABLE);
  server.waiting++;
  try {
    return await work();
  } finally {
    server.waiting--;
  }
}

/** @throws Error if the body is longer than `MAX_BYTES` */
async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`the response of the key server has more than ${MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function maxAgeOf({ headers }: Response, { most, least }: { most: number; least: number }): number {
  const cacheControl = headers.get('cache-control') ?? '';
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return least;
  const seconds = /\bmax-age=(\d{1,9})\b/i.exec(cacheControl)?.[1];
  return seconds === undefined ? most : Math.min(most, Math.max(least, Number(seconds) * 1_000));
}

/** Whether the token itself is invalid. A failure of the key server says nothing about the token. */
export function isInvalidToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC'
  );
}
