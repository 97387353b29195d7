import { setTimeout as delay } from 'node:timers/promises';
import { type BackendFactory, PostgresConnection, PostgresQueueBackend, Queue, Worker } from 'bullmq';
import { type DatabaseAddress, describeAddress, pgPoolConfig } from '../../db/address.ts';
import { hasSqlstate } from '../../db/sqlstate.ts';
import type { Log } from '../../log.ts';
import {
  openPatiently,
  QUEUE_OPTIONS,
  type QueueBackend,
  RETRY_AFTER_MS,
  troubleLog,
  WORKER_OPTIONS,
} from './store.ts';

/** The connections for queries. With the one that listens, a process has at most 4 for all its queues and workers. */
const QUERY_CONNECTIONS = 3;

/** A worker looks for jobs at least this often, even without a notification. */
const MAXIMUM_BLOCK_SECONDS = 5;

/** The errors after the schema of the queue was dropped. */
const SCHEMA_IS_GONE = ['undefinedFunction', 'undefinedTable', 'invalidSchema'] as const;

type Settings = ReturnType<typeof connectionSettings>;

/** The connection settings of BullMQ, which creates and migrates its tables in the schema `<prefix>_queue`. */
export function connectionSettings(database: DatabaseAddress, prefix: string, queryConnections: number) {
  return {
    ...pgPoolConfig(database),
    schema: `${prefix}_queue`,
    migrate: true,
    max: queryConnections,
    query_timeout: 10_000,
  };
}

/** Opens queues on Postgres that share one pool and one listening connection; BullMQ would open 11 for each queue. */
export async function openPostgresBackend(
  database: DatabaseAddress,
  prefix: string,
  log: Log,
): Promise<QueueBackend> {
  const settings = connectionSettings(database, prefix, QUERY_CONNECTIONS);
  const trouble = troubleLog(log, 'the queues');
  const connection = await openPatiently(
    `Postgres at ${describeAddress(database)}`,
    () => connect(settings),
    log,
  );
  connection.setMaxListeners(0);
  connection.on('error', trouble);
  listenInTurn(connection);

  const share: BackendFactory<PostgresQueueBackend, object> = (name, options) =>
    new PostgresQueueBackend(connection, name, { ...options, connection: settings }, false);

  return {
    kind: 'postgres',
    queue(name) {
      const queue = new Queue(name, { connection: {}, ...QUEUE_OPTIONS }, share);
      return queue.on('error', trouble);
    },
    worker(name, run, concurrency) {
      const worker = new Worker(
        name,
        (job) => run(job.data, job.id ?? ''),
        { connection: {}, concurrency, ...WORKER_OPTIONS },
        (...parameters) => robust(share(...parameters), connection, settings),
      );
      return worker.on('error', trouble);
    },
    close: () => connection.close(),
  };
}

/** A connection whose first try failed never recovers: it is closed, and the next try opens another. */
async function connect(settings: Settings): Promise<PostgresConnection> {
  const connection = new PostgresConnection(settings);
  connection.on('error', () => undefined);
  surviveLostClients(connection);
  try {
    await connection.waitUntilReady();
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

type ClientClass = new (
  settings: object,
) => {
  connect(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/**
 * Keeps the process running when the server ends a session. BullMQ does not listen for errors of a client between two
 * queries, nor of the listening client until it is connected, and an error without a listener ends the process.
 */
export function surviveLostClients(connection: PostgresConnection): void {
  // The next query on a lost client rejects.
  connection.pool.on('connect', (client) => client.on('error', () => undefined));
  const { pgModule } = connection as unknown as { pgModule: { Client: ClientClass } };
  class ListeningClient extends pgModule.Client {
    /** Rejects too if the server has ended the session by the time it is connected. */
    override async connect(): Promise<void> {
      const lost: Error[] = [];
      this.on('error', (error) => lost.push(error));
      await super.connect();
      if (lost[0]) throw lost[0];
    }
  }
  Object.assign(connection, { pgModule: { Client: ListeningClient } });
}

/** Makes a worker on a shared connection survive restarts of the server and a dropped schema. */
function robust(
  backend: PostgresQueueBackend,
  connection: PostgresConnection,
  settings: Settings,
): PostgresQueueBackend {
  // BullMQ makes only a backend with a connection of its own listen again.
  connection.on('listenerinvalidated', () => {
    void backend.disconnectBlocking().then(() => backend.reconnectBlocking());
  });

  // After an error a worker waits for the maximum, which is an hour by default.
  Object.defineProperty(backend, 'maximumBlockTimeout', { value: MAXIMUM_BLOCK_SECONDS });

  const moveToActive = backend.moveToActive.bind(backend);
  backend.moveToActive = async (token, workerName) => {
    try {
      return await moveToActive(token, workerName);
    } catch (error) {
      // BullMQ retries at once, and would spin while Postgres starts.
      await delay(RETRY_AFTER_MS);
      if (SCHEMA_IS_GONE.some((name) => hasSqlstate(error, name)))
        await connect({ ...settings, max: 1 }).then((restored) => restored.close());
      throw error;
    }
  };
  return backend;
}

/** Serialises the LISTEN statements of workers: the listening client takes one query at a time. */
function listenInTurn(connection: PostgresConnection): void {
  const getListenClient = connection.getListenClient.bind(connection);
  const orderly = new WeakSet<object>();
  connection.getListenClient = async () => {
    const client = await getListenClient();
    if (orderly.has(client)) return client;
    orderly.add(client);
    const query = client.query.bind(client);
    let last: Promise<unknown> = Promise.resolve();
    client.query = (text, parameters) => {
      const next = last.then(() => query(text, parameters));
      last = next.catch(() => undefined);
      return next;
    };
    return client;
  };
}
