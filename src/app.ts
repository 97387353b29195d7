import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import { requireAdapters } from './accounts/adapters-in-use.ts';
import { createIdentifierHash } from './accounts/identifier-hash.ts';
import { channelSetup } from './adapters/adapter.ts';
import { BUILT_IN } from './adapters/built-in.ts';
import { catalogueOf } from './adapters/catalogue.ts';
import { createRegistry, type Registry } from './adapters/registry.ts';
import { openSettingsStore, type SettingsStore } from './adapters/settings.ts';
import { canonicalJson } from './adapters/shared/canonical-json.ts';
import { closingResolver } from './adapters/shared/resolve-closing.ts';
import { createVault, type Vault } from './adapters/vault.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { DatabaseAddress } from './db/address.ts';
import { connectWithRetry, type Database, type OpenDatabase } from './db/client.ts';
import { startEmbedded } from './db/embedded/embedded.ts';
import { openHeavyReads } from './db/heavy-reads.ts';
import { MIGRATIONS, migrateDatabase } from './db/migrate.ts';
import { isMigrated } from './db/readiness.ts';
import { writeProbe } from './db/rows/heartbeat.ts';
import { claimVault, rescheduleOnNewRules } from './db/service-state.ts';
import { PROFILES } from './domain/policy/profiles.ts';
import type { AfterCommit, ServiceDeps } from './engine.ts';
import type { Metrics } from './http/metrics.ts';
import { type HttpServer, startHttp } from './http/server.ts';
import { openMicroBatcher } from './ingest/micro-batcher.ts';
import { type RecordDeps, recordInTransaction } from './ingest/record-activities.ts';
import { type Fanout, openFanout } from './jobs/fanout.ts';
import { startHeartbeat } from './jobs/heartbeat.ts';
import { openQueues, type Queues } from './jobs/queues.ts';
import type { Log } from './log.ts';
import { type FetchWithin, openGuardedFetch } from './outgoing/guarded-fetch.ts';
import { readTargetUrl } from './outgoing/target-url.ts';
import { recordDowntime } from './rules/downtime.ts';
import { openRulesCache } from './rules/rules-cache.ts';
import { openAccess } from './schema/core/access.ts';
import { loadAdapters } from './start/load-adapters.ts';
import { type Beforehand, openClock } from './start/open-clock.ts';
import { openMetrics, serveMetrics } from './start/open-metrics.ts';
import { openSteps, subscribeToChanges } from './start/open-steps.ts';
import { readSecretKey } from './start/secret-key.ts';
import { startWorker } from './start/start-worker.ts';
import { openLaneDirectory } from './wake/lane-directory.ts';

/** The engine's connections by role. Calls of the API cannot use them. */
const ENGINE_CONNECTIONS: Readonly<Record<Role, number>> = { all: 10, worker: 16, api: 4 };
/** The connections of the API's short calls. Heavy requests have others. */
const API_CONNECTIONS = 12;

/**
 * The engine of a process: everything except HTTP. Its parts are closed in the reverse order of their
 * dependencies.
 */
export type Engine = {
  deps: ServiceDeps;
  db: Database;
  clock: Clock;
  queues: Queues;
  fanout: Fanout;
  registry: Registry;
  /** Encrypts the secrets of channels and endpoints. */
  vault: Vault;
  settings: SettingsStore;
  /** The guarded `fetch` that adapters get. */
  fetchWithin: FetchWithin;
  /** Null if no metrics are collected. */
  metrics: Metrics | null;
  log: Log;
  close(): Promise<void>;
};

/** The functions that close what is open, the newest first. */
type Closers = (() => Promise<void> | void)[];
async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/**
 * Opens the engine: the migrated database, the clock and the queue. `beforehand` runs once the database is migrated, in one
 * process at a time. @throws SetupError if a dependency is missing
 */
