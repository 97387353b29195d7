import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPrivateAddress, isPrivateHost } from '../lifecycle/private-address.ts';

/** Finds the addresses that a name leads to. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** How posts are made. */
export type PostOptions = {
  /** Whether they may go to private addresses, and by http. */
  allowPrivate: boolean;
  /** By when there has to be an answer. */
  withinMs: number;
  resolve?: Resolve;
};

/** An answer, as far as it is looked at: not its body. */
export type Answer = { status: number; retryAfter: string | null };

/** There was no answer; the message says why, in words that may be shown to whoever set the address. */
export class NoAnswerError extends Error {}

const NOT_ALLOWED = 'the address is private, loopback or link-local, which is not allowed';

/**
 * Posts a body. Redirects are not followed, and nothing of the answer's body is read. Where private addresses are not
 * allowed, a name is connected to only if every address it leads to is public; what was looked at is what is connected
 * to, so that a name cannot lead elsewhere in between.
 * @throws NoAnswerError
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  { allowPrivate, withinMs, resolve = (host) => lookUp(host, { all: true }) }: PostOptions,
): Promise<Answer> {
  const target = new URL(url);
  const isHttps = target.protocol === 'https:';
  if (!allowPrivate && !isHttps) throw new NoAnswerError('https is needed');
  if (!allowPrivate && isPrivateHost(target.hostname)) throw new NoAnswerError(NOT_ALLOWED);
  const signal = AbortSignal.timeout(withinMs);
  const request = (isHttps ? requestHttps : requestHttp)(target, {
    method: 'POST',
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
    // A connection of its own: one that was kept would have been looked at for another post.
    agent: false,
    lookup: checked(resolve, allowPrivate),
    signal,
  });
  return await new Promise<Answer>((answer, fail) => {
    const failed = (why: string) => fail(new NoAnswerError(why));
    request.once('response', (response) => {
      answer({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? null });
      response.on('error', () => {}).destroy();
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) failed(`no answer within ${withinMs / 1000} s`);
      else
        failed(error instanceof NoAnswerError ? error.message : `no answer: ${error.code ?? error.message}`);
    });
    request.once('close', () => failed('no answer: the connection was closed'));
    request.end(body);
  });
}

/** A lookup that gives only what may be connected to. */
function checked(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (host, { all }, callback) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) return callback(new NoAnswerError('the name leads to no address'), '');
        if (!allowPrivate && addresses.some(({ address }) => isPrivateAddress(address)))
          return callback(new NoAnswerError(NOT_ALLOWED), '');
        if (all) return callback(null, [...addresses]);
        callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}
