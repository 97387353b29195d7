import { EventEmitter } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { DriverOptions } from './driver.ts';
import { ConnectionLostError } from './errors.ts';

/** The SSLRequest message of the protocol, and the server's consent. */
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const TLS_YES = 'S'.charCodeAt(0);
/** The Terminate message of the protocol. */
const GOODBYE = Buffer.from([88, 0, 0, 0, 4]);
const KEEP_ALIVE_MS = 60_000;

type Server = Pick<DriverOptions, 'host' | 'port' | 'path' | 'ssl'>;

/** Connects to a Postgres server, with TLS if `ssl` is set. Rejects with an error that has a code. */
export async function connectSocket(server: Server, withinMs: number): Promise<Socket> {
  const host = String(server.host[0]);
  const socket = server.path ? connect(server.path) : connect(Number(server.port[0]), host);
  const timeout = setTimeout(
    () => socket.destroy(new ConnectionLostError('CONNECT_TIMEOUT', server.path ?? host)),
    withinMs,
  );
  try {
    await happens(socket, 'connect');
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return server.ssl ? await encrypted(socket, host, server.ssl) : socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timeout);
  }
}

async function encrypted(plain: Socket, host: string, ssl: unknown): Promise<Socket> {
  const answered = happens(plain, 'data');
  plain.write(TLS_REQUEST);
  const answer = (await answered) as Buffer;
  // The server sends one byte; more were injected by somebody in between.
  if (answer.length !== 1 || answer[0] !== TLS_YES)
    throw new ConnectionLostError('ECONNREFUSED', `${host}, which does not speak TLS`);
  const name = isIP(host) ? {} : { servername: host };
  const socket = connectTls({ socket: plain, ...name, ...(typeof ssl === 'object' ? ssl : {}) });
  await happens(socket, 'secureConnect');
  return socket;
}

/** The next event of this name; rejects if the socket breaks before. */
function happens(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      socket.off(event, onEvent).off('error', onError).off('close', onClose);
      act();
    };
    const onEvent = (value: unknown) => settle(() => resolve(value));
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new ConnectionLostError('CONNECTION_CLOSED', 'the server')));
    socket.once(event, onEvent).once('error', onError).once('close', onClose);
  });
}

/** A socket that shields the driver from its end. */
export type DriverSocket = {
  forDriver: EventEmitter;
  /** The last byte from the server; at the end of an answer it is the transaction state of the session. */
  lastByte(): number | undefined;
  /** Says goodbye to the server, then closes. */
  leave(): void;
  destroy(): void;
};

/**
 * Shields the driver from the end of a socket: it would reconnect with the rest of the old connection, write to a socket
 * that is gone, and crash the process. Instead `lost` is called once, and later writes of the driver are dropped.
 */
export function guardSocket(real: Socket, lost: (why: Error | null) => void): DriverSocket {
  const events = new EventEmitter();
  let isOver = false;
  let why: Error | null = null;
  const end = () => {
    if (isOver) return;
    isOver = true;
    lost(why);
  };
  let lastByte: number | undefined;
  real.on('data', (chunk) => {
    lastByte = chunk.at(-1);
    if (!isOver) events.emit('data', chunk);
  });
  real.on('drain', () => isOver || events.emit('drain'));
  real.on('error', (error) => {
    why = error;
  });
  real.on('end', end).on('close', end);
  const nothing = () => {};
  const forDriver = Object.assign(events, {
    readyState: 'open',
    write: (chunk: Buffer) => isOver || real.write(chunk),
    ...{ setKeepAlive: nothing, destroy: nothing, end: nothing, pause: nothing, resume: nothing },
  });
  return {
    forDriver,
    lastByte: () => lastByte,
    leave() {
      isOver = true;
      real.end(GOODBYE, () => real.destroy());
    },
    destroy() {
      isOver = true;
      real.destroy();
    },
  };
}
