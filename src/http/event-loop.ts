import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often an idle process measures its delay. */
const RESOLUTION_MS = 50;
const SAMPLE_MS = 500;

/** The delay of the event loop. */
export type EventLoopWatch = {
  /** The average delay over at least a second, in milliseconds. */
  delayMs(): number;
  stop(): void;
};

/**
 * Measures the event loop's delay. The smaller value of the last two half seconds counts, so that a single long
 * task or a suspended process is not taken for overload.
 */
export function watchEventLoop(): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let last = 0;
  let steady = 0;
  const timer = setInterval(() => {
    const meanMs = histogram.mean / 1e6 - RESOLUTION_MS;
    histogram.reset();
    const sampled = Number.isNaN(meanMs) ? 0 : Math.max(0, meanMs);
    steady = Math.min(last, sampled);
    last = sampled;
  }, SAMPLE_MS).unref();
  return {
    delayMs: () => steady,
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
