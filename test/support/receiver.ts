import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A call that a receiver took. */
export type Call = { headers: IncomingHttpHeaders; body: string };

/** A server on this machine that keeps what it is sent and answers as it is told to. */
export async function openReceiver(statusOf: (call: Call, earlier: readonly Call[]) => number) {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    text(request).then((body) => {
      const call = { headers: request.headers, body };
      response.writeHead(statusOf(call, calls)).end();
      calls.push(call);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The signature that Standard Webhooks asks for, reckoned from its specification. */
export function standardSignature({ headers, body }: Call, secret: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

/** The signature of Lull's own wire, reckoned from its description. */
export function lullSignature({ headers, body }: Call, secret: string): string {
  const [, timestamp] = /^t=(\d+),/.exec(String(headers['lull-signature'])) ?? [];
  return `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}
