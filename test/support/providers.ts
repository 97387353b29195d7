import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';

/** A provider on this machine that is unwell, or well. */
export type Provider = {
  url: string;
  /** Messages that it has been sent so far. */
  calls(): number;
  /** Calls that it keeps open just now. */
  open(): number;
  close(): void;
};

/** What a provider does with a message, once it has read it. */
type Behaviour = (response: ServerResponse) => void;

const OK = JSON.stringify({ sid: 'taken', messages: [{ id: 'taken' }] });

/** Takes every message at once. */
export const takes: Behaviour = (response) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(OK);
/** Accepts the connection, and never answers. */
export const hangs: Behaviour = () => {};
/** Says that it took the message, and sends a byte of the answer's body now and then, without end. */
export const trickles: Behaviour = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 100);
  response.once('close', () => clearInterval(timer));
};
/** Answers, after so many milliseconds. */
export const takesAfter =
  (ms: number): Behaviour =>
  (response) => {
    const timer = setTimeout(() => takes(response), ms);
    response.once('close', () => clearTimeout(timer));
  };

/** Opens a provider that does the same with every message. */
export async function openProvider(behaviour: Behaviour): Promise<Provider> {
  let calls = 0;
  const responses = new Set<ServerResponse>();
  const server: Server = createServer((request, response) => {
    calls++;
    responses.add(response);
    response.once('close', () => responses.delete(response));
    request.resume().once('end', () => behaviour(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: urlOf(server),
    calls: () => calls,
    open: () => responses.size,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Opens a provider that sends a byte of the answer's head now and then, and never comes to its end. */
export async function openHeadTrickler(): Promise<Provider> {
  let calls = 0;
  const timers = new Map<object, NodeJS.Timeout>();
  const server = createTcpServer((socket) => {
    calls++;
    socket.on('error', () => {}).resume();
    socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
    timers.set(
      socket,
      setInterval(() => socket.write('a'), 100),
    );
    socket.once('close', () => {
      clearInterval(timers.get(socket));
      timers.delete(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: urlOf(server),
    calls: () => calls,
    open: () => timers.size,
    close() {
      server.close();
      for (const socket of timers.keys()) (socket as { destroy(): void }).destroy();
    },
  };
}

/** Where nobody listens: connections are refused. */
export async function openRefuser(): Promise<Provider> {
  const { url, close } = await openProvider(hangs);
  close();
  return { url, calls: () => 0, open: () => 0, close: () => {} };
}

function urlOf(server: { address(): unknown }): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
