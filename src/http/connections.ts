import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf } from './client-address.ts';

/** The connections of one sender in the order of their last use: idle ones, and ones with a request. */
type Held = { idle: Set<Socket>; busy: Set<Socket> };

/**
 * Limits the number of a server's connections. Above it, the longest idle connection of the sender with the most
 * idle ones is closed. The new connection is closed only if no other is idle.
 */
export function limitConnections(server: Server, most: number): void {
  const senders = new Map<string, Held>();
  let open = 0;

  /** The sender with the most idle connections; null if there is none. */
  function mostIdle(): Held | null {
    let found: Held | null = null;
    for (const held of senders.values()) if (held.idle.size > (found?.idle.size ?? 0)) found = held;
    return found;
  }

  function closeIdle(): boolean {
    const idle = mostIdle()?.idle;
    const [victim] = idle ?? [];
    if (victim === undefined) return false;
    // A destroyed socket emits `close` only later.
    idle?.delete(victim);
    victim.destroy();
    return true;
  }

  server.on('connection', (socket: Socket) => {
    if (open >= most && !closeIdle()) return socket.destroy();
    const sender = networkOf(socket.remoteAddress ?? '');
    const held = senders.get(sender) ?? { idle: new Set(), busy: new Set() };
    senders.set(sender, held);
    held.idle.add(socket);
    open++;
    socket.once('close', () => {
      open--;
      held.idle.delete(socket);
      held.busy.delete(socket);
      if (held.idle.size + held.busy.size === 0) senders.delete(sender);
    });
  });

  server.on('request', ({ socket }: { socket: Socket }, response: ServerResponse) => {
    const held = senders.get(networkOf(socket.remoteAddress ?? ''));
    if (!held?.idle.delete(socket)) return;
    held.busy.add(socket);
    response.once('close', () => {
      if (held.busy.delete(socket) && !socket.destroyed) held.idle.add(socket);
    });
  });
}
