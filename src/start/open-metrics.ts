import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/client.ts';
import { readGauges } from '../db/gauges.ts';
import { isMigrated } from '../db/readiness.ts';
import { writeProbe } from '../db/rows/heartbeat.ts';
import { createMetrics, type Metrics } from '../http/metrics.ts';
import { type MetricsServer, startMetrics } from '../http/metrics-server.ts';
import { backfillJob } from '../jobs/exemption-backfill.ts';
import { laneWake } from '../jobs/lane-wake.ts';
import type { Queues } from '../jobs/queues.ts';
import { relayOutbox } from '../jobs/relay-outbox.ts';
import { scheduleAccountJob } from '../jobs/schedule-account.ts';
import type { Log } from '../log.ts';

type Parts = { db: Database; clock: Clock & { offsetMs(): number }; queues: Queues; log: Log };

/** Creates the metrics of a process; null if none are wanted. */
export function openMetrics(
  { metricsPort }: Pick<Config, 'metricsPort'>,
  { db, clock, queues, log }: Parts,
): Metrics | null {
  if (metricsPort === null) return null;
  return createMetrics({
    clock,
    readDatabase: (now) => readGauges(db.sql, now),
    readQueue: () => readDepths(queues),
    countConnections: () => db.counts(),
    log,
  });
}

/** The jobs in the queue, by kind. */
function readDepths(queues: Queues) {
  const jobs = [laneWake, scheduleAccountJob, backfillJob, relayOutbox];
  return Promise.all(jobs.map(async (job) => ({ queue: job.name, ...(await queues.depth(job)) })));
}

/** Serves the metrics, if there are any. @throws SetupError if it cannot listen */
export async function serveMetrics(
  { db, clock, metrics, log }: Pick<Parts, 'db' | 'log'> & { clock: Clock; metrics: Metrics | null },
  { host, metricsPort }: Pick<Config, 'host' | 'metricsPort'>,
): Promise<MetricsServer | null> {
  if (metrics === null || metricsPort === null) return null;
  const tryWriting = () => writeProbe(db.sql, clock.now());
  const probes = { isMigrated: () => isMigrated(db), tryWriting, clock, log };
  return await startMetrics(metrics, probes, { host, port: metricsPort });
}
