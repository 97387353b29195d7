import { createPostgresRelayBackend, type PostgresConnection, Relay, type RelaySubscription } from 'bullmq';
import { type DatabaseAddress, describeAddress } from '../db/address.ts';
import type { Log } from '../log.ts';
import { within } from '../within.ts';
import { connectionSettings, surviveLostClients } from './store/postgres-store.ts';
import { openRedis } from './store/redis-store.ts';
import { openPatiently, type Trouble, troubleLog } from './store/store.ts';

/** After the store was wiped, a process receives nothing until its next heartbeat. */
const HEARTBEAT_MS = 2_000;

/** A process without a heartbeat for this long loses its subscriptions and unread messages. */
const LEASE_MS = 15_000;

/** The maximum number of unread messages of a process; the oldest are dropped. */
const UNREAD_MESSAGES = 1_000;

const CLOSE_WITHIN_MS = 1_000;

/**
 * Messages between processes, best effort: messages published while the store is away, or just after it was wiped, are
 * lost. A reader that must miss nothing reads the events in the database.
 */
export type Fanout = {
  /**
   * Sends up to 512 KiB of JSON to every subscriber of the topic, in this process too. Never rejects.
   * A topic consists of words of letters, digits, `_` and `-`, joined by dots.
   */
  publish(topic: string, message: unknown): Promise<void>;
  /** Calls the handler with every message until the returned function is called. Rejects if the store is away. */
  subscribe(topic: string, handler: (message: unknown) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

type OpenFanout = {
  redisUrl?: string | undefined;
  database: DatabaseAddress;
  prefix?: string;
  log: Log;
};

/**
 * Opens fan-out over BullMQ's Relay on two connections: to Redis if `redisUrl` is set, else to Postgres.
 * @throws SetupError with exit code 3 if the store is not reachable
 */
export async function openFanout({ redisUrl, database, prefix = 'lull', log }: OpenFanout): Promise<Fanout> {
  const trouble = troubleLog(log, 'fan-out between processes');
  const { relay, disconnect } =
    redisUrl === undefined
      ? await openPostgresRelay(database, prefix, log)
      : await openRedisRelay(redisUrl, prefix, trouble, log);
  relay.on('error', trouble);
  const topics = new Map<string, Topic>();

  return {
    async publish(topic, message) {
      await relay.publish(topic, message).catch(trouble);
    },

    async subscribe(topic, handler) {
      const subscriber = { handler };
      const open = topics.get(topic) ?? openTopic(relay, topic, log);
      topics.set(topic, open);
      open.subscribers.add(subscriber);

      const leave = async () => {
        open.subscribers.delete(subscriber);
        if (open.subscribers.size > 0) return;
        if (topics.get(topic) === open) topics.delete(topic);
        await open.subscription.then((subscription) => subscription.unsubscribe()).catch(trouble);
      };
      try {
        await open.subscription;
      } catch (error) {
        await leave();
        throw error;
      }
      return leave;
    },

    async close() {
      await within(CLOSE_WITHIN_MS, 'fan-out', relay.close()).catch(trouble);
      disconnect();
    },
  };
}

/** The single subscription of this process to a topic, shared by its subscribers. */
type Topic = {
  subscribers: Set<{ handler: (message: unknown) => void }>;
  subscription: Promise<RelaySubscription>;
};

function openTopic(relay: AnyRelay, topic: string, log: Log): Topic {
  const subscribers: Topic['subscribers'] = new Set();
  const subscription = relay.subscribe(topic, ({ data }) => {
    for (const { handler } of subscribers) {
      try {
        handler(data);
      } catch (error) {
        log.error({ err: error, topic }, 'a subscriber failed');
      }
    }
  });
  return { subscribers, subscription };
}

const RELAY_OPTIONS = {
  namespace: 'lull',
  heartbeatInterval: HEARTBEAT_MS,
  leaseDuration: LEASE_MS,
  inboxMaxLength: UNREAD_MESSAGES,
};

/** The members of the relay that both stores have. The class is typed by its connection. */
type AnyRelay = Pick<Relay, 'publish' | 'subscribe' | 'on' | 'waitUntilReady' | 'close'>;

type OpenRelay = { relay: AnyRelay; disconnect(): void };

async function openPostgresRelay(database: DatabaseAddress, prefix: string, log: Log): Promise<OpenRelay> {
  const connection = connectionSettings(database, prefix, 1);
  const backend: typeof createPostgresRelayBackend = (options) => {
    const made = createPostgresRelayBackend(options);
    surviveLostClients((made as unknown as { connection: PostgresConnection }).connection);
    return made;
  };
  const open = () => ready(new Relay({ ...RELAY_OPTIONS, connection, backend }));
  const relay = await openPatiently(`Postgres at ${describeAddress(database)}`, open, log);
  return { relay, disconnect: () => undefined };
}

async function openRedisRelay(
  redisUrl: string,
  prefix: string,
  trouble: Trouble,
  log: Log,
): Promise<OpenRelay> {
  const { redis, where, disconnect } = await openRedis(redisUrl, trouble, log);
  const open = () => ready(new Relay({ ...RELAY_OPTIONS, connection: redis, prefix }));
  const relay = await openPatiently(where, open, log);
  return { relay, disconnect };
}

/** A relay whose first connection failed never recovers: it is closed, and the next try opens another. */
async function ready(relay: AnyRelay): Promise<AnyRelay> {
  relay.on('error', () => undefined);
  try {
    await relay.waitUntilReady();
    return relay;
  } catch (error) {
    await relay.close();
    throw error;
  }
}
