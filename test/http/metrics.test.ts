import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readGauges } from '../../src/db/gauges.ts';
import { isMigrated } from '../../src/db/readiness.ts';
import { writeProbe } from '../../src/db/rows/heartbeat.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { type MetricsServer, startMetrics } from '../../src/http/metrics-server.ts';
import { startHttp } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';
import { HTTP_OPTIONS, openApi } from './open-api.ts';

const LATENESS = 'lull_close_lateness_seconds';
const log = createLog({ logLevel: 'silent' });
let engine: Engine;
let server: MetricsServer;
let readQueue: () => Promise<{ queue: string; waiting: number; delayed: number; active: number }[]>;
beforeEach(async () => {
  engine = await openEngine();
  await engine.policy({ autoCloseAfter: 'PT1H' });
  readQueue = async () => [{ queue: 'lane-wake', waiting: 1, delayed: 7, active: 2 }];
  const { clock, db, deps } = engine;
  const metrics = createMetrics({
    clock: { ...clock, offsetMs: () => 1_500 },
    readDatabase: (now) => readGauges(db.sql, now),
    readQueue: () => readQueue(),
    countConnections: db.counts,
    log,
  });
  deps.woke = metrics.woke;
  const tryWriting = () => writeProbe(db.sql, clock.now());
  const probes = { isMigrated: () => isMigrated(db), tryWriting, clock, log };
  server = await startMetrics(metrics, probes, { host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await server.close();
  await engine.drop();
});

const get = (path: string) => fetch(`${server.url}${path}`);
/** Every sample by its name and labels. */
async function scrape(url = server.url): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const samples = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const [, name = '', value] = /^(\S+|\S+\{.*\}) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}
/** Readings are cached for 5 s. */
async function scrapeAnew(): Promise<Map<string, number>> {
  engine.clock.advance(5_000);
  return await scrape();
}
async function quiet(address: string) {
  await engine.writes(address);
  await engine.answers(address);
}
const laneOf = async (address: string) => (await engine.latest(address)).lane_id as string;
const wake = (laneId: string, wakeAt: Date | null = null) =>
  wakeLane(engine.deps, { accountId: engine.accountId, laneId, wakeAt });

describe('wake metrics', () => {
  it('LL-13 the lateness of closes is published by timer, in buckets from which p50 and p99 can be read', async () => {
    await quiet('first');
    engine.clock.advance(2_000);
    await quiet('second');
    const laneId = await laneOf('second');
    engine.clock.advance(HOUR);
    await wake(laneId);
    const read = await scrape();
    const bucket = (le: string) => read.get(`${LATENESS}_bucket{le="${le}",timer="AUTO_CLOSE"}`);
    expect(['0.005', '1', '2.5', '3600', '+Inf'].map(bucket)).toEqual([1, 1, 2, 2, 2]);
    expect(read.get(`${LATENESS}_sum{timer="AUTO_CLOSE"}`)).toBe(2);
    expect(read.get(`${LATENESS}_count{timer="AUTO_CLOSE"}`)).toBe(2);
    expect(read.get('lull_acted_total{timer="AUTO_CLOSE"}')).toBe(2);
  });

  it('wakes are counted by outcome, and only wakes that found something have a duration', async () => {
    expect((await scrape()).get('lull_wakes_total{outcome="failed"}')).toBe(0);
    await quiet('one');
    const laneId = await laneOf('one');
    await wake(laneId);
    await wake(laneId, new Date(0));
    engine.clock.setTrusted(false);
    await wake(laneId);
    engine.clock.setTrusted(true);
    const broken = { ...engine.deps.db, sql: (() => Promise.reject(new Error('away'))) as never };
    await expect(
      wakeLane({ ...engine.deps, db: broken }, { accountId: engine.accountId, laneId, wakeAt: null }),
    ).rejects.toThrow();
    const read = await scrape();
    const wakes = ['woken', 'superseded', 'clock_not_trusted', 'failed'].map((outcome) =>
      read.get(`lull_wakes_total{outcome="${outcome}"}`),
    );
    expect(wakes).toEqual([1, 1, 1, 1]);
    expect(read.get('lull_wake_duration_seconds_count')).toBe(1);
  });

  it('a conversation that is set aside is counted', async () => {
    expect((await scrape()).get('lull_set_aside_total')).toBe(0);
    await quiet('bad');
    const { id } = await engine.latest('bad');
    const bad = `check (id <> '${id}' or status <> 'ENDED')`;
    await engine.db.sql.unsafe(`alter table conversation add constraint bad ${bad}`);
    engine.clock.advance(HOUR);
    await wake(await laneOf('bad'));
    expect((await scrape()).get('lull_set_aside_total')).toBe(1);
  });
});

describe('gauges', () => {
  it('show how many lanes exist, how many are due or overdue, and by how long', async () => {
    await quiet('one');
    await engine.wakeAll();
    const before = await scrape();
    const [{ count } = { count: 0 }] = await engine.db.sql<
      { count: number }[]
    >`select count(*)::int as count from lane`;
    expect(before.get('lull_lanes')).toBe(count);
    expect([before.get('lull_lanes_due'), before.get('lull_lanes_overdue')]).toEqual([0, 0]);
    expect(before.get('lull_lanes_behind_seconds')).toBe(0);

    const wakeAt = (secondsAgo: number) => new Date(engine.clock.now().getTime() - secondsAgo * 1_000);
    await engine.db.sql`update lane set wake_at = null`;
    const ids = await engine.db.sql<{ id: string }[]>`select id from lane order by id limit 2`;
    expect(ids).toHaveLength(2);
    await engine.db.sql`update lane set wake_at = ${wakeAt(15)} where id = ${ids[0]?.id as string}`;
    await engine.db.sql`update lane set wake_at = ${wakeAt(-2)} where id = ${ids[1]?.id as string}`;
    const after = await scrapeAnew();
    expect([after.get('lull_lanes_due'), after.get('lull_lanes_overdue')]).toEqual([2, 1]);
    expect(after.get('lull_lanes_behind_seconds')).toBe(20);
  });

  it('show the size of the outbox, the age of the oldest entry, the time since it was last processed, and the entries given up', async () => {
    await quiet('one');
    const { id } = await engine.latest('one');
    const now = engine.clock.now().getTime();
    const rows = [
      { state: 'PENDING', created: 3 * HOUR, due: MINUTE },
      { state: 'PENDING', created: MINUTE, due: -HOUR },
      { state: 'SENT', created: DAY, due: DAY },
      { state: 'DEAD', created: DAY, due: DAY },
      { state: 'DEAD', created: DAY, due: DAY },
      { state: 'UNCONFIRMED', created: DAY, due: DAY },
    ].map(({ state, created, due }) => ({
      account_id: engine.accountId,
      id: engine.deps.newId(),
      kind: 'SEND_WEBHOOK',
      conversation_id: id,
      revision: 1,
      channel_id: engine.channelId,
      payload: {},
      state,
      attempts: 0,
      created_at: new Date(now - created),
      due_at: new Date(now - due),
    }));
    await engine.db.sql`insert into outbox ${engine.db.sql(rows as never)}`;
    const read = await scrape();
    expect(read.get('lull_outbox_pending')).toBe(2);
    expect(read.get('lull_outbox_oldest_seconds')).toBe(3 * 3_600);
    expect(read.get('lull_outbox_behind_seconds')).toBe(60);
    expect(read.get('lull_circuit_breakers_open{kind="channel"}')).toBe(0);
    expect(read.get('lull_outbox_dead{state="dead"}')).toBe(2);
    expect(read.get('lull_outbox_dead{state="unconfirmed"}')).toBe(1);
  });

  it('show the queue, the clock and the connections of the database', async () => {
    const read = await scrape();
    const jobs = ['waiting', 'delayed', 'active'].map((state) =>
      read.get(`lull_queue_jobs{queue="lane-wake",state="${state}"}`),
    );
    expect(jobs).toEqual([1, 7, 2]);
    expect(read.get('lull_clock_trusted')).toBe(1);
    expect(read.get('lull_clock_offset_seconds')).toBe(1.5);
    expect(read.get('lull_db_connections{state="active"}')).toBeGreaterThanOrEqual(1);
    engine.clock.setTrusted(false);
    expect((await scrape()).get('lull_clock_trusted')).toBe(0);
  });

  it('show the use of the connections of the process', async () => {
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1`;
      expect((await scrape()).get('lull_db_pool{state="busy"}')).toBeGreaterThanOrEqual(1);
    });
    const read = await scrape();
    expect(read.get('lull_db_pool{state="idle"}')).toBeGreaterThanOrEqual(1);
    expect(read.get('lull_db_pool{state="waiting"}')).toBe(0);
    expect(read.get('lull_db_faults_total{reason="impossible_result"}')).toBe(0);
  });

  it('are read at most once in 5 s, however many scrapes there are', async () => {
    await Promise.all([scrape(), scrape(), scrape()]);
    await engine.db.sql`update lane set wake_at = ${new Date(0)}`;
    expect((await scrape()).get('lull_lanes_due')).toBe(0);
    expect((await scrapeAnew()).get('lull_lanes_due')).toBe((await scrape()).get('lull_lanes'));
  });

  it('read lanes and the outbox, and never the conversations', async () => {
    await engine.db.sql`alter table conversation rename to hidden`;
    const read = await scrape();
    await engine.db.sql`alter table hidden rename to conversation`;
    expect(read.get('lull_database_up')).toBe(1);
  });
});

describe('a scrape while a store is unreachable', () => {
  it('answers with the metrics of the process, reports the database as down, and shows no stale numbers', async () => {
    await quiet('one');
    engine.clock.advance(HOUR);
    await wake(await laneOf('one'));
    expect((await scrape()).get('lull_database_up')).toBe(1);
    await engine.db.sql`alter table lane rename to away`;
    const read = await scrapeAnew();
    await engine.db.sql`alter table away rename to lane`;
    expect(read.get('lull_database_up')).toBe(0);
    expect(read.get(`${LATENESS}_count{timer="AUTO_CLOSE"}`)).toBe(1);
    expect(read.get('lull_clock_trusted')).toBe(1);
    expect(read.get('lull_queue_up')).toBe(1);
    const gone = ['lull_lanes', 'lull_lanes_due', 'lull_lanes_overdue', 'lull_lanes_behind_seconds'];
    const sent = ['lull_outbox_pending', 'lull_outbox_oldest_seconds', 'lull_outbox_behind_seconds'];
    const labelled = ['lull_outbox_dead{state="dead"}', 'lull_db_connections{state="active"}'];
    expect([...gone, ...sent, ...labelled].filter((name) => read.has(name))).toEqual([]);
    expect((await scrape()).get('lull_database_up')).toBe(1);
  });

  it('answers when no database connection is free, and so do the probes', async () => {
    await engine.db.close();
    const read = await scrape();
    expect(read.get('lull_database_up')).toBe(0);
    expect(read.get('process_start_time_seconds')).toBeGreaterThan(0);
    expect((await get('/health')).status).toBe(200);
    const ready = await get('/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ ready: false, failing: ['database'] });
  });

  it('times out on a queue that hangs, and asks it one question at a time', async () => {
    let asked = 0;
    readQueue = () => {
      asked++;
      return new Promise(() => undefined);
    };
    const reads = await Promise.all([scrape(), scrape()]);
    expect(reads.map((read) => read.get('lull_queue_up'))).toEqual([0, 0]);
    expect(reads[0]?.get('lull_lanes')).toBeGreaterThanOrEqual(0);
    expect(asked).toBe(1);
  });
});

describe('the metrics listener', () => {
  it('has probes: /ready answers 503 while the process shuts down, and the others still work', async () => {
    expect([(await get('/health')).status, (await get('/ready')).status]).toEqual([200, 200]);
    expect((await get('/graphql')).status).toBe(404);
    server.leave();
    const ready = await get('/ready');
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, failing: ['stopping'] }]);
    expect([(await get('/health')).status, (await get('/metrics')).status]).toEqual([200, 200]);
  });

  it('publishes only numbers, with labels from a fixed set', async () => {
    await quiet('someone');
    engine.clock.advance(HOUR);
    await engine.wakeAll();
    const read = await scrape();
    expect([...read.values()].filter((value) => !Number.isFinite(value))).toEqual([]);
    const names = [...read.keys()];
    const ofLull = names.filter((name) => name.startsWith('lull_')).join('\n');
    const labels = new Set([...ofLull.matchAll(/(\w+)="/g)].map(([, label]) => label));
    expect([...labels].sort()).toEqual(['kind', 'le', 'outcome', 'queue', 'reason', 'state', 'timer']);
    const text = names.join('\n');
    for (const secret of [engine.accountId, engine.channelId, await laneOf('someone'), 'someone'])
      expect(text).not.toContain(secret ?? 'no lane');
  });
});

describe('requests', () => {
  it('are counted by operation and status, webhooks among them', async () => {
    const api = await openApi();
    const counted: string[] = [];
    const answered = (...what: [route: string, status: number]) => void counted.push(what.join(' '));
    const counting = await startHttp({ ...api.deps, answered }, HTTP_OPTIONS);
    const id = engine.deps.newId();
    const paths = ['/health', '/ready?x=1', `/webhooks/${id}/${id}`, '/nothing', '/graphql'];
    for (const path of paths) await fetch(`${counting.url}${path}`);
    await expect.poll(() => counted.length).toBe(5);
    await counting.close();
    await api.close();
    expect(counted.slice(0, 4)).toEqual(['probes 200', 'probes 200', 'webhooks 404', 'other 404']);
    expect(counted[4]).toMatch(/^graphql 4\d\d$/);
  });
});
