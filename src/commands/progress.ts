import { SingleBar } from 'cli-progress';
import type { Progress } from '../insight/replay/timeline.ts';

/** Runs `work` and shows its progress on stderr, if that is a terminal and the work reports any. */
export async function withProgress<T>(
  label: string,
  work: (onProgress: Progress) => T | Promise<T>,
): Promise<T> {
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${label} {bar} {percentage} %`,
    clearOnComplete: true,
    // The bar's own handling of Ctrl-C would keep the process running.
    gracefulExit: false,
    linewrap: true,
  });
  let started = false;
  try {
    return await work((done, total) => {
      if (!started) bar.start(total, done);
      started = true;
      bar.update(done);
    });
  } finally {
    bar.stop();
  }
}