export async function openEngine(
  config: Config,
  log: Log,
  beforehand: Beforehand | null = null,
  role: Role = 'worker',
): Promise<Engine> {
  const closers: Closers = [];
  try {
    const added = await loadAdapters(config.adapterModules, BUILT_IN);
    const registry = createRegistry([...BUILT_IN, ...added]);
    const address = await databaseAddress(config, log, closers);
    const db = await connectWithRetry(address, log, { connections: ENGINE_CONNECTIONS[role] });
    closers.push(() => db.close());
    const clock = await openClock(db, log, beforehand, closers);
    await migrateDatabase(address, log, MIGRATIONS, async () => {
      // While the time is in doubt no lane is woken, and the length of a downtime is unknown.
      if (clock.isTrusted()) await beforehand?.({ db, clock, log });
    });

    const rulesOfAdapter = (adapter: string, settings: unknown) =>
      channelSetup(registry.get(adapter), settings);
    await requireAdapters(
      db.sql,
      registry.list().map(({ id }) => id),
    );
    await rescheduleOnNewRules(db.sql, hashOfRules(registry));
    const secretKey = await readSecretKey(config);
    const vault = createVault(secretKey);
    await claimVault(db.sql, vault.fingerprint);
    const allowPrivate = config.allowPrivateProviders;
    const settings = openSettingsStore(registry, vault, (text, field) =>
      readTargetUrl(text, field, allowPrivate),
    );
    const fetchWithin = openGuardedFetch({ allowPrivate });

    const { redisUrl } = config;
    const queues = await openQueues({ redisUrl, database: address, log });
    closers.push(() => queues.close());
    const fanout = await openFanout({ redisUrl, database: address, log });
    closers.push(() => fanout.close());
    const afterCommit = openSteps({ queues, fanout, clock, log }, closers);
    const metrics = openMetrics(config, { db, clock, queues, log });
    const deps = withRecording(
      {
        ...{ db, clock, rulesOfAdapter },
        rules: openRulesCache(db.sql, rulesOfAdapter),
        lanes: openLaneDirectory(() => v7()),
        newId: () => v7(),
        identifierHash: createIdentifierHash(secretKey),
        ...(metrics && { woke: metrics.woke }),
      },
      afterCommit,
    );
    const parts = { deps, db, clock, queues, fanout, registry, vault, settings, fetchWithin, metrics, log };
    return { ...parts, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/**
 * Adds recording to what flows work with. Its micro-batcher belongs to these `deps`: calls share a transaction only if they share a
 * database pool.
 */
export function withRecording(deps: RecordDeps, afterCommit: AfterCommit): ServiceDeps {
  const live = { mode: { kind: 'LIVE' }, around: null } as const;
  return {
    ...deps,
    afterCommit,
    record: openMicroBatcher((accountId, activities, calls) =>
      afterCommit(recordInTransaction(deps, { ...live, accountId, activities, isBatch: calls > 1 })),
    ),
    recordAround: (accountId, activities, around) =>
      recordInTransaction(deps, { ...live, accountId, activities, around, isBatch: false }),
  };
}

/** The role of a process: serve the API, wake lanes and send effects, or both. */
export type Role = 'api' | 'worker' | 'all';

/**
 * A running service: the engine, its worker, and the URLs of its API and its metrics, null if it does not serve
 * them.
 */
export type Service = {
  engine: Engine;
  url: string | null;
  metricsUrl: string | null;
  close(): Promise<void>;
};

/**
 * Starts the service in one role or in both. A downtime before it is first recorded as an outage, so that nothing
 * ends because of it (LL-7). While the API runs it writes heartbeats. Closing lets running requests and wakes
 * finish.
 * @throws SetupError if a dependency is missing or the port is in use
 */
export async function startService(config: Config, log: Log, role: Role = 'all'): Promise<Service> {
  const engine = await openEngine(config, log, noteDowntime, role);
  const closers: Closers = [() => engine.close()];
  try {
    const metrics = await serveMetrics(engine, config);
    closers.push(() => metrics?.close());
    const waysIn: Closers = [];
    closers.push(() => closeAll(waysIn));
    const http = role === 'worker' ? null : await startApi(engine, config, waysIn);
    waysIn.push(() => http?.close());
    const heartbeat = http && (await startHeartbeat(engine, log));
    waysIn.push(() => heartbeat?.stop());
    const worker = role === 'api' ? null : startWorker(engine, config);
    // In parallel: a slow send must not shorten the time of requests.
    closers.push(async () => void (await Promise.all([worker?.close(), closeAll(waysIn)])));
    closers.push(() => metrics?.leave());
    return {
      engine,
      url: http?.url ?? null,
      metricsUrl: metrics?.url ?? null,
      close: () => closeAll(closers),
    };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

async function noteDowntime({ db, clock, log }: Parameters<Beforehand>[0]): Promise<void> {
  const downtime = await recordDowntime({ db, clock, newId: () => v7() });
  if (downtime) log.warn(downtime, 'the service was down; that time does not count');
}

/** Starts the API on its own connections, and adds what must be closed after it to the closers. */
async function startApi(engine: Engine, config: Config, closers: Closers): Promise<HttpServer> {
  const { log } = engine;
  const { address } = engine.db;
  const db = await connectWithRetry(address, log, {
    connections: API_CONNECTIONS,
    connectionsOfOne: API_CONNECTIONS / 2,
  });
  closers.push(() => db.close());
  const open = (options: OpenDatabase) => connectWithRetry(address, log, options);
  const heavy = await openHeavyReads(open, { places: config.heavyReads });
  closers.push(() => heavy.close());
  const deps = withRecording({ ...engine.deps, db }, engine.deps.afterCommit);
  const server = await startHttp(
    {
      ...deps,
      heavy,
      log,
      resolveClosing: closingResolver(engine.registry, engine.settings),
      adapters: catalogueOf(engine.registry),
      registry: engine.registry,
      settings: engine.settings,
      fetchWithin: engine.fetchWithin,
      readSettings: engine.settings.toStore,
      vault: engine.vault,
      allowPrivateWebhooks: config.allowPrivateWebhooks,
      subscribe: (accountId, handler) => subscribeToChanges(engine.fanout, accountId, handler),
      identify: openAccess(deps, config.jwt),
      isMigrated: () => isMigrated(db),
      tryWriting: () => writeProbe(db.sql, engine.clock.now()),
      answered: engine.metrics?.answered,
      refused: engine.metrics?.refused,
    },
    config,
  );
  engine.metrics?.serving(server.load);
  return server;
}

/** Migrates the database to this code's newest migration, as every start does, and does nothing else. */
export async function migrate(config: Config, log: Log): Promise<void> {
  const closers: Closers = [];
  try {
    const address = await databaseAddress(config, log, closers);
    const db = await connectWithRetry(address, log);
    closers.push(() => db.close());
    await migrateDatabase(address, log);
  } finally {
    await closeAll(closers);
  }
}

async function databaseAddress(config: Config, log: Log, closers: Closers): Promise<DatabaseAddress> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl };
  const embedded = await startEmbedded({ dataDir: config.dataDir, log });
  closers.push(() => embedded.stop());
  return embedded.address;
}

/** Schedules every lane if the rules that come with the code have changed since the last start. */
function hashOfRules(registry: Registry): string {
  return createHash('sha256').update(canonicalJson(PROFILES)).update(registry.rulesHash()).digest('hex');
}
