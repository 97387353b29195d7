import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { PostgresConnection } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { surviveLostClients } from '../../src/jobs/store/postgres-store.ts';

const message = (type: string, body: Buffer) => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const ACCEPTED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const ENDED = message(
  'E',
  Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
);

/** A Postgres that ends each session in the packet in which it accepts it, as at a shutdown just then. */
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.end(Buffer.concat([ACCEPTED, READY, ENDED])));
});
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => server.close());

it('a session that ends as it begins is a failed connection, not the end of the process', async () => {
  const { port } = server.address() as AddressInfo;
  const connection = new PostgresConnection({ host: '127.0.0.1', port, user: 'lull', database: 'lull' });
  surviveLostClients(connection);
  await expect(connection.getListenClient()).rejects.toMatchObject({ code: '57P01' });
  // The failure is not remembered: each later call connects again.
  await expect(connection.getListenClient()).rejects.toMatchObject({ code: '57P01' });
  await connection.close();
});
