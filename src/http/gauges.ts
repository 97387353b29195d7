import { Gauge, type Registry } from 'prom-client';
import type { DatabaseGauges } from '../db/gauges.ts';

/** The load of an API: running requests, waiting requests, and open subscriptions. */
export type Load = { requests: number; waiting: number; subscriptions: number };

/** The running sends of this process, and those without an answer for a second or longer. */
export type Sends = { sending: number; stalled: number };

/** The jobs of one kind in the queue, by state. */
export type QueueDepth = { queue: string; waiting: number; delayed: number; active: number };

/** Creates the gauges of a process, with functions that set them. */
export function gaugesIn(registry: Registry) {
  const gauge: MakeGauge = (name, help, labelNames = []) =>
    new Gauge({ name: `lull_${name}`, help, labelNames, registers: [registry] });
  return { ...processGauges(gauge), showDatabase: databaseGauges(gauge), showQueue: queueGauges(gauge) };
}

type MakeGauge = (name: string, help: string, labelNames?: string[]) => Gauge;

function processGauges(gauge: MakeGauge) {
  const requests = gauge('http_requests', 'Requests that run in this process, and requests that wait.', [
    'state',
  ]);
  const listening = gauge('subscriptions', 'Subscriptions that this process serves.');
  const sends = gauge('sends', 'Running sends: prompt, and stalled without an answer for a second.', [
    'state',
  ]);
  return {
    pool: gauge('db_pool', 'Connections of this process to the database, and statements that wait for one.', [
      'state',
    ]),
    clockTrusted: gauge('clock_trusted', 'Whether the time is trusted; while it is not, nothing is ended.'),
    clockOffset: gauge(
      'clock_offset_seconds',
      "The database's time minus this machine's. Lull uses the database's.",
    ),
    showLoad({ requests: working, waiting, subscriptions }: Load) {
      requests.set({ state: 'working' }, working);
      requests.set({ state: 'waiting' }, waiting);
      listening.set(subscriptions);
    },
    showSends({ sending, stalled }: Sends) {
      sends.set({ state: 'prompt' }, sending - stalled);
      sends.set({ state: 'stalled' }, stalled);
    },
  };
}

/** Gauges with one value that is read from the database. */
const DATABASE_GAUGES: readonly [name: string, help: string, of: (read: DatabaseGauges) => number][] = [
  ['lanes', 'Lanes of all accounts.', (read) => read.lanes],
  ['lanes_due', 'Lanes that are due and have not been woken yet.', (read) => read.lanesDue],
  ['lanes_overdue', 'Lanes that have been due for 5 s or longer.', (read) => read.lanesOverdue],
  [
    'lanes_behind_seconds',
    'How long the most overdue lane has waited; 0 if none is due.',
    (read) => read.lanesBehindMs / 1_000,
  ],
  ['outbox_pending', 'Effects that are still to be sent, up to 100,000.', (read) => read.outboxPending],
  [
    'outbox_oldest_seconds',
    'Age of the oldest effect still to be sent.',
    (read) => read.outboxOldestMs / 1_000,
  ],
  [
    'outbox_behind_seconds',
    'How long the most overdue effect has waited for a worker, without those behind an open circuit breaker.',
    (read) => read.outboxBehindMs / 1_000,
  ],
];

function databaseGauges(gauge: MakeGauge): (read: DatabaseGauges | null) => void {
  const up = gauge('database_up', 'Whether the database answered; otherwise its metrics are left out.');
  const single = DATABASE_GAUGES.map(([name, help, of]) => ({ metric: gauge(name, help), of }));
  const circuits = gauge('circuit_breakers_open', 'Channels and endpoints with an open circuit breaker.', [
    'kind',
  ]);
  const dead = gauge('outbox_dead', 'Effects that failed, or whose outcome is unknown, up to 100,000.', [
    'state',
  ]);
  const connections = gauge('db_connections', 'Connections of all processes to the database.', ['state']);
  return (read) => {
    up.set(read === null ? 0 : 1);
    for (const { metric, of } of single) {
      // An outdated value would look current.
      if (read === null) metric.remove();
      else metric.set(of(read));
    }
    for (const metric of [dead, circuits, connections]) metric.reset();
    if (read === null) return;
    for (const [kind, count] of Object.entries(read.circuitsOpen)) circuits.set({ kind }, count);
    dead.set({ state: 'dead' }, read.outboxDead);
    dead.set({ state: 'unconfirmed' }, read.outboxUnconfirmed);
    for (const [state, count] of Object.entries(read.connections))
      connections.set({ state: state.replaceAll(' ', '_') }, count);
  };
}

function queueGauges(gauge: MakeGauge): (depths: QueueDepth[] | null) => void {
  const up = gauge('queue_up', 'Whether the queue answered; otherwise its jobs are left out.');
  const jobs = gauge('queue_jobs', 'Jobs in the queue, of all processes.', ['queue', 'state']);
  return (depths) => {
    up.set(depths === null ? 0 : 1);
    jobs.reset();
    for (const { queue, ...states } of depths ?? [])
      for (const [state, count] of Object.entries(states)) jobs.set({ queue, state }, count);
  };
}
