import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { type Engine, openEngine } from '../../src/app.ts';
import { withProgress } from '../../src/commands/progress.ts';
import { readConfig } from '../../src/config.ts';
import { postgresOptions } from '../../src/db/address.ts';
import { createLog } from '../../src/log.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { ensureChannel, setPolicy } from '../../test/support/flows.ts';
import { openReceiver } from '../../test/support/receiver.ts';
import { startRedis } from '../../test/support/redis.ts';
import { type ServiceProcess, spawnService } from '../../test/support/service.ts';
import { type Account, seedAccount } from '../seed.ts';

/** A process of the service, as it is run in production. */
export type Process = {
  role: 'api' | 'worker';
  service: ServiceProcess;
  url: string | null;
  metricsUrl: string;
};

/** The setting of a soak: the service in its own processes, and an account with traffic on two channels. */
export type World = {
  /** Sets up and observes. It serves no requests and wakes no lanes. */
  engine: Engine;
  /** The soak's own eyes, not among the service's connections. */
  admin: postgres.Sql;
  account: Account;
  dataDir: string;
  /** Where the queue is; null: on Postgres. */
  redis: Redis | null;
  api: Process;
  worker: Process;
  key: string;
  /** The channel whose conversations close unheard of, and the one whose ends a subscriber is called for. */
  channels: { plain: string; hooked: string };
  /** Calls that the subscriber got. */
  calls(): number;
  /** Ends the processes as whoever runs them does; answers what was wrong with that. */
  stop(): Promise<string[]>;
  close(): Promise<void>;
};

/** How long a lively conversation has to be quiet to be closed: the least that the profile takes. */
export const QUIET_SECONDS = 60;
const AUTHOR = { changedBy: 'soak', why: null };

/** Opens it on a database, and where asked a Redis, of its own; `close` leaves nothing behind. */
export async function openWorld(rows: number, onRedis: boolean): Promise<World> {
  const ownRedis = onRedis ? await startRedis() : null;
  const redis = ownRedis && new Redis(ownRedis.url);
  const dataDir = mkdtempSync(join(tmpdir(), 'lull-soak-'));
  chmodSync(dataDir, 0o755);
  const removeFolder = () =>
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.once('exit', removeFolder);
  const env = { LULL_DATA_DIR: dataDir, ...(ownRedis && { REDIS_URL: ownRedis.url }) };
  const engine = await openEngine(readConfig(env), createLog({ logLevel: 'warn' }));
  const admin = postgres({ ...postgresOptions(engine.db.address), max: 2, onnotice: () => {} });
  const receiver = await openReceiver(() => 204);

  const account = await withProgress('Filling the database', (onProgress) =>
    seedAccount(engine, 'soak', rows, onProgress),
  );
  await admin`update channel set settings = '{"secret": "a secret for the soak"}'`;
  const channelOf = async (name: string) => {
    const settings = { secret: 'a secret for the soak' };
    const id = await ensureChannel(engine.deps, account.accountId, { name, adapter: 'web', settings });
    const place = { channelId: id, skillId: null, expectedVersion: null };
    const fields = { autoCloseAfter: `PT${QUIET_SECONDS}S` };
    await setPolicy(engine.deps, account.accountId, { ...place, fields }, AUTHOR);
    return encodeId('Channel', id);
  };
  const channels = { plain: await channelOf('plain'), hooked: await channelOf('hooked') };
  const holder = { accountId: account.accountId, name: 'soak', scopes: SCOPES };
  const key = await createApiKey(engine.db, holder, { id: engine.deps.newId(), now: engine.clock.now() });

  const ofService = {
    ...env,
    ...{
      PORT: '0',
      LULL_METRICS_PORT: '0',
      LULL_RATE_LIMIT: '1000000',
      LULL_ALLOW_PRIVATE_WEBHOOKS: 'true',
      LULL_ALLOW_PRIVATE_PROVIDERS: 'true',
    },
    NODE_ENV: 'production',
  };
  const [api, worker] = [await start('api', ofService), await start('worker', ofService)];
  await callAtEnds(api, key, channels.hooked, receiver.url);

  return {
    ...{ engine, admin, account, dataDir, api, worker, key, channels },
    redis,
    calls: () => receiver.calls.length,
    async stop() {
      for (const { service } of [api, worker]) service.kill('SIGTERM');
      const ends = await Promise.all([api, worker].map(({ service }) => service.ended));
      return ends.flatMap(({ code, signal }) =>
        code === 0 ? [] : [`a process ended with ${code ?? signal}`],
      );
    },
    async close() {
      for (const { service } of [api, worker]) service.kill('SIGKILL');
      receiver.close();
      await admin.end({ timeout: 5 });
      await engine.close();
      redis?.disconnect();
      await ownRedis?.stop();
      removeFolder();
    },
  };
}

async function start(role: Process['role'], env: NodeJS.ProcessEnv): Promise<Process> {
  const service = spawnService(env, 'src/cli.ts', 'serve', '--role', role);
  const url = await service.running;
  const metricsUrl = /"metrics":"([^"]+)"/.exec(service.said())?.[1];
  if (metricsUrl === undefined) throw new Error(`the ${role} does not run: ${service.said()}`);
  return { role, service, url, metricsUrl };
}

async function callAtEnds(api: Process, key: string, channelId: string, url: string): Promise<void> {
  const query =
    'mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { __typename } }';
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables: { input: { url, channelId, events: ['conversation.ended'] } } }),
  });
  const answer = await response.text();
  if (!answer.includes('WebhookEndpointWithSecret')) throw new Error(answer);
}
