import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import type { Sql } from 'postgres';
import { vi } from 'vitest';
import { type DatabaseAddress, pgPoolConfig } from '../../src/db/address.ts';
import { createLog } from '../../src/log.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { onServer } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';

/** A store of queues with injectable failures. `options` connect to it through a proxy that can be closed. */
export type Store = {
  options: { redisUrl?: string; database: DatabaseAddress; log: ReturnType<typeof createLog> };
  /** The log so far. */
  logged(): string;
  /** Ends every connection, as a restart does, and accepts new ones. */
  killConnections(): Promise<void>;
  /** Removes every row or key. */
  wipe(): Promise<void>;
  /** Refuses connections until `comeBack`, like a server that is down. */
  goDown(): Promise<void>;
  /** Stops answering, like a server behind a firewall, until it goes down and comes back. */
  hang(): void;
  comeBack(): Promise<void>;
  drop(): Promise<void>;
};

/** Both stores, for `describe.each`. */
export const STORES = [
  { kind: 'postgres', open: openPostgresStore },
  { kind: 'redis', open: openRedisStore },
] as const;

/** Options of a store that does not exist. */
export function unreachable(kind: 'postgres' | 'redis') {
  return kind === 'redis'
    ? { redisUrl: 'redis://ann:hidden@127.0.0.1:1' }
    : { database: { url: 'postgres://ann:hidden@127.0.0.1:1/lull' } };
}

async function openPostgresStore(): Promise<Store> {
  const { address, drop } = await createEmptyDatabase();
  const { host, port, user, password, database } = pgPoolConfig(address);
  const gate = await openGate(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const { log, logged } = listeningLog();
  return {
    options: { database: { url: `postgres://${user}${secret}@127.0.0.1:${gate.port}/${database}` }, log },
    logged,
    async killConnections() {
      await onServer(
        address,
        (sql) => sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`,
      );
    },
    async wipe() {
      // The statement may lose a deadlock against a worker that looks for jobs.
      await vi.waitFor(() => onServer(address, wipeTables), { timeout: 60_000, interval: 50 });
    },
    goDown: gate.shut,
    hang: gate.jam,
    comeBack: gate.open,
    async drop() {
      await gate.shut();
      await drop();
    },
  };
}

async function wipeTables(sql: Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname = 'lull_queue' and tablename <> 'migration'`;
  await sql.unsafe(`truncate ${tables.map(({ name }) => name).join(', ')}`);
}

async function openRedisStore(): Promise<Store> {
  const server = await startRedis();
  const { hostname: host, port } = new URL(server.url);
  const gate = await openGate({ host, port: Number(port) });
  const admin = new Redis(server.url);
  const { log, logged } = listeningLog();
  return {
    options: {
      redisUrl: `redis://127.0.0.1:${gate.port}`,
      database: { url: 'postgres://127.0.0.1:1/none' },
      log,
    },
    logged,
    async killConnections() {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
    async wipe() {
      await admin.flushall();
      await admin.script('FLUSH');
    },
    goDown: gate.shut,
    hang: gate.jam,
    comeBack: gate.open,
    async drop() {
      await gate.shut();
      admin.disconnect();
      await server.stop();
    },
  };
}

function listeningLog() {
  const lines: string[] = [];
  const log = createLog({ logLevel: 'info' }, { write: (line) => lines.push(line) });
  return { log, logged: () => lines.join('') };
}

/** A proxy to a server, on its own port. */
export async function openGate(server: { path: string } | { host: string; port: number }) {
  const sockets = new Set<Socket>();
  let isJammed = false;
  const gate = createServer((outside) => {
    const inside = connect(server);
    for (const [socket, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      if (!isJammed) socket.pipe(other);
    }
  });
  const listen = async (port: number) => {
    gate.listen(port, '127.0.0.1');
    await once(gate, 'listening');
    return (gate.address() as { port: number }).port;
  };
  const port = await listen(0);
  return {
    port,
    async open() {
      isJammed = false;
      await listen(port);
    },
    jam() {
      isJammed = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    async shut() {
      if (!gate.listening) return;
      const closed = once(gate, 'close');
      gate.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
