import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import type { Engine } from '../../src/app.ts';
import { MIGRATIONS, migrateDatabase } from '../../src/db/migrate.ts';
import { writeHeartbeat } from '../../src/db/rows/heartbeat.ts';
import { createLog } from '../../src/log.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { ask } from '../support/asking.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { removeFolder, testFolder } from '../support/folder.ts';
import { openStore, type Store, urlOf } from '../support/live.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

const HOUR = 60 * 60_000;
const log = createLog({ logLevel: 'silent' });
const all = readdirSync(MIGRATIONS)
  .filter((name) => /^\d/.test(name))
  .sort();
/** Every earlier schema: the migrations up to and including each except the last. */
const older = all.slice(0, -1).map((name, index) => [name, all.slice(0, index + 1)] as const);

/** The tables in an order that satisfies foreign keys. */
const ORDER = ['account', 'calendar', 'channel', 'skill', 'agent', 'lane', 'contact', 'conversation'];

describe.each(older)('a database with data as %s left it', (_, migrations) => {
  const folder = testFolder();
  let source: Store;
  let engine: Engine;
  let tenant: Tenant;
  let key: string;
  let old: TestDatabase;
  let service: ServiceProcess | null = null;

  beforeAll(async () => {
    source = await openStore('postgres');
    engine = await source.engine();
    tenant = await openTenant(engine, source.sql, { autoCloseAfter: 'PT1H' });
    key = await createApiKey(
      engine.db,
      { accountId: tenant.accountId, name: 'test', scopes: SCOPES },
      { id: engine.deps.newId(), now: engine.clock.now() },
    );
    await tenant.answered(['due soon'], tenant.in(-HOUR + 2_000));
    await tenant.answered(['not due'], tenant.in(-1_000));
    await tenant.does('waits', { kind: 'INBOUND' });
    for (const name of migrations) cpSync(join(MIGRATIONS, name), join(folder, name), { recursive: true });
    old = await createEmptyDatabase();
    await migrateDatabase(old.address, log, folder);
    await copy(source.sql, old.database.sql);
    await writeHeartbeat(old.database.sql, engine.clock.now());
  }, 600_000);
  afterAll(async () => {
    service?.kill('SIGKILL');
    await service?.ended;
    await old?.drop();
    await source?.close();
    removeFolder(folder);
  });

  it('is migrated by the first process that starts, which continues with its data', async () => {
    const { sql } = old.database;
    service = spawnService(
      { ...source.env, DATABASE_URL: urlOf(old.address), LOG_LEVEL: 'info' },
      'src/main.ts',
    );
    const url = await service.running;
    expect(url, service.said()).toMatch(/^http/);
    expect(service.said()).toContain('the database was migrated');
    const left = await sql`
      select status, revision from conversation join contact on contact.account_id = conversation.account_id and contact.id = contact_id
      where address <> 'due soon' order by conversation.id`;
    expect(left.map(({ status, revision }) => [status, revision])).toEqual([
      ['ACTIVE', 2],
      ['WAITING', 1],
    ]);

    const input = {
      activities: [
        { channelId: encodeId('Channel', tenant.channelId), address: 'not due', kind: 'INBOUND' },
        { channelId: encodeId('Channel', tenant.channelId), address: 'new', kind: 'INBOUND' },
      ],
    };
    const { recordActivities } = await ask(
      url,
      key,
      `mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) {
        ... on RecordedActivities { results { outcome conversation { status } } } } }`,
      { input },
    );
    expect(recordActivities.results).toEqual([
      { outcome: 'APPLIED', conversation: { status: 'ACTIVE' } },
      { outcome: 'APPLIED', conversation: { status: 'WAITING' } },
    ]);

    const ended = () => sql<{ address: string; revision: number; ended_at: Date; last_activity_at: Date }[]>`
      select address, revision, ended_at, last_activity_at from conversation
      join contact on contact.account_id = conversation.account_id and contact.id = contact_id where status = 'ENDED'`;
    await expect.poll(async () => (await ended()).length, { timeout: 60_000 }).toBe(1);
    const [first] = await ended();
    expect(first).toMatchObject({ address: 'due soon', revision: 3 });
    expect(first?.ended_at.getTime()).toBeGreaterThanOrEqual((first?.last_activity_at.getTime() ?? 0) + HOUR);
  }, 600_000);
});

/** Present names of tables and columns that migrations renamed, by their former names. */
const RENAMED: Readonly<Record<string, string>> = {
  relaning: 'exemption_backfill',
  armed_version: 'scheduled_version',
};
const presentName = (name: string) => RENAMED[name] ?? name;

/** Copies the rows of a database of the newest schema into one of an older schema, without columns that the older one lacks. */
async function copy(from: postgres.Sql, into: postgres.Sql): Promise<void> {
  const there = await into<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`;
  const names = there.map(({ name }) => name).sort((a, b) => place(a) - place(b));
  for (const name of names) {
    const [rows] = await from<
      [{ rows: string | null }]
    >`select jsonb_agg(to_jsonb(each))::text as rows from ${from(presentName(name))} as each`;
    const columns = await into<{ name: string }[]>`
      select attname as name from pg_attribute where attrelid = ${name}::regclass and attnum > 0 and not attisdropped and atttypid <> 'xid8'::regtype`;
    if (rows.rows === null) continue;
    const listed = columns.map((column) => `"${column.name}"`).join(', ');
    const former = (JSON.parse(rows.rows) as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(columns.map((column) => [column.name, row[presentName(column.name)]])),
    );
    await into.unsafe(
      `insert into "${name}" (${listed}) select ${listed} from jsonb_populate_recordset(null::"${name}", $1::text::jsonb)`,
      [JSON.stringify(former)],
    );
  }
}
const place = (table: string) => (ORDER.includes(table) ? ORDER.indexOf(table) : ORDER.length);
