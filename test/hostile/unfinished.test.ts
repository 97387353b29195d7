import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { openRaw } from './raw.ts';
import { openWorld, type World } from './world.ts';

const MEGABYTE = 1_000_000;
const READ = JSON.stringify({ query: '{ account { name } }' });

let world: World;
const open: Socket[] = [];
beforeAll(async () => {
  world = await openWorld({ LULL_CONNECTIONS: '600' });
});
afterAll(async () => {
  hangUp();
  await world.isUnharmed();
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

function hangUp(): void {
  for (const socket of open.splice(0)) socket.destroy();
}

const webhook = (account = world.ours) => `/webhooks/${account.accountId}/${account.channels.web}`;
const isServed = async () => (await world.try(world.graphql(READ))).status;

/** Starts a request and sends all of its body except the last byte; answers before that are counted. */
function withhold(path: string, headers: string[], bytes: number): void {
  const { hostname, port } = new URL(world.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => {});
  socket.on('data', () => {});
  const head = [`POST ${path} HTTP/1.1`, 'host: x', `content-length: ${bytes + 1}`, ...headers];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(Buffer.alloc(bytes, 'x'));
  open.push(socket);
}

/** As many and as long as fill 256 MB to the last byte, and waits until they are there. */
async function fill(path: string, headers: string[]): Promise<void> {
  const before = open.length;
  for (let count = 0; count < 290; count++) withhold(path, headers, MEGABYTE - 2);
  await hasArrived(before);
  for (const bytes of [50_000, 1_000, 50, 1])
    for (let count = 0; count < 60; count++) withhold(path, headers, bytes);
  await hasArrived(before);
}

async function hasArrived(from: number): Promise<void> {
  const isGone = (socket: Socket) => socket.destroyed || (!socket.connecting && socket.writableLength === 0);
  await expect.poll(() => open.slice(from).every(isGone), { timeout: 60_000 }).toBe(true);
}

/** A genuine call of 200 KB that takes a second and a half, as on a bad line. */
async function callSlowly(): Promise<number> {
  const { host } = new URL(world.url);
  const { socket, closed } = openRaw(world.url);
  const body = Buffer.alloc(200_000, ' ');
  socket.write(
    `POST ${webhook()} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  for (let at = 0; at < body.length; at += 20_000) {
    socket.write(body.subarray(at, at + 20_000));
    await sleep(150);
  }
  return (await closed).status;
}

describe('bodies that are never finished', () => {
  it('do not keep other callers out if they are sent to a webhook without a key', async () => {
    await fill(webhook(), []);
    for (let count = 0; count < 5; count++) expect(await isServed()).toBe(200);
    // They are unsigned, and therefore refused, but only after the whole body has been read.
    expect((await world.try({ path: webhook(), body: '{}' })).status).toBe(401);
    expect((await world.try({ path: webhook(world.theirs), body: '{}' })).status).toBe(401);
    hangUp();
  });

  it('do not stop a genuine call that takes its time on a slow line', async () => {
    const { hostname } = new URL(world.url);
    expect(hostname).toBe('127.0.0.1');
    const attack = setInterval(() => withhold(webhook(world.theirs), [], MEGABYTE), 20);
    try {
      await sleep(500);
      expect(await callSlowly()).toBe(401);
    } finally {
      clearInterval(attack);
      hangUp();
    }
  });

  it('do not keep another account out if they are sent with the key of one account', async () => {
    const key = await createApiKey(
      world.engine.db,
      { accountId: world.theirs.accountId, name: 'slow', scopes: SCOPES },
      { id: world.engine.deps.newId(), now: new Date() },
    );
    const headers = ['content-type: application/json', `authorization: Bearer ${key}`];
    await fill('/graphql', headers);
    for (let count = 0; count < 5; count++) expect(await isServed()).toBe(200);
    hangUp();
    await world.sql`delete from api_key where account_id = ${world.theirs.accountId} and name = 'slow'`;
  });

  it('are answered 408 and disconnected when they stop arriving', async () => {
    const { socket, closed } = openRaw(world.url, 30_000);
    socket.write(`POST ${webhook()} HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n`);
    socket.write(Buffer.alloc(400_000, 'x'));
    const got = await closed;
    expect(got.status).toBe(408);
    world.check('a body that stops', got);
  });
});

describe('connections', () => {
  it('without a request do not keep other callers out, even far above the limit', async () => {
    const { hostname, port } = new URL(world.url);
    for (let count = 0; count < 900; count++) {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.on('error', () => {});
      socket.on('data', () => {});
      if (count % 2 === 0) socket.write('POST /graphql HTTP/1.1\r\nhost: x\r\nx-slow: ');
      open.push(socket);
    }
    await sleep(1_000);
    for (let count = 0; count < 5; count++) expect(await isServed()).toBe(200);
    await expect.poll(() => open.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(600);
    hangUp();
  });

  it('that send nothing are disconnected within seconds', async () => {
    const { closed } = openRaw(world.url, 30_000);
    expect([0, 408]).toContain((await closed).status);
  });
});

describe('a body that is too long', () => {
  it('is answered 413 while it is still being sent, and a client that reads only afterwards receives the answer', async () => {
    const authorization = `authorization: Bearer ${world.ours.key}`;
    const [length, part] = [`content-length: ${3 * MEGABYTE}`, Buffer.alloc(100_000, 'x')];
    for (const path of [webhook(), '/graphql'])
      for (let count = 0; count < 10; count++) {
        const { socket, closed } = openRaw(world.url);
        socket.pause();
        const head = [`POST ${path} HTTP/1.1`, 'host: x', authorization, 'content-type: application/json'];
        socket.write(`${[...head, length].join('\r\n')}\r\n\r\n`);
        for (let sent = 0; sent < 3 * MEGABYTE && !socket.destroyed; sent += part.length) {
          socket.write(part);
          await sleep(5);
        }
        socket.resume();
        const got = await closed;
        expect([path, count, got.status]).toEqual([path, count, 413]);
        world.check('a long body', got);
      }
  });
});
