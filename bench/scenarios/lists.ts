import { graphql } from 'graphql';
import type { Sql, TransactionSql } from 'postgres';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { closingResolver } from '../../src/adapters/shared/resolve-closing.ts';
import type { HeavyReads } from '../../src/db/heavy-reads.ts';
import { type ListRequest, listOpen } from '../../src/insight/lists/conversation-list.ts';
import { createContext } from '../../src/schema/core/context.ts';
import { openRowTurns } from '../../src/schema/core/row-turns.ts';
import { schema } from '../../src/schema/schema.ts';
import { type Explained, explainStatement, PLANS } from '../explain-statement.ts';
import { percentile, timed } from '../measure.ts';
import type { Figure, Findings } from '../report.ts';
import type { Account } from '../seed.ts';
import type { Stage } from '../stage.ts';

const NONE: unknown = null;
const TIMES = 60;
const WARM_UP = 10;
const PAGE = /* GraphQL */ `
  query ($order: ConversationOrder!, $filter: ConversationFilter, $after: String) {
    conversations(first: 20, orderBy: $order, filter: $filter, after: $after) {
      nodes { id status due { at timer } endsAt closing { survey closeMessage separator } agent { name } }
      pageInfo { endCursor }
    }
  }
`;
type Order = { field: 'DUE' | 'LAST_ACTIVITY'; direction: 'ASC' | 'DESC' };
const LISTS: { name: string; order: Order; filter: object; pagesIn: number }[] = [
  { name: 'by due', order: { field: 'DUE', direction: 'ASC' }, filter: {}, pagesIn: 0 },
  { name: 'by due, page 50', order: { field: 'DUE', direction: 'ASC' }, filter: {}, pagesIn: 49 },
  { name: 'by due, latest first', order: { field: 'DUE', direction: 'DESC' }, filter: {}, pagesIn: 0 },
  {
    name: 'by due, ACTIVE',
    order: { field: 'DUE', direction: 'ASC' },
    filter: { status: ['ACTIVE'] },
    pagesIn: 0,
  },
  { name: 'by last activity', order: { field: 'LAST_ACTIVITY', direction: 'ASC' }, filter: {}, pagesIn: 0 },
];

/** How long a page of 20 takes, with due, endsAt, closing and agent, of few conversations and of many; and how Postgres finds them. */
export async function lists(stage: Stage): Promise<Findings> {
  const { admin, engine, small, big } = stage;
  const figures: Figure[] = [];
  for (const { name, order, filter, pagesIn } of LISTS) {
    const few = await openReader(stage, small, order, filter, pagesIn);
    const many = await openReader(stage, big, order, filter, pagesIn);
    // In turns, so that whatever else the machine does meets both alike.
    for (let time = 0; time < TIMES; time++) for (const reader of [few, many]) await reader.read();
    for (const [account, measured] of [
      [small, few],
      [big, many],
    ] as const) {
      const open = `${account.conversations.toLocaleString('en')} open`;
      figures.push({ name: `${name}, p50, ${open}`, value: percentile(measured.ms, 0.5), unit: 'ms' });
      figures.push({ name: `${name}, p99, ${open}`, value: percentile(measured.ms, 0.99), unit: 'ms' });
      figures.push({ name: `${name}, statements, ${open}`, value: measured.statements, unit: '' });
    }
    figures.push({
      ...{ name: `${name}, p50 of many / of few`, unit: '×', atMost: 2 },
      value: percentile(many.ms, 0.5) / percentile(few.ms, 0.5),
    });
  }
  const explained: Explained[] = [];
  for (const { name, order } of LISTS.filter(({ pagesIn, filter }) => pagesIn === 0 && !('status' in filter)))
    await admin.begin(async (sql) => {
      const rules = await engine.deps.rules.newest(big.accountId);
      const request: ListRequest = {
        ...{ by: order.field, direction: order.direction, filter: {}, dueBefore: null, after: null },
        ...{ backwards: false, limit: 21 },
      };
      await listOpen(explaining(sql, name, explained), rules, engine.clock.now(), request);
    });
  return {
    figures,
    failures: explained
      .filter(({ scanned }) => scanned.includes('conversation'))
      .map(({ statement, plan }) => `${statement}, ${plan} plan: Seq Scan on conversation`),
    details: explained.map(({ statement, plan, indexes, rows, buffers, ms }) => ({
      ...{ statement, plan, indexes: indexes.join(', '), rows, buffers, ms },
    })),
  };
}

/** Reads one page of a list again and again. */
async function openReader(
  { engine }: Stage,
  account: Account,
  order: Order,
  filter: object,
  pagesIn: number,
) {
  const { registry, deps, settings: store, vault, log } = engine;
  const counted = counting(deps.db.sql);
  const schemaDeps = {
    ...{ ...deps, db: { ...deps.db, sql: counted.sql }, log },
    resolveClosing: closingResolver(registry, store),
    adapters: [],
    settings: store,
    readSettings: store.toStore,
    ...{ vault, allowPrivateWebhooks: false },
    subscribe: async () => async () => {},
    // Limits are the server's, and these lists are short.
    ...{ heavy: NONE as HeavyReads, turns: openRowTurns() },
  };
  const caller = { accountId: account.accountId, scopes: new Set(SCOPES), actor: 'bench', agentId: null };
  const page = async (after: string | null) => {
    const contextValue = createContext(caller as never, schemaDeps, new AbortController().signal);
    const variableValues = { order, filter, after };
    const { data, errors } = await graphql({ schema, source: PAGE, variableValues, contextValue });
    if (errors) throw errors[0];
    return (data as { conversations: { pageInfo: { endCursor: string } } }).conversations.pageInfo.endCursor;
  };
  let after: string | null = null;
  for (let turn = 0; turn < pagesIn; turn++) after = await page(after);
  for (let time = 0; time < WARM_UP; time++) await page(after);
  const reader = {
    ms: [] as number[],
    statements: 0,
    async read() {
      const before = counted.count();
      reader.ms.push((await timed(() => page(after))).ms);
      reader.statements = counted.count() - before;
    },
  };
  return reader;
}

/** The same client, which counts what it is asked. */
function counting(real: Sql): { sql: Sql; count: () => number } {
  let count = 0;
  const sql = new Proxy(real, {
    get(target, name) {
      if (name === 'unsafe') count++;
      return Reflect.get(target, name);
    },
  });
  return { sql, count: () => count };
}

/** A connection that explains whatever it is asked before it answers. */
function explaining(sql: TransactionSql, list: string, explained: Explained[]): Sql {
  const client = {
    async unsafe(text: string, parameters: unknown[], options: object) {
      const label = `${list}: ${text.includes(' from lane ') ? 'lanes' : parameters[1] === 1 ? 'heads' : 'rows'}`;
      for (const plan of PLANS) explained.push(await explainStatement(sql, label, text, parameters, plan));
      return await sql.unsafe(text, parameters as never[], options);
    },
  };
  return client as unknown as Sql;
}
