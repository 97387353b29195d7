import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { type Engine, openEngine } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { type DatabaseAddress, inDatabase, postgresOptions } from '../../src/db/address.ts';
import { writeHeartbeat } from '../../src/db/rows/heartbeat.ts';
import { type FeedPosition, readFeed } from '../../src/insight/feed.ts';
import { createLog } from '../../src/log.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { ask } from '../support/asking.ts';
import { removeFolder, testFolder } from '../support/folder.ts';
import { OLDEST, startInstalled, type TestServer } from '../support/installed-postgres.ts';
import { urlOf } from '../support/live.ts';
import { requireOrSkip } from '../support/need.ts';
import { onServer } from '../support/postgres.ts';
import { root } from '../support/run.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Of pg_dump and the server it is used on, as old as may be. */
const { skip } = requireOrSkip('postgres15');

/** The commands that docs/operations.md gives, by their program. */
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const commandOf = (program: string) => new RegExp(`^${program} [^#\n]*`, 'm').exec(page)?.[0] ?? '';
const keep = [...page.matchAll(/--exclude-schema=(\w+)/g)].map(([, schema]) => schema);

describe.skipIf(skip)('a database that is backed up and restored as docs/operations.md describes', () => {
  const folder = testFolder();
  let server: TestServer;
  /** The database it is restored into. */
  let fresh: TestServer;
  let last: FeedPosition | undefined;
  let engine: Engine;
  let tenant: Tenant;
  let key: string;
  let service: ServiceProcess | null = null;
  let restored: postgres.Sql;
  let down: Date;
  const opened: postgres.Sql[] = [];
  const databaseOf = (name: string): DatabaseAddress =>
    inDatabase((name === 'after' ? fresh : server).address, name);
  const envOf = (name: string) => ({ DATABASE_URL: urlOf(databaseOf(name)), PORT: '0', NODE_ENV: 'test' });
  const open = (name: string) => {
    const sql = postgres({ ...postgresOptions(databaseOf(name)), max: 2, onnotice: () => {} });
    opened.push(sql);
    return sql;
  };
  const run = (program: string, database: string) =>
    spawnSync('sh', ['-ec', commandOf(program)], {
      cwd: folder,
      env: { PATH: `${OLDEST}:${process.env.PATH}`, DATABASE_URL: urlOf(databaseOf(database)) },
      encoding: 'utf8',
    });
  const countsIn = async (sql: postgres.Sql) => {
    const tables = await sql<{ name: string }[]>`
      select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
    const counts = await Promise.all(
      tables.map(async ({ name }) => [name, (await sql`select 1 from ${sql(name)}`).length] as const),
    );
    return Object.fromEntries(counts);
  };

  beforeAll(async () => {
    server = await startInstalled(OLDEST);
    // A new cluster numbers its transactions from the beginning; the page says what to do about that.
    expect(page).toContain('pg_resetwal --epoch=1 ');
    fresh = await startInstalled(OLDEST, 1);
    await onServer(server.address, (sql) => sql`create database before`);
    await onServer(fresh.address, (sql) => sql`create database after`);
    await onServer(server.address, (sql) =>
      sql.unsafe('do $$ begin for n in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$'),
    );
    const config = readConfig(envOf('before'));
    engine = await openEngine(config, createLog({ logLevel: 'silent' }));
    tenant = await openTenant(engine, open('before'), { autoCloseAfter: 'PT1H' });
    key = await createApiKey(
      engine.db,
      { accountId: tenant.accountId, name: 'test', scopes: SCOPES },
      { id: engine.deps.newId(), now: engine.clock.now() },
    );
    // The backup is ten minutes old, and the service did not run since.
    down = tenant.in(-10 * MINUTE);
    await tenant.answered(['quiet'], tenant.in(-62 * MINUTE));
    await tenant.answered(['nearly due'], new Date(down.getTime() - HOUR + 3_000));
    await writeHeartbeat(open('before'), down);
  }, 600_000);
  afterAll(async () => {
    service?.kill('SIGKILL');
    await service?.ended;
    for (const sql of opened) await sql.end();
    await engine?.close();
    await server?.stop();
    await fresh?.stop();
    removeFolder(folder);
  });

  it('has all of its data except the queue', async () => {
    expect(keep).toEqual(['lull_queue']);
    const counts = await countsIn(open('before'));
    expect(counts).toMatchObject({ conversation: 2, event: 4, api_key: 1 });
    last = (await readFeed(open('before'), tenant.accountId, null, 100)).at(-1)?.position;
    expect(last?.conversationId).toBeDefined();
    const dumped = run('pg_dump', 'before');
    expect(dumped.status, dumped.stderr).toBe(0);
    // Later data is not in the backup.
    await tenant.does('quiet', { kind: 'INBOUND' });
    const read = run('pg_restore', 'after');
    expect(read.status, read.stderr).toBe(0);
    restored = open('after');
    expect(await countsIn(restored)).toEqual(counts);
    expect((await restored`select 1 from pg_namespace where nspname = 'lull_queue'`).length).toBe(0);
  }, 600_000);

  it('LL-7 continues from the backup, and closes nothing because of messages that the backup lacks', async () => {
    service = spawnService(envOf('after'), 'src/main.ts');
    const url = await service.running;
    expect(url, service.said()).toMatch(/^http/);
    expect(service.said()).toContain('the service was down; that time does not count');
    const unsettled = async () =>
      (
        await restored`select 1 from account where scheduled_version <> rules_version
          union all select 1 from lane where wake_at <= ${tenant.in(1_000)}`
      ).length;
    await expect.poll(unsettled, { timeout: 60_000 }).toBe(0);
    const open = await restored`select status, revision from conversation`;
    expect([...open]).toEqual([
      { status: 'ACTIVE', revision: 2 },
      { status: 'ACTIVE', revision: 2 },
    ]);
    const { outages } = await ask(url, key, '{ outages { nodes { id kind since } } }');
    expect(outages.nodes).toMatchObject([{ kind: 'DOWNTIME', since: down.toISOString() }]);

    const input = {
      activities: [{ channelId: encodeId('Channel', tenant.channelId), address: 'new', kind: 'INBOUND' }],
    };
    const { recordActivities } = await ask(
      url,
      key,
      `mutation ($input: RecordActivitiesInput!) {
        recordActivities(input: $input) { ... on RecordedActivities { results { outcome } } } }`,
      { input },
    );
    expect(recordActivities).toEqual({ results: [{ outcome: 'APPLIED' }] });
    // Clients that follow the feed continue from their cursors.
    const newer = async () =>
      (await readFeed(restored, tenant.accountId, last ?? null, 100)).map(({ kind }) => kind);
    await expect.poll(newer, { timeout: 60_000 }).toEqual(['INBOUND']);
    await ask(url, key, 'mutation ($id: ID!) { endOutage(outageId: $id) { __typename } }', {
      id: outages.nodes[0].id,
    });
    const ended = async () =>
      await restored<{ address: string; ended_at: Date; reason: string }[]>`
        select address, ended_at, end_reason as reason from conversation join contact on contact.id = contact_id
        where status = 'ENDED'`;
    await expect.poll(async () => (await ended()).length, { timeout: 60_000 }).toBe(1);
    const [outage] = await restored<{ until: Date }[]>`select until from outage`;
    const [first] = await ended();
    expect(first).toMatchObject({ address: 'nearly due', reason: 'AUTO_CLOSE' });
    expect(first?.ended_at.getTime()).toBeGreaterThanOrEqual((outage?.until.getTime() ?? 0) + 3_000);
  }, 600_000);
});
