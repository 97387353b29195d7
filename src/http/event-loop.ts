import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the process looks around while it has nothing to do. */
const RESOLUTION_MS = 50;
const SAMPLE_MS = 500;

/** How late the process gets round to what it has to do. */
export type EventLoopWatch = {
  /** In milliseconds: for a second at least, it has been as late as this on average. */
  delayMs(): number;
  stop(): void;
};

/**
 * Watches the event loop's delay. The lesser of the last two half seconds counts: a single long task, or a process that
 * was paused, is not overload.
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
