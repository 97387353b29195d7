import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import type { Sql, TransactionSql } from 'postgres';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { catalogueOf } from '../../src/adapters/catalogue.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import { openSettingsStore } from '../../src/adapters/settings.ts';
import { closingResolver } from '../../src/adapters/shared/resolve-closing.ts';
import { createVault } from '../../src/adapters/vault.ts';
import { readConfig } from '../../src/config.ts';
import { type Database, type OpenDatabase, openDatabase } from '../../src/db/client.ts';
import { openHeavyReads } from '../../src/db/heavy-reads.ts';
import { isMigrated } from '../../src/db/readiness.ts';
import { writeProbe } from '../../src/db/rows/heartbeat.ts';
import { inTransaction, TRANSACT, type TransactionMode } from '../../src/db/transaction.ts';
import type { Changed } from '../../src/engine.ts';
import { type HttpDeps, startHttp } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { openGuardedFetch } from '../../src/outgoing/guarded-fetch.ts';
import { readTargetUrl } from '../../src/outgoing/target-url.ts';
import { openRulesCache } from '../../src/rules/rules-cache.ts';
import { openAccess } from '../../src/schema/core/access.ts';
import { encodeId, type NodeType } from '../../src/schema/core/ids.ts';
import { depsWith, type Engine, openEngine, step } from '../support/engine.ts';

/** What a GraphQL server answers. */
// biome-ignore lint/suspicious/noExplicitAny: answers have the shape their query asks for
export type Answer = { data?: any; errors?: { message: string; extensions: Record<string, unknown> }[] };

/** On any free port, as it is where nothing is set; but a machine that has more to do than tests is no overload. */
export const HTTP_OPTIONS = readConfig({ PORT: '0', NODE_ENV: 'test', LULL_MAX_DELAY_MS: '60000' });

/** The engine behind a real HTTP server; its fan-out is within the process. */
export type Api = Awaited<ReturnType<typeof openApi>>;

/** Opens the API on a fresh database, with a key that may do everything. */
export async function openApi(start?: Date, options?: { profile?: string }) {
  const engine = await openEngine(start, options);
  const handlers = new Set<{ accountId: string; handler: (changed: Changed) => void }>();
  const lines: string[] = [];
  const log = createLog({ logLevel: 'debug' }, collect(lines) as never);
  engine.steps.publish = (changed) =>
    step(() => {
      for (const { accountId, handler } of handlers) if (accountId === changed.accountId) handler(changed);
    });
  const registry = createRegistry(BUILT_IN);
  const vault = createVault(randomBytes(32));
  const store = openSettingsStore(registry, vault, (text, field) => readTargetUrl(text, field, false));
  const counter: Counter = { count: 0, texts: [] };
  const counting = (database: Database) => ({ ...database, sql: countStatements(database.sql, counter) });
  const db = counting(engine.db);
  const open = async (options: OpenDatabase) => counting(openDatabase(engine.address, options));
  const heavy = await openHeavyReads(open, { places: 2 });
  const deps: HttpDeps = {
    ...depsWith(engine, { db, rules: openRulesCache(db.sql, engine.deps.rulesOfAdapter) }),
    heavy,
    log,
    resolveClosing: closingResolver(registry, store),
    adapters: catalogueOf(registry),
    registry,
    settings: store,
    fetchWithin: openGuardedFetch({ allowPrivate: false }),
    readSettings: store.toStore,
    vault,
    allowPrivateWebhooks: false,
    async subscribe(accountId, handler) {
      const subscriber = { accountId, handler };
      handlers.add(subscriber);
      return async () => void handlers.delete(subscriber);
    },
    identify: openAccess({ db, clock: engine.clock }, null),
    isMigrated: () => isMigrated(db),
    tryWriting: () => writeProbe(engine.db.sql, engine.clock.now()),
  };
  const server = await startHttp(deps, HTTP_OPTIONS);
  const key = await makeKey(engine, SCOPES);

  const api = {
    engine,
    settingsVault: vault,
    deps,
    server,
    key,
    /** The number of current subscribers to changes. */
    subscribers: () => handlers.size,
    /** How many statements the API has sent so far. */
    statements: () => counter.count,
    /** Their texts, but for those written as templates. */
    texts: () => counter.texts,
    /** All log output. */
    logged: () => lines.join(''),
    makeKey: (scopes: readonly string[], accountId = engine.accountId) => makeKey(engine, scopes, accountId),
    /** The ids as clients know them. */
    id: (type: NodeType, id: string) => encodeId(type, id),
    channel: encodeId('Channel', engine.channelId),
    ann: encodeId('Agent', engine.ann),
    bob: encodeId('Agent', engine.bob),
    sales: encodeId('Skill', engine.sales),
    post: (body: string, headers: Record<string, string> = {}) =>
      fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
        body,
      }),
    /** Sends a query, by default with the key that has all scopes. */
    async ask(query: string, variables: Record<string, unknown> = {}, as: string = key): Promise<Answer> {
      const response = await api.post(JSON.stringify({ query, variables }), {
        authorization: `Bearer ${as}`,
      });
      return (await response.json()) as Answer;
    },
    /** Records activities and returns the results. */
    async record(...activities: Record<string, unknown>[]) {
      const answer = await api.ask(RECORD, { input: { activities } });
      if (!answer.data?.recordActivities.results) throw new Error(JSON.stringify(answer));
      return answer.data.recordActivities.results;
    },
    async close() {
      await server.close();
      await heavy.close();
      await engine.drop();
    },
  };
  return api;
}

export const RECORD = /* GraphQL */ `
  mutation ($input: RecordActivitiesInput!) {
    recordActivities(input: $input) {
      __typename
      ... on RecordedActivities {
        results {
          outcome
          conversationId
          error {
            __typename
            code
            message
            ... on InvalidInputError { field allowed }
            ... on NotFoundError { field }
            ... on NotAllowedError { command status }
            ... on ConversationEndedError { conversationId }
          }
        }
      }
      ... on TooManyError { code field max }
      ... on ForbiddenError { code scope }
    }
  }
`;

function makeKey(engine: Engine, scopes: readonly string[], accountId = engine.accountId): Promise<string> {
  return createApiKey(
    engine.db,
    { accountId, name: 'test', scopes },
    { id: engine.deps.newId(), now: engine.clock.now() },
  );
}

/** How many statements were sent, and the texts of those that were sent as such. */
type Counter = { count: number; texts: string[] };

/** The same client, which counts what it is asked to send, transactions by what is in them. */
function countStatements(real: Sql, counter: Counter): Sql {
  const wrap = <Client extends Sql | TransactionSql>(client: Client): Client =>
    new Proxy(client, {
      apply(target, self, args) {
        // Also called to build parts of statements, of plain values.
        if (Array.isArray(args[0]) && 'raw' in args[0]) counter.count++;
        return Reflect.apply(target as never, self, args);
      },
      get(target, name) {
        if (name === TRANSACT)
          return (run: (sql: TransactionSql) => unknown, mode?: TransactionMode) =>
            inTransaction(target as Sql, (sql) => run(wrap(sql)), mode);
        if (name !== 'unsafe') return Reflect.get(target, name);
        return (...args: Parameters<Sql['unsafe']>) => {
          counter.count++;
          counter.texts.push(args[0]);
          return target.unsafe(...args);
        };
      },
    });
  return wrap(real);
}

function collect(lines: string[]): PassThrough {
  const stream = new PassThrough();
  stream.on('data', (chunk) => lines.push(String(chunk)));
  return stream;
}
