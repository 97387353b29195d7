import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import type { DatabaseCounts } from '../db/client.ts';
import type { DatabaseGauges } from '../db/gauges.ts';
import type { EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { REFUSALS, type Refusal } from './admission.ts';
import { gaugesIn, type Load, type QueueDepth, type Sends } from './gauges.ts';
import { inTime } from './probes.ts';

/** The metrics of a process. */
export type Metrics = {
  /** Counts a wake. */
  woke: NonNullable<EngineDeps['woke']>;
  /** Counts an answered request. */
  answered(route: string, status: number): void;
  /** Counts a refused request. */
  refused(reason: Refusal): void;
  /** Adds the sends of this process. */
  sending(load: () => Sends): void;
  /** Adds the load of this process's API. */
  serving(load: () => Load): void;
  /**
   * Renders all metrics in Prometheus' text format. Never rejects: sources that do not answer are left out.
   */
  scrape(): Promise<{ text: string; contentType: string }>;
};

/** The sources of metrics that the process does not count itself. */
export type MetricsSources = {
  clock: Clock & { offsetMs(): number };
  readDatabase: (now: Date) => Promise<DatabaseGauges>;
  readQueue: () => Promise<QueueDepth[]>;
  /** The state of the process's own connections to the database. */
  countConnections: () => DatabaseCounts;
  log: Log;
};

/** How long values are cached, so that many scrapers cause no more work than one. */
const KEPT_MS = 5_000;
/** A slower source counts as down. Prometheus itself waits for 10 s. */
const ANSWER_WITHIN_MS = 2_000;
const LATENESS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300, 3_600];
const WAKE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const OUTCOMES = {
  woken: 'woken',
  superseded: 'superseded',
  'clock not trusted': 'clock_not_trusted',
  failed: 'failed',
} as const;

/**
 * Creates the metrics of a process (LL-13) in their own registry. Labels have a fixed set of values, without
 * accounts, conversations or channels.
 */
export function createMetrics({
  clock,
  readDatabase,
  readQueue,
  countConnections,
  log,
}: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counts = countsIn(registry);
  // A rate ignores a series that appears with its first count.
  for (const outcome of Object.values(OUTCOMES)) counts.wakes.inc({ outcome }, 0);
  for (const reason of REFUSALS) counts.refused.inc({ reason }, 0);
  const gauges = gaugesIn(registry);
  let load: (() => Load) | null = null;
  let sends: (() => Sends) | null = null;
  const database = kept(clock, log, () => readDatabase(clock.now()));
  const queue = kept(clock, log, readQueue);

  return {
    woke(report, tookMs) {
      counts.wakes.inc({ outcome: OUTCOMES[report.kind] });
      if (report.kind !== 'woken') return;
      counts.wakeDuration.observe(tookMs / 1_000);
      for (const [timer, acted] of Object.entries(report.acted)) counts.acted.inc({ timer }, acted);
      for (const [timer, late] of Object.entries(report.latenessMs))
        for (const ms of late) counts.lateness.observe({ timer }, ms / 1_000);
      counts.setAside.inc(report.setAside.length);
    },
    answered(route, status) {
      counts.answers.inc({ route, status: String(status) });
    },
    refused(reason) {
      counts.refused.inc({ reason });
    },
    serving(read) {
      load = read;
    },
    sending(read) {
      sends = read;
    },
    async scrape() {
      const [read, depths] = await Promise.all([database(), queue()]);
      gauges.clockTrusted.set(clock.isTrusted() ? 1 : 0);
      gauges.clockOffset.set(clock.offsetMs() / 1_000);
      if (load !== null) gauges.showLoad(load());
      if (sends !== null) gauges.showSends(sends());
      gauges.showDatabase(read);
      gauges.showQueue(depths);
      showConnections(counts, gauges, countConnections());
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

function showConnections(
  { faults }: ReturnType<typeof countsIn>,
  { pool }: ReturnType<typeof gaugesIn>,
  counts: DatabaseCounts,
): void {
  faults.reset();
  for (const [reason, count] of Object.entries(counts.faults)) faults.inc({ reason }, count);
  pool.set({ state: 'busy' }, counts.open - counts.idle);
  pool.set({ state: 'idle' }, counts.idle);
  pool.set({ state: 'waiting' }, counts.waiting);
}

function countsIn(registry: Registry) {
  const registers = [registry];
  return {
    lateness: new Histogram({
      name: 'lull_close_lateness_seconds',
      help: 'How late conversations were ended, by the timer that ended them: from the due instant, the rules in force or the command that made it due, whichever was last.',
      labelNames: ['timer'],
      buckets: LATENESS_SECONDS,
      registers,
    }),
    wakes: new Counter({
      name: 'lull_wakes_total',
      help: 'Wakes of lanes. superseded: the alarm was not the newest one of its lane, and did nothing.',
      labelNames: ['outcome'],
      registers,
    }),
    wakeDuration: new Histogram({
      name: 'lull_wake_duration_seconds',
      help: 'How long wakes took that were not superseded. One gives way after 0.25 s, at the end of a batch.',
      buckets: WAKE_SECONDS,
      registers,
    }),
    acted: new Counter({
      name: 'lull_acted_total',
      help: 'Conversations that a timer acted on: ended, made inactive, reminded, released.',
      labelNames: ['timer'],
      registers,
    }),
    setAside: new Counter({
      name: 'lull_set_aside_total',
      help: 'Conversations whose row no timer could act on, taken out of their lane so that it goes on.',
      registers,
    }),
    answers: new Counter({
      name: 'lull_http_requests_total',
      help: 'Requests that were answered, by what was asked for (graphql, webhooks, probes, other) and HTTP status.',
      labelNames: ['route', 'status'],
      registers,
    }),
    faults: new Counter({
      name: 'lull_db_faults_total',
      help: 'Connections to the database that were not in the state in which they have to be, by what showed it: transaction_warning (the server warned of a transaction), impossible_result (rows other than the server sent), not_clean (after an error), nested (a statement outside of a transaction that would have waited within it). Each is a fault of Lull or of its driver.',
      labelNames: ['reason'],
      registers,
    }),
    refused: new Counter({
      name: 'lull_http_refused_total',
      help: 'Requests that were answered 503 before anything was done for them, by reason: full (too many waited), waited (not admitted in time), event_loop (the process was overloaded), memory (too many bodies were being read).',
      labelNames: ['reason'],
      registers,
    }),
  };
}

/** Reads one at a time and at most every 5 s; null if there was no answer in time. */
function kept<T>(clock: Clock, log: Log, read: () => Promise<T>): () => Promise<T | null> {
  let last: { atMs: number; value: T } | null = null;
  let running: Promise<T> | null = null;
  return async () => {
    const atMs = clock.now().getTime();
    if (last !== null && atMs - last.atMs < KEPT_MS) return last.value;
    running ??= read().finally(() => {
      running = null;
    });
    try {
      const value = await inTime(ANSWER_WITHIN_MS, running);
      last = { atMs, value };
      return value;
    } catch (error) {
      log.debug({ err: error }, 'a metric could not be read');
      last = null;
      return null;
    }
  };
}
