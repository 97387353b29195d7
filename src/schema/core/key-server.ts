import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { UnavailableError } from '../../domain/errors.ts';

/** How the key server is asked. */
export type KeyServerOptions = {
  /** How long an answer may take. */
  timeoutMs?: number;
  /** How long nobody asks again after an answer, for a key that is not there, or after a failure. */
  cooldownMs?: number;
  /** How long keys hold at most, and at least; in between it goes by the answer's `cache-control: max-age`. */
  cacheMs?: { most: number; least: number };
  /** So many requests wait for it at a time; others are refused at once. */
  waiting?: number;
};

const CACHE_MS = { most: 600_000, least: 60_000 };
/** The keys of an issuer are a few KB. */
const MAX_BYTES = 1_000_000;

/**
 * Makes what finds the key that a token is signed with, among those that a server publishes. It is asked once for all
 * who wait, for 2 s, and not for a while after it failed. Keys hold for 10 minutes at most, and are read again, behind
 * the requests, once half of their time is over: so a server that is away for less than that is missed by nobody, and a
 * key that it does not publish any more is good for 10 minutes at most. An unknown key is looked for once in 30 s.
 * What it makes throws UnavailableError where the keys cannot be read just now.
 */
export function openKeyServer(
  url: string,
  { timeoutMs = 2_000, cooldownMs = 30_000, cacheMs = CACHE_MS, waiting: most = 32 }: KeyServerOptions = {},
): JWTVerifyGetKey {
  let age: 'NONE' | 'FRESH' | 'DUE' | 'OVER' = 'NONE';
  let aging: NodeJS.Timeout[] = [];
  let failedLately = false;
  let waiting = 0;

  /** Keys are as old as the question for them, whatever time the answer takes. */
  function becomeFresh(maxAgeMs: number): void {
    for (const timer of aging) clearTimeout(timer);
    age = 'FRESH';
    const becomeLater = (next: typeof age, afterMs: number) =>
      setTimeout(() => {
        age = next;
      }, afterMs).unref();
    aging = [becomeLater('DUE', maxAgeMs / 2), becomeLater('OVER', maxAgeMs)];
  }

  async function ask(...given: Parameters<typeof fetch>): Promise<Response> {
    if (failedLately) throw new UnavailableError(CANNOT);
    try {
      const response = await fetch(...given);
      if (response.status !== 200) throw new Error(`the key server answers ${response.status}`);
      const body = JSON.parse(await readText(response));
      // It throws where these are no keys.
      createLocalJWKSet(body);
      becomeFresh(maxAgeOf(response, cacheMs));
      return Response.json(body);
    } catch (error) {
      failedLately = true;
      setTimeout(() => {
        failedLately = false;
      }, cooldownMs / 3).unref();
      throw error;
    }
  }

  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [customFetch]: ask,
  });

  /** Waits for the server, where few enough do. */
  async function wait<Found>(work: () => Promise<Found>): Promise<Found> {
    if (waiting >= most) throw new UnavailableError(CANNOT);
    waiting++;
    try {
      return await work();
    } finally {
      waiting--;
    }
  }

  return async (header, token) => {
    try {
      if (age === 'OVER') await wait(() => remote.reload());
      else if (age === 'DUE' && !remote.reloading && !failedLately) remote.reload().catch(() => {});
      const isKnown = remote.jwks()?.keys.some(({ kid }) => kid === header.kid) ?? false;
      return await (isKnown ? remote(header, token) : wait(() => remote(header, token)));
    } catch (error) {
      if (isTheTokensFault(error)) throw error;
      throw new UnavailableError(CANNOT);
    }
  };
}

const CANNOT = 'the keys that tokens are signed with cannot be read just now';

/** @throws Error where a body is longer than keys are */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error('the answer of the key server is too long');
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

/** What cannot be read of the key server is no fault of the token, which may well be good. */
export function isTheTokensFault(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC'
  );
}
