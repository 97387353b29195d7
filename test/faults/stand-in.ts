import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Seen } from './auditor.ts';

/** This many calls that show a message to a customer are accepted without an answer. */
const SILENT = 0.05;

/**
 * All external systems: the receiver of webhooks, a channel's platform and a provider of SMS. It counts what it
 * accepts.
 */
export type StandIn = {
  url: string;
  /** From now on it refuses connections. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  taken(): NonNullable<Seen['taken']>;
  /** The messages shown by SMS, by address. */
  shown(channelId: string): NonNullable<Seen['shown']>;
  close(): Promise<void>;
};

export async function openStandIn(): Promise<StandIn> {
  const byEffect = new Map<string, number>();
  const byAddress = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  let server: Server;
  let port = 0;

  async function comeBack(): Promise<void> {
    server = createServer(async (request, response) => {
      const body = await text(request);
      if (request.url === '/webhooks') count(byEffect, String(request.headers['webhook-id']));
      else if (request.url === '/messages') count(byEffect, JSON.parse(body).id);
      else {
        count(byAddress, String(new URLSearchParams(body).get('To')));
        if (Math.random() < SILENT) return void request.socket.destroy();
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ sid: `SM${randomBytes(16).toString('hex')}` }));
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }

  async function goDown(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  await comeBack();
  return {
    url: `http://127.0.0.1:${port}`,
    goDown,
    comeBack,
    taken: () => [...byEffect].map(([outbox_id, times]) => ({ outbox_id, times })),
    shown: (channel_id) => [...byAddress].map(([address, times]) => ({ channel_id, address, times })),
    close: goDown,
  };
}
