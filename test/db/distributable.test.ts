import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresBackend } from '../../src/jobs/store/postgres-store.ts';
import { createLog } from '../../src/log.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { sourceFiles } from '../support/import-rules.ts';
import { root } from '../support/run.ts';
import { namesItsAccount, statementsOn } from '../support/statements.ts';

/** Small tables of no account; every node has a copy of them. */
const REFERENCE = ['operator_key', 'service_state'];

/** The statements across accounts, and why; in a distributed schema each of them asks every node. */
const ACROSS: [path: string, begins: string, why: string][] = [
  [
    'src/db/rows/lanes.ts',
    'select account_id as "accountId", id as "laneId"',
    'the reconciler: lanes to be woken',
  ],
  [
    'src/db/rows/lanes.ts',
    'select account_id from account where scheduled_version',
    'the reconciler: rules to be armed',
  ],
  ['src/db/rows/outbox-claims.ts', 'with recursive walk as (', 'the relay walks over destinations'],
  [
    'src/rules/backfill-progress.ts',
    'select {PLACE} from exemption_backfill where done_at',
    'the reconciler: walks to go on with',
  ],
  ['src/db/rows/retention.ts', 'delete from outbox where (account_id, id) in', 'retention'],
  ['src/db/rows/idempotency-keys.ts', 'delete from idempotency where (account_id, key) in', 'retention'],
  [
    'src/db/rows/erased-identifiers.ts',
    'delete from erased_identifier where (account_id, hash) in',
    'retention',
  ],
  ['src/db/rows/erased-identifiers.ts', 'update contact set erased_before = null where', 'retention'],
  ['src/db/rows/retention.ts', 'select account_id from account', 'retention, account by account'],
  ['src/rules/outage-rows.ts', 'select from outage where kind', 'downtime is of all accounts'],
  [
    'src/accounts/revoke-keys.ts',
    'update api_key set revoked_at = {now} where bound_to = {id}',
    'keys that an operator key has made',
  ],
  ['src/rules/outage-rows.ts', 'select account_id from account order by', 'downtime is of all accounts'],
  [
    'src/db/service-state.ts',
    'update account set scheduled_version = 0',
    'new built-in rules are of all accounts',
  ],
  [
    'src/accounts/adapters-in-use.ts',
    'select distinct adapter from channel',
    'at the start: is every adapter there',
  ],
  [
    'src/accounts/setup.ts',
    'select account_id from account where name',
    'the commands find an account by its name',
  ],
  ['src/db/gauges.ts', 'select count(*) as lanes', 'metrics'],
  ['src/db/gauges.ts', 'select count(*) as pending', 'metrics'],
  ['src/db/gauges.ts', "select count(*) filter (where state = 'DEAD')", 'metrics'],
  ['src/db/gauges.ts', 'select kind, count(*) as count from circuit_breaker', 'metrics'],
];
/** Composed conditions; the first is the account. */
const BUILT = ['src/insight/lists/lane-pages.ts', 'src/insight/reads/conversation-page.ts'];

