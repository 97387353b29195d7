import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import type { Engine } from '../../src/app.ts';
import { readHeartbeat, writeHeartbeat } from '../../src/db/rows/heartbeat.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { openStore, type Store } from '../support/live.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('a service that is killed and restarted', () => {
  let store: Store;
  let engine: Engine;
  let tenant: Tenant;
  let service: ServiceProcess;
  let key: string;

  beforeAll(async () => {
    store = await openStore('postgres');
    // Used only for setup and checks: it wakes nothing, and is not a service.
    engine = await store.engine();
    tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
    key = await createApiKey(
      engine.db,
      { accountId: tenant.accountId, name: 'test', scopes: SCOPES },
      { id: engine.deps.newId(), now: engine.clock.now() },
    );
  });
  afterAll(async () => {
    service.kill('SIGKILL');
    await service.ended;
    await store.close();
  });

  const start = async (role = 'all') => {
    service = spawnService({ ...store.env, LOG_LEVEL: 'info' }, 'src/cli.ts', 'serve', '--role', role);
    return await service.running;
  };
  async function ask(url: string | null, query: string, variables: object = {}) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers have the shape their query asks for
    return ((await response.json()) as { data: any }).data;
  }
  /** Whether the newest rules are in force in every lane, and each has settled. */
  const settled = async ({ accountId }: Tenant) => {
    const unsettled = await store.sql`
      select 1 from account where scheduled_version <> rules_version
      union all select 1 from lane where account_id = ${accountId} and wake_at <= ${tenant.in(1_000)}`;
    return unsettled.length;
  };

  it('LL-7 closes nothing that fell due during the downtime, and shows when it will close instead', async () => {
    expect(await start(), service.said()).toMatch(/^http/);
    service.kill('SIGKILL');
    await service.ended;
    expect(await readHeartbeat(store.sql)).not.toBeNull();
    const down = tenant.in(-10 * MINUTE);
    const lastActivity = tenant.in(-62 * MINUTE);
    await tenant.answered(['fell due meanwhile'], lastActivity);
    await writeHeartbeat(store.sql, down);

    const before = engine.clock.now();
    const url = await start();
    const ready = engine.clock.now();
    expect(url, service.said()).toMatch(/^http/);
    expect(service.said()).toContain('the service was down; that time does not count');
    const { outages } = await ask(url, '{ outages { nodes { kind channel { name } since until } } }');
    const [{ until }] = outages.nodes;
    expect(outages.nodes).toEqual([{ kind: 'DOWNTIME', channel: null, since: down.toISOString(), until }]);
    expect(Date.parse(until)).toBeGreaterThanOrEqual(before.getTime() + 2 * MINUTE);
    expect(Date.parse(until)).toBeLessThanOrEqual(ready.getTime() + 2 * MINUTE);

    await expect.poll(() => settled(tenant), { timeout: 60_000 }).toBe(0);
    //await expect.poll(settled, { timeout: 60_000 }).toBe(0);
    const { id, status, revision } = await tenant.latest('fell due meanwhile');
    expect([status, revision]).toEqual(['ACTIVE', 2]);
    const shown = await ask(url, 'query ($id: ID!) { conversation(id: $id) { due { at timer } } }', {
      id: encodeId('Conversation', id),
    });
    const pushedMs = Date.parse(until) - down.getTime();
    expect(shown.conversation.due).toEqual({
      at: new Date(lastActivity.getTime() + HOUR + pushedMs).toISOString(),
      timer: 'AUTO_CLOSE',
    });
  });

  it('LL-7 does not apply the outage to an account that is created afterwards', async () => {
    const later = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
    await later.answered(['was due'], later.in(-HOUR + 1_000));
    await expect.poll(async () => (await later.latest('was due')).status, { timeout: 60_000 }).toBe('ENDED');
  });

  it('LL-7 writes a last heartbeat when it is stopped, and a worker that starts then records no outage', async () => {
    const asked = engine.clock.now();
    service.kill('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    const beat = await readHeartbeat(store.sql);
    expect(beat?.getTime()).toBeGreaterThanOrEqual(asked.getTime() - 100);
    const count = async () => (await store.sql`select 1 from outage`).length;
    const known = await count();
    await start('worker');
    service.kill('SIGTERM');
    await service.ended;
    expect(await count()).toBe(known);
    expect(await readHeartbeat(store.sql)).toEqual(beat);
  });

  it('LL-7 records the downtime before it wakes any conversation', async () => {
    const other = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
    await other.answered(['for a worker'], other.in(-62 * MINUTE));
    const down = other.in(-6 * MINUTE);
    await writeHeartbeat(store.sql, down);
    await start('worker');
    await expect.poll(() => settled(other), { timeout: 60_000 }).toBe(0);
    expect(await other.latest('for a worker')).toMatchObject({ status: 'ACTIVE', revision: 2 });
    const recorded = await store.sql`
      select kind, channel_id, since from outage where account_id = ${other.accountId}`;
    expect([...recorded]).toEqual([{ kind: 'DOWNTIME', channel_id: null, since: down }]);
  });
});
