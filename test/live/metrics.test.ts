import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/app.ts';
import { eventually } from '../support/closes.ts';
import { KINDS, openStore, type Store } from '../support/live.ts';
import { requireOrSkip } from '../support/redis.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

/** The address at which a process reports its metrics. */
const metricsUrl = (service: ServiceProcess) => /"metrics":"([^"]+)"/.exec(service.said())?.[1];

describe.each(KINDS)('metrics of processes with the queue on %s', (kind) => {
  const skips = kind === 'redis' ? requireOrSkip('redis') : { skip: false };
  let store: Store;
  let engine: Engine;
  let tenant: Tenant;

  beforeAll(async () => {
    if (skips.skip) return;
    store = await openStore(kind);
    engine = await store.engine();
    tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
  });
  afterAll(async () => {
    if (!skips.skip) await store.close();
  });

  const serve = (role: string, env: NodeJS.ProcessEnv = {}) =>
    spawnService({ ...store.env, LOG_LEVEL: 'info', ...env }, 'src/cli.ts', 'serve', '--role', role);
  async function leave(service: ServiceProcess) {
    service.kill('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
  }

  it(
    'LL-13 a worker, which has no API, answers probes and publishes the lateness of its closes',
    skips,
    async () => {
      const worker = serve('worker', { LULL_METRICS_PORT: '0' });
      expect(await worker.running).toBeNull();
      const url = metricsUrl(worker);
      expect(url, worker.said()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      const [health, ready] = await Promise.all(['/health', '/ready'].map((path) => fetch(`${url}${path}`)));
      expect(await health?.json()).toEqual({ status: 'up' });
      expect(await ready?.json()).toEqual({ ready: true, failing: [] });

      await tenant.answered(['quiet'], tenant.in(-60 * 60_000 + 500));
      await eventually(async () => {
        const text = await (await fetch(`${url}/metrics`)).text();
        expect(text).toContain('lull_close_lateness_seconds_count{timer="AUTO_CLOSE"} 1\n');
        expect(text).toMatch(/^lull_close_lateness_seconds_bucket\{le="\+Inf",timer="AUTO_CLOSE"\} 1$/m);
        for (const up of ['database', 'queue']) expect(text).toContain(`lull_${up}_up 1\n`);
        for (const queue of ['lane-wake', 'schedule-account', 'exemption-backfill', 'relay-outbox'])
          expect(text).toMatch(
            new RegExp(`^lull_queue_jobs\\{queue="${queue}",state="delayed"\\} \\d+$`, 'm'),
          );
      });
      await leave(worker);
      await expect(fetch(`${url}/health`)).rejects.toThrow();
    },
  );

  it('an API process counts its requests, and publishes no metrics if no port is set', skips, async () => {
    const [counting, other] = [serve('api', { LULL_METRICS_PORT: '0' }), serve('api')];
    const [url, otherUrl] = await Promise.all([counting.running, other.running]);
    expect((await fetch(`${url}/webhooks/a/b`, { method: 'POST' })).status).toBe(404);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    await eventually(async () => {
      const text = await (await fetch(`${metricsUrl(counting)}/metrics`)).text();
      expect(text).toContain('lull_http_requests_total{route="webhooks",status="404"} 1\n');
      expect(text).toContain('lull_wakes_total{outcome="woken"} 0\n');
    });
    expect(other.said()).toContain('"metrics":null');
    expect((await fetch(`${otherUrl}/metrics`)).status).toBe(404);
    await Promise.all([leave(counting), leave(other)]);
  });

  it('a process stays within its budget of connections under any load', skips, async () => {
    const own = await openStore(kind);
    const service = spawnService({ ...own.env, LOG_LEVEL: 'info' }, 'src/cli.ts', 'serve', '--role', 'all');
    const url = await service.running;
    const unknown = engine.deps.newId();
    const paths = Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0 ? '/ready' : `/webhooks/${unknown}/${unknown}`,
    );
    const statuses = await Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`)).status));
    expect(new Set(statuses)).toEqual(new Set([200, 404]));
    const [{ count } = { count: 0 }] = await own.sql<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'lull'`;
    expect(count).toBeGreaterThan(5);
    expect(count).toBeLessThanOrEqual(kind === 'postgres' ? 22 : 16);
    await leave(service);
    await own.close();
  });
});