let test: TestDatabase;
let tables: string[];
beforeAll(async () => {
  test = await createTestDatabase();
  const rows = await test.database.sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname`;
  tables = rows.map(({ name }) => name).filter((name) => !REFERENCE.includes(name));
});
afterAll(() => test.drop());

describe('every table can be distributed by account', () => {
  it('its primary key begins with account_id, which is never null', async () => {
    const heads = await test.database.sql<{ table: string; head: string; nullable: boolean }[]>`
      select relname as table, attname as head, not attnotnull as nullable from pg_index
      join pg_class on pg_class.oid = indrelid and relnamespace = 'public'::regnamespace
      join pg_attribute on attrelid = indrelid and attnum = indkey[0] where indisprimary order by relname`;
    expect(heads.filter(({ table }) => !REFERENCE.includes(table))).toEqual(
      tables.map((table) => ({ table, head: 'account_id', nullable: false })),
    );
    expect(tables.length).toBeGreaterThan(15);
  });

  it('every unique index has account_id, of one type', async () => {
    const unique = await test.database.sql<{ index: string; table: string; columns: string[] }[]>`
      select index.relname as index, of.relname as table,
        array(select attname::text from pg_attribute where attrelid = indrelid and attnum = any(indkey)) as columns
      from pg_index join pg_class as index on index.oid = indexrelid
      join pg_class as of on of.oid = indrelid and of.relnamespace = 'public'::regnamespace where indisunique`;
    const own = unique.filter(({ table }) => tables.includes(table));
    expect(own.length).toBeGreaterThan(tables.length);
    expect(own.filter(({ columns }) => !columns.includes('account_id'))).toEqual([]);
    const types = await test.database.sql`
      select distinct atttypid::regtype::text as type from pg_attribute join pg_class on pg_class.oid = attrelid
      where attname = 'account_id' and relnamespace = 'public'::regnamespace`;
    expect(types.map(({ type }) => type)).toEqual(['uuid']);
  });

  it('every foreign key stays within an account', async () => {
    const keys = await test.database.sql<{ name: string; table: string; pairs: string[] }[]>`
      select conname as name, conrelid::regclass::text as table, array(
        select own.attname || ' ' || other.attname from unnest(conkey, confkey) as pair (own_number, other_number)
        join pg_attribute as own on own.attrelid = conrelid and own.attnum = own_number
        join pg_attribute as other on other.attrelid = confrelid and other.attnum = other_number) as pairs
      from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`;
    expect(keys.length).toBeGreaterThan(15);
    expect(keys.filter(({ pairs }) => !pairs.includes('account_id account_id'))).toEqual([]);
  });

  it('the schema has no sequence, trigger, rule, view or exclusion constraint, which only one node would have', async () => {
    const [found] = await test.database.sql`select
      (select count(*)::int from pg_class where relnamespace = 'public'::regnamespace and relkind in ('S', 'v', 'm')) as objects,
      (select count(*)::int from pg_trigger where not tgisinternal) as triggers,
      (select count(*)::int from pg_rewrite join pg_class on pg_class.oid = ev_class and relnamespace = 'public'::regnamespace) as rules,
      (select count(*)::int from pg_constraint where contype = 'x') as exclusions,
      (select count(*)::int from pg_proc where pronamespace = 'public'::regnamespace) as functions`;
    expect(found).toEqual({ objects: 0, triggers: 0, rules: 0, exclusions: 0, functions: 0 });
  });
});

describe('every statement names the account of its rows', () => {
  const inSource = () =>
    statementsOn(
      tables,
      sourceFiles(root, ['src']).filter(({ path }) => !path.startsWith('src/db/tables')),
    );
  const isAcross = ({ path, text }: { path: string; text: string }) =>
    ACROSS.some(([where, begins]) => where === path && text.startsWith(begins));

  it('the only exceptions are on the list of statements across accounts', () => {
    const statements = inSource();
    expect(statements.length).toBeGreaterThan(100);
    const silent = statements.filter(
      (each) => !namesItsAccount(each) && !BUILT.includes(each.path) && !isAcross(each),
    );
    expect(silent).toEqual([]);
  });

  it('the list names no statement that is gone, or that names its account', () => {
    const statements = inSource();
    for (const [path, begins] of ACROSS) {
      const found = statements.filter((each) => each.path === path && each.text.startsWith(begins));
      expect([path, begins, found.length]).toEqual([path, begins, 1]);
    }
    for (const path of BUILT) {
      const [file] = sourceFiles(root, ['src']).filter((each) => each.path === path);
      expect(file?.text).toMatch(/const conditions = \['account_id = \$1'/);
    }
  });

  it('a statement without its account is found', () => {
    const text = [
      'sql`select * from conversation where id = any(ids)`',
      "sql.unsafe('delete from event where conversation_id = $1', [id])",
      'sql`select * from event where account_id = any(ids)`',
      'sql`update service_state set value = 1`',
    ].join('\n');
    const found = statementsOn(['conversation', 'event'], [{ path: 'src/db/some.ts', text }]);
    expect(found).toHaveLength(3);
    expect(found.filter((each) => !namesItsAccount(each)).map((each) => each.text)).toEqual([
      'select * from conversation where id = any(ids)',
      'delete from event where conversation_id = $1',
    ]);
  });
});

it('the queue has a schema of its own, with no foreign key to or from another', async () => {
  const backend = await openPostgresBackend(test.address, 'lull', createLog({ logLevel: 'silent' }));
  await backend.queue('lane-wake').getJobCounts();
  const { sql } = test.database;
  const schemas = await sql<{ schema: string }[]>`
    select distinct relnamespace::regnamespace::text as schema from pg_class where relkind in ('r', 'p')
    and relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1`;
  expect(schemas.map(({ schema }) => schema)).toEqual(['drizzle', 'lull_queue', 'public']);
  const across = await sql`select conname from pg_constraint
    join pg_class as own on own.oid = conrelid join pg_class as other on other.oid = confrelid
    where contype = 'f' and own.relnamespace <> other.relnamespace`;
  expect([...across]).toEqual([]);
  const now = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname`;
  expect(now.map(({ name }) => name)).toEqual([...tables, ...REFERENCE].sort());
  await backend.close();
});
