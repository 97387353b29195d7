import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { type Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { readAnswer } from './answer-body.ts';
import { isPrivateAddress, isPrivateHost } from './private-address.ts';

/** Finds the addresses that a name leads to. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** A request that goes out. */
export type Outgoing = {
  method: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | string | null;
};

/** How a request goes out. */
export type Guard = {
  /** Whether it may go to private addresses, and by http. */
  allowPrivate: boolean;
  /** Aborted when there has to be an answer, its body included. */
  signal: AbortSignal;
  /** The most bytes of the answer's body that are read, both as they come and unpacked. */
  maxAnswerBytes: number;
  /** Keep connections for later requests to the same host; without them each request has its own. */
  agents?: { http: Agent; https: HttpsAgent };
  resolve?: Resolve;
};

/** An answer; its body is null where it was cut: too long, too late, broken off, or packed in a way that is not read. */
export type Answer = {
  status: number;
  /** Names and values by turns. */
  rawHeaders: readonly string[];
  headers: IncomingMessage['headers'];
  body: Uint8Array | null;
};

/** There was no answer; the message says why, in words that may be shown to whoever set the address. */
export class NoAnswerError extends Error {
  /** Whether the other side may have got the request; if not, it can be made again without harm. */
  readonly wasSent: boolean;
  /** What the system calls it, such as ECONNREFUSED; null where it has no name for it. */
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
 * Makes a request: the one way out to addresses that accounts have set. Redirects are not followed. Where private
 * addresses are not allowed, a name is connected to only if every address it leads to is public; the addresses that
 * were looked at are those that are connected to, so that a name cannot lead elsewhere in between.
 * @throws NoAnswerError
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
    lookup: checked(guard.resolve ?? ((host) => lookUp(host, { all: true })), allowPrivate),
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
  // Nothing is written before the connection stands, with TLS where there is TLS.
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

/** A lookup that gives only addresses that may be connected to. */
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
