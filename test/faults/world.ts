import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { openEngine } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { pgPoolConfig } from '../../src/db/address.ts';
import { createLog } from '../../src/log.ts';
import { decodeAnyId } from '../../src/schema/core/ids.ts';
import { type CuttingProxy, openCuttingProxy } from '../support/cutting-proxy.ts';
import { ensureChannel } from '../support/flows.ts';
import { type Kind, urlOf } from '../support/live.ts';
import { openTenant } from '../support/tenant.ts';
import { auditOneInstant, type Seen, type Violation } from './auditor.ts';
import { type Crew, openCrew } from './crew.ts';
import { type OwnPostgres, startOwnPostgres } from './own-postgres.ts';
import { type OwnRedis, openOwnRedis } from './own-redis.ts';
import { openStandIn, type StandIn } from './stand-in.ts';

/** A service of real processes on stores of its own, and the systems around it. */
export type World = {
  kind: Kind;
  postgres: OwnPostgres;
  /** Null if the queue is in Postgres. */
  redis: OwnRedis | null;
  crew: Crew;
  /** The network path to Postgres of processes whose names start with `cut`. */
  proxy: CuttingProxy;
  standIn: StandIn;
  url: string;
  key: string;
  agent: string;
  /** `plain` sends nothing; `wired` deduplicates messages by id and has a subscriber; `sms` accepts every message. */
  plain: string;
  wired: string;
  sms: string;
  channels: readonly string[];
  /** The database id of an API id. */
  idOf(globalId: string): string;
  /** Replaces the trigger function on each written conversation row; null: it does nothing. */
  afflict(statements: string | null): Promise<void>;
  audit(seen: Seen, graceMs?: number, only?: readonly string[]): Promise<Violation[]>;
  close(): Promise<void>;
};

/** The processes that run unless a fault needs others. */
export const WORKERS = ['worker1', 'worker2'] as const;
/** The API and a worker whose connections to Postgres are cut. */
export const CUT = ['cutapi', 'cut1'] as const;
const SMS = { accountSid: `AC${'0'.repeat(32)}`, authToken: 'the token of the account', sender: '+15550100' };
const WIRED = { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', showCloseMessage: true };

export async function openWorld(kind: Kind): Promise<World> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    const postgres = await startOwnPostgres();
    closers.push(postgres.stop);
    const redis = kind === 'redis' ? await openOwnRedis() : null;
    if (redis) closers.push(redis.stop);
    const standIn = await openStandIn();
    closers.push(standIn.close);
    const port = await freePort();
    const env: NodeJS.ProcessEnv = {
      DATABASE_URL: urlOf(postgres.address),
      ...(redis ? { REDIS_URL: redis.url } : {}),
      LULL_SECRET_KEY: randomBytes(32).toString('base64'),
      LULL_ALLOW_PRIVATE_WEBHOOKS: 'true',
      LULL_ALLOW_PRIVATE_PROVIDERS: 'true',
      LULL_SENDS_PER_SECOND: '10000',
      LULL_RATE_LIMIT: '1000000',
      LOG_LEVEL: 'info',
      NODE_ENV: 'test',
      PORT: String(port),
    };
    const { host, port: behind, database } = pgPoolConfig(postgres.address);
    const proxy = await openCuttingProxy(
      host.startsWith('/') ? { path: `${host}/.s.PGSQL.${behind}` } : { host, port: behind },
    );
    closers.push(proxy.close);
    const account = await setUp(env, standIn);
    // Each process connects with a name of its own, which identifies its sessions.
    const envOf = (name: string) => ({
      ...env,
      DATABASE_URL: name.startsWith('cut')
        ? `postgres://${name}@127.0.0.1:${proxy.port}/${database}`
        : String(env.DATABASE_URL).replace('//lull@', `//${name}@`),
    });
    const crew = openCrew(envOf);
    closers.push(crew.close);
    await Promise.all([crew.start('api', 'api'), ...WORKERS.map((name) => crew.start(name, 'worker'))]);
    return {
      ...{ kind, postgres, redis, crew, proxy, standIn, close, ...account },
      url: `http://127.0.0.1:${port}`,
      channels: [account.plain, account.plain, account.wired, account.plain, account.sms],
      idOf: (globalId) => decodeAnyId(globalId, 'id').id,
      afflict: (statements) =>
        postgres.patiently(async (sql) => void (await sql.unsafe(affliction(statements)))),
      audit: (seen, graceMs, only) =>
        postgres.patiently((sql) =>
          auditOneInstant(sql, {
            seen,
            ...(graceMs === undefined ? {} : { graceMs }),
            ...(only ? { only } : {}),
          }),
        ),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Migrates the database and creates an account with its channels; the threshold is a minute, the minimum. */
async function setUp(env: NodeJS.ProcessEnv, standIn: StandIn) {
  const config = readConfig({ ...env, LOG_LEVEL: 'silent' });
  const engine = await openEngine(config, createLog(config));
  try {
    const { sql } = engine.db;
    const { deps, clock, settings } = engine;
    const tenant = await openTenant(engine, sql, { autoCloseAfter: 'PT1M' });
    const { accountId } = tenant;
    const [plain] = await sql`select id from channel where account_id = ${accountId}`;
    const channel = (adapter: string, given: Record<string, unknown>) =>
      ensureChannel(deps, accountId, { name: adapter, adapter, settings: settings.toStore(adapter, given) });
    const wired = await channel('byoc', { ...WIRED, deliverUrl: `${standIn.url}/messages` });
    const sms = await channel('sms', { ...SMS, apiUrl: standIn.url, closeMessage: 'Goodbye' });
    await tenant.subscribe(`${standIn.url}/webhooks`);
    await sql`update webhook_endpoint set channel_id = ${wired} where account_id = ${accountId}`;
    const when = { id: deps.newId(), now: clock.now() };
    const key = await createApiKey(engine.db, { accountId, name: 'platform', scopes: SCOPES }, when);
    for (const name of ['api', 'worker1', 'worker2', 'worker3', 'worker4', 'stepped', ...CUT])
      await sql.unsafe(`create role ${name} superuser login`);
    await sql.unsafe(affliction(null));
    await sql.unsafe(
      'create trigger afflicted before insert or update on conversation for each row execute function afflict()',
    );
    return { key, agent: tenant.ann, plain: plain?.id as string, wired, sms };
  } finally {
    await engine.close();
  }
}

/** Only the function is replaced: creating a trigger would wait for every running write. */
function affliction(statements: string | null): string {
  return `create or replace function afflict() returns trigger language plpgsql as
    $afflict$ begin ${statements ?? ''} return new; end $afflict$`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
