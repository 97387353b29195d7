import postgres from 'postgres';
import { v7 } from 'uuid';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import { openSettingsStore } from '../../src/adapters/settings.ts';
import { createVault } from '../../src/adapters/vault.ts';
import { postgresOptions } from '../../src/db/address.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { encodeId, NODE_TYPES, type NodeType } from '../../src/schema/core/ids.ts';
import { type Engine, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';
import { urlOf } from '../support/live.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { type Got, type Sent, send } from './ask.ts';
import { faultsIn, type Kept, linesWithFaults } from './invariants.ts';
import { CHANNELS } from './signing.ts';

/** Part of every name in the other account; no answer may contain it. */
const THEIRS = 'theirs-alone';
const VAULT_KEY = Buffer.alloc(32, 7);

/** An account, with ids of it that attackers use, and ids that only it knows. */
export type Account = {
  accountId: string;
  key: string;
  ids: Record<NodeType, string>;
  /** Channels by the id of their adapter. */
  channels: Record<string, string>;
};

/** The service as a process of its own, with two accounts: the attackers', and another that they must not learn of. */
export type World = Awaited<ReturnType<typeof openWorld>>;

/** Starts it on a fresh database. It sends nothing itself: it has no worker. */
export async function openWorld(env: NodeJS.ProcessEnv = {}) {
  const engine = await openEngine(new Date());
  const sql = postgres({ ...postgresOptions(engine.address), max: 2, onnotice: () => {} });
  const theirs = await makeAccount(engine, THEIRS);
  const hidden = await makeAccount(engine, `${THEIRS} and hidden`, theirs.accountId);
  const ours = await makeAccount(engine, 'ours');
  const service: ServiceProcess = spawnService(
    {
      ...{ DATABASE_URL: urlOf(engine.address), PORT: '0', LOG_LEVEL: 'debug', NODE_ENV: 'production' },
      ...{ LULL_SECRET_KEY: VAULT_KEY.toString('base64'), LULL_RATE_LIMIT: '1000000' },
      // Most hostile requests are refused, and the rate limit must not hide the reason.
      LULL_UNKNOWN_RATE_LIMIT: '1000000',
      // What is to be seen is the answer, however busy the machine is.
      LULL_MAX_DELAY_MS: '60000',
      ...env,
    },
    ...['src/cli.ts', 'serve', '--role', 'api'],
  );
  const url = await service.running;
  if (url === null) throw new Error(service.said());
  const kept: Kept = {
    theirs: [THEIRS, ...Object.values(hidden.ids).map(rawId)].filter((id) => id !== theirs.accountId),
    secrets: [ours, theirs, hidden]
      .map(({ key }) => key.split('_')[3] as string)
      .concat(CHANNELS.flatMap(({ secrets }) => secrets)),
  };
  const before = await everythingOf(sql, theirs.accountId);
  let looked = 0;

  const world = {
    engine,
    sql,
    service,
    url,
    ours,
    theirs,
    /** Sends a request and returns its answer. @throws Error saying which of the invariants the answer breaks */
    async try(sent: Sent, allowed: readonly number[] = []): Promise<Got> {
      const got = await send(url, sent);
      world.check(sent, got, allowed);
      return got;
    },
    /** @throws Error saying which of the invariants an answer breaks, or what the log tells that it must not */
    check(sent: Sent | string, got: Got, allowed: readonly number[] = []): void {
      const asked =
        typeof sent === 'string' ? sent : `${sent.method ?? 'POST'} ${sent.path} ${textOf(sent.body)}`;
      const said = service.said();
      const faults = [...faultsIn(asked, got, kept, allowed), ...linesWithFaults(said.slice(looked), kept)];
      looked = said.length;
      if (faults.length === 0) return;
      throw new Error(`${faults.join('\n')}\nasked: ${brief(asked)}\ngot: ${got.status} ${brief(got.body)}`);
    },
    /** Sends what is answered by a stream, reads what comes at once, and hangs up. */
    async listen(sent: Sent): Promise<Got> {
      const got = await send(url, sent, 50);
      world.check(sent, got);
      return got;
    },
    /** A call to the API with a key that has all scopes. */
    graphql: (body: unknown, headers: Sent['headers'] = {}): Sent => ({
      path: '/graphql',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ours.key}`, ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    }),
    /** @throws Error unless the process still serves, and the other account is unchanged */
    async isUnharmed(): Promise<void> {
      process.kill(service.pid, 0);
      const { status } = await send(url, { path: '/ready', method: 'GET' });
      if (status !== 200) throw new Error(`/ready answers ${status}: ${service.said().slice(-2_000)}`);
      const after = await everythingOf(sql, theirs.accountId);
      if (after !== before) throw new Error(`their rows have changed: ${firstDifference(before, after)}`);
    },
    async close() {
      service.kill('SIGTERM');
      const ended = await service.ended;
      await sql.end();
      await engine.drop();
      return ended;
    },
  };
  return world;
}

function textOf(body: Sent['body']): string {
  return typeof body === 'string' ? body : Buffer.from(body ?? '').toString('latin1');
}

function brief(text: string): string {
  return text.length <= 4_000 ? text : `${text.slice(0, 4_000)}… (${text.length})`;
}

/** The id of the database in one of the API. */
export function rawId(globalId: string): string {
  return Buffer.from(globalId, 'base64').toString().split(':')[1] as string;
}

/** An account with one of everything that has an id, and a channel of each kind; or as much more in one that there is. */
async function makeAccount(engine: Engine, name: string, existing?: string): Promise<Account> {
  const { deps, db } = engine;
  const { sql } = db;
  const store = openSettingsStore(createRegistry(BUILT_IN), createVault(VAULT_KEY), () => {});
  const accountId = existing ?? (await createAccount(deps, { name }));
  const channels: Record<string, string> = {};
  for (const { adapter, settings } of CHANNELS)
    channels[adapter] = await ensureChannel(deps, accountId, {
      ...{ name: `${name} ${adapter}`, adapter, settings: store.toStore(adapter, settings) },
    });
  const channel = channels.web as string;
  const agent = (await ensureAgents(deps, accountId, [name])).get(name) as string;
  const skill = (await ensureSkills(deps, accountId, [name])).get(name) as string;
  const [calendar, outage, effect, endpoint, webhook, delivery] = Array.from({ length: 6 }, () =>
    deps.newId(),
  );
  const at = deps.clock.now();
  const hours = { timeZone: 'UTC', weekly: [{ day: 1, from: '09:00', until: '17:00' }], holidays: [] };
  await sql`insert into calendar (account_id, id, name, hours) values (${accountId}, ${calendar as string}, ${name}, ${sql.json(hours)})`;
  await sql`insert into outage (account_id, id, kind, channel_id, since) values (${accountId}, ${outage as string}, 'OUTAGE', ${channel}, ${at})`;
  const target = { channelId: channel, address: name };
  const [result] = await recordActivities(deps, accountId, [
    { target, action: { kind: 'INBOUND', skillId: skill }, messageId: name },
    { target, action: { kind: 'TAG', add: [name], remove: [] } },
  ]);
  const conversation = result?.conversationId as string;
  const owed = { account_id: accountId, conversation_id: conversation, revision: 1, channel_id: channel };
  const done = { attempts: 1, due_at: at, created_at: at, done_at: at, error: name };
  await sql`insert into outbox ${sql({ ...owed, ...done, id: effect, kind: 'DELIVER_MESSAGE', endpoint_id: null, payload: {}, state: 'DEAD' })}`;
  await sql`insert into webhook_endpoint ${sql({ account_id: accountId, id: endpoint, url: `https://${name.replaceAll(' ', '-')}.example`, secret: name, events: ['conversation.ended'], created_at: at })}`;
  await sql`insert into outbox ${sql({ ...owed, ...done, id: webhook, kind: 'SEND_WEBHOOK', endpoint_id: endpoint, payload: {}, state: 'SENT' })}`;
  await sql`insert into webhook_delivery ${sql({ account_id: accountId, endpoint_id: endpoint, id: delivery, outbox_id: webhook, type: name, at, took_ms: 1 })}`;
  const [contact] = await sql`select id from contact where account_id = ${accountId} and address = ${name}`;
  const id = deps.newId();
  const key = await createApiKey(db, { accountId, name, scopes: SCOPES }, { id, now: at });
  const spare = v7();
  await createApiKey(db, { accountId, name, scopes: SCOPES }, { id: spare, now: at });
  const raw: Record<NodeType, string | undefined> = {
    ...{ Account: accountId, Agent: agent, ApiKey: spare, Calendar: calendar, Channel: channel },
    ...{ Contact: contact?.id, Conversation: conversation, Effect: effect, Outage: outage, Skill: skill },
    ...{ WebhookDelivery: delivery, WebhookEndpoint: endpoint },
  };
  const ids = Object.fromEntries(NODE_TYPES.map((type) => [type, encodeId(type, raw[type] as string)]));
  return { accountId, key, ids: ids as Account['ids'], channels };
}

/** All data of an account in the database, as one text. */
async function everythingOf(sql: postgres.Sql, accountId: string): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name = 'account_id' order by 1`;
  const dumps: string[] = [];
  for (const { name } of tables) {
    const rows = await sql<{ row: string }[]>`
      select each::text as row from ${sql(name)} as each where account_id = ${accountId} order by each::text`;
    dumps.push(name, ...rows.map(({ row }) => row));
  }
  return dumps.join('\n');
}

function firstDifference(before: string, after: string): string {
  const [had, has] = [before.split('\n'), after.split('\n')];
  const index = has.findIndex((row, at) => row !== had[at]);
  return `${had[index]}\nis now\n${has[index]}`;
}
