import { memoryOf } from '../http/memory.ts';
import type { Reading } from './samples.ts';
import type { Process } from './world.ts';

const MIB = 2 ** 20;
type Kind = Omit<Reading, 'value'> & { metric: string; times: number; only?: Process['role'] };

/** The quantities that a process reports. `memory, its own` is the memory that it does not share. */
const METRICS: readonly Kind[] = [
  {
    ...{ name: 'memory, resident', metric: 'process_resident_memory_bytes', times: 1 / MIB, unit: 'MiB' },
    ...{ floor: 16, counts: 'highest' },
  },
  { name: 'heap in use', metric: 'nodejs_heap_size_used_bytes', times: 1 / MIB, unit: 'MiB', floor: 8 },
  { name: 'beside the heap', metric: 'nodejs_external_memory_bytes', times: 1 / MIB, unit: 'MiB', floor: 8 },
  { name: 'sockets, timers', metric: 'nodejs_active_resources_total', times: 1, unit: '', floor: 30 },
  {
    ...{ name: 'event-loop delay, mean', metric: 'nodejs_eventloop_lag_mean_seconds', times: 1_000 },
    ...{ unit: 'ms', floor: 5 },
  },
  {
    ...{ name: 'event-loop delay, p99', metric: 'nodejs_eventloop_lag_p99_seconds', times: 1_000 },
    ...{ unit: 'ms', floor: 20 },
  },
  {
    ...{ name: 'requests under way', metric: 'lull_http_requests{state="working"}', times: 1, unit: '' },
    ...{ floor: 16, only: 'api' },
  },
  {
    ...{ name: 'requests that wait', metric: 'lull_http_requests{state="waiting"}', times: 1, unit: '' },
    ...{ floor: 16, only: 'api' },
  },
  { name: 'subscriptions', metric: 'lull_subscriptions', times: 1, unit: '', floor: 30, only: 'api' },
  {
    ...{ name: 'effects still to be sent', metric: 'lull_outbox_pending', times: 1, unit: '' },
    ...{ floor: 100, only: 'worker' },
  },
];

/** Makes what looks at a process: memory, event loop, processor, and what it is busy with. */
export function readProcess({ role, metricsUrl, service }: Process): () => Promise<Reading[]> {
  let before: { seconds: number; atMs: number } | null = null;
  return async () => {
    const metrics = await readMetrics(metricsUrl);
    const readings = METRICS.flatMap(({ metric, times, only, name, ...kind }): Reading[] => {
      if (only !== undefined && only !== role) return [];
      const value = metrics.get(metric);
      return [{ ...kind, name: `${role}: ${name}`, value: value === undefined ? null : value * times }];
    });
    const own = memoryOf(service.pid);
    const ofMemory = { unit: 'MiB', floor: 16, counts: 'highest' } as const;
    if (own !== null) readings.push({ name: `${role}: memory, its own`, value: own, ...ofMemory });

    const now = { seconds: metrics.get('process_cpu_seconds_total') ?? 0, atMs: performance.now() };
    const share =
      before === null ? null : ((now.seconds - before.seconds) * 100_000) / (now.atMs - before.atMs);
    before = now;
    return [...readings, { name: `${role}: processor`, value: share, unit: '%', floor: 10 }];
  };
}

async function readMetrics(url: string): Promise<Map<string, number>> {
  // On a connection of its own: one that is kept may be closed just as it is used again.
  const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } });
  const text = await response.text();
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (at > 0 && !line.startsWith('#')) found.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return found;
}
