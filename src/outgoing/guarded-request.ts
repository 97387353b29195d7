import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { type Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { readAnswer } from './answer-body.ts';
import { isPrivateAddress, isPrivateHost } from './private-address.ts';

/** Resolves a host name to its addresses. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export type Outgoing = {
  method: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | string | null;
};

/** The conditions under which a request is sent. */
export type Guard = {
  /** Allows private addresses and http. */
  allowPrivate: boolean;
  /** Aborted at the deadline of the whole response, including its body. */
  signal: AbortSignal;
  /** The limit of the response body in bytes, before and after decompression. */
  maxAnswerBytes: number;
  /** Keep-alive agents. Default: a connection for each request. */
  agents?: { http: Agent; https: HttpsAgent };
  resolve?: Resolve;
};

/** A response. Its body is null if it was too long, too late, truncated, or in an unknown content encoding. */
export type Answer = {
  status: number;
  /** Names and values alternate. */
  rawHeaders: readonly string[];
  headers: IncomingMessage['headers'];
  body: Uint8Array | null;
};

/** There was no response. The message says why and is safe to show to the owner of the URL. */
export class NoAnswerError extends Error {
  /** Whether the receiver may have got the request. If not, a retry is safe. */
  readonly wasSent: boolean;
  /** The system's error code, such as ECONNREFUSED; null if there is none. */
  readonly systemCode: string | null;
  constructor(message: string, { wasSent = false, systemCode = null as string | null } = {}) {
    super(message);
    this.name = 'NoAnswerError';
    this.wasSent = wasSent;
    this.systemCode = systemCode;
  }
}

const NOT_ALLOWED = 'the address is private, loopback or link-local, which is not allowed';
const TOO_LATE = 'no answer in time';

/**
 * Sends a request. Every request to a URL that an account has set goes through this function. Redirects are not
 * followed. Unless private addresses are allowed, every address of the host must be public. The connection uses the
 * checked addresses, so a name cannot resolve to another address after the check (DNS rebinding).
 * @throws NoAnswerError if there is no response
 */
export async function sendGuarded(url: URL, outgoing: Outgoing, guard: Guard): Promise<Answer> {
  const { allowPrivate, maxAnswerBytes, signal } = guard;
  const isHttps = url.protocol === 'https:';
  if (!isHttps && (!allowPrivate || url.protocol !== 'http:')) throw new NoAnswerError('https is needed');
  if (!allowPrivate && isPrivateHost(url.hostname)) throw new NoAnswerError(NOT_ALLOWED);
  if (url.port === '0') throw new NoAnswerError('there is no port 0');
  if (signal.aborted) throw new NoAnswerError(TOO_LATE);
  const { body, headers, method } = outgoing;
  const options = {
    method,
    headers: { ...headers, ...(body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
    agent: guard.agents?.[isHttps ? 'https' : 'http'] ?? false,
    lookup: guardedLookup(guard.resolve ?? ((host) => lookUp(host, { all: true })), allowPrivate),
    signal,
  };
  const request = isHttps ? requestHttps(url, options) : requestHttp(url, options);
  const response = await responseTo(request, isHttps, signal, body);
  return {
    status: response.statusCode ?? 0,
    rawHeaders: response.rawHeaders,
    headers: response.headers,
    body: await readAnswer(response, maxAnswerBytes),
  };
}

function responseTo(
  request: ClientRequest,
  isHttps: boolean,
  signal: AbortSignal,
  body: Outgoing['body'],
): Promise<IncomingMessage> {
  let wasSent = false;
  // Nothing is sent before the connection is established, including TLS.
  request.once('socket', (socket) => {
    if (request.reusedSocket) wasSent = true;
    else socket.once(isHttps ? 'secureConnect' : 'connect', () => (wasSent = true));
  });
  return new Promise((answer, fail) => {
    const failed = (why: string, systemCode: string | null = null) =>
      fail(new NoAnswerError(why, { wasSent, systemCode }));
    request.once('response', answer);
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) failed(TOO_LATE);
      else if (error instanceof NoAnswerError) failed(error.message);
      else failed(`no answer: ${error.code ?? error.message}`, error.code);
    });
    request.once('close', () => failed('no answer: the connection was closed'));
    request.end(body ?? undefined);
  });
}

/** A DNS lookup that fails for hosts with an address that is not allowed. */
function guardedLookup(resolve: Resolve, allowPrivate: boolean): LookupFunction {
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
