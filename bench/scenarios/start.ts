import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import { type ServiceProcess, spawnService } from '../../test/support/service.ts';
import { memoryOf, memoryOfPostgres } from '../http/memory.ts';
import { stop } from '../http/service.ts';
import { median, until } from '../measure.ts';
import type { Figure, Findings } from '../report.ts';

const FIRST_TIMES = 3;
const WARM_TIMES = 5;
const READY_WITHIN_MS = 60_000;
/** After so long a service that nobody calls is taken to be idle. */
const IDLE_AFTER_MS = 10_000;

/**
 * From the start of the process until /ready says yes: of the whole service, API and worker, with the built-in
 * Postgres. The first start makes the database: initdb, migrations, the queue's tables; a warm one finds them, and
 * starts Postgres. And what memory the service and its Postgres hold once nobody calls.
 */
export async function start(seconds: number, onProgress: Progress): Promise<Findings> {
  const firstMs: number[] = [];
  const warmMs: number[] = [];
  const memory: Figure[] = [];
  for (let time = 0; time < FIRST_TIMES; time++) {
    const folder = mkdtempSync(join(tmpdir(), 'lull-bench-start-'));
    chmodSync(folder, 0o755);
    try {
      firstMs.push(await timeToReady(folder));
      const warmTimes = time === FIRST_TIMES - 1 ? WARM_TIMES : 0;
      for (let warm = 0; warm < warmTimes; warm++) {
        warmMs.push(await timeToReady(folder));
        onProgress(FIRST_TIMES + warm, FIRST_TIMES + WARM_TIMES);
      }
      if (warmTimes > 0) memory.push(...(await idleMemory(folder, Math.min(IDLE_AFTER_MS, seconds * 1000))));
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
    onProgress(time + 1, FIRST_TIMES + WARM_TIMES);
  }
  return {
    figures: [
      { name: `first start, median of ${FIRST_TIMES}`, value: median(firstMs), unit: 'ms', atMost: 5000 },
      { name: `warm start, median of ${WARM_TIMES}`, value: median(warmMs), unit: 'ms', atMost: 2500 },
      { name: 'warm start, slowest', value: Math.max(...warmMs), unit: 'ms' },
      ...memory,
    ],
    failures: [],
  };
}

async function timeToReady(folder: string): Promise<number> {
  const started = performance.now();
  const service = await ready(folder);
  const ms = performance.now() - started;
  await stop(service);
  return ms;
}

async function idleMemory(folder: string, afterMs: number): Promise<Figure[]> {
  const service = await ready(folder);
  try {
    await sleep(afterMs);
    const figure = (name: string, value: number | null): Figure[] =>
      value === null ? [] : [{ name: `idle memory, ${name}`, value, unit: 'MiB' }];
    return [
      ...figure('API and worker', memoryOf(service.pid)),
      ...figure('Postgres', memoryOfPostgres(folder)),
    ];
  } finally {
    await stop(service);
  }
}

async function ready(folder: string): Promise<ServiceProcess> {
  const service = spawnService({ LULL_DATA_DIR: folder, PORT: '0', NODE_ENV: 'production' });
  const url = await service.running;
  if (url === null) throw new Error(`the service does not run: ${service.said()}`);
  await until('/ready', READY_WITHIN_MS, 5, async () => (await fetch(`${url}/ready`)).ok);
  return service;
}
