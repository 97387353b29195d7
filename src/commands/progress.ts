import { SingleBar } from 'cli-progress';
import type { Progress } from '../insight/replay/timeline.ts';

/**
 * Does work and shows on stderr how far it is: on a terminal only, and only if the work tells. What is of a
 * moment tells nothing, so no bar flickers by.
 */
export async function withProgress<T>(
  label: string,
  work: (onProgress: Progress) => T | Promise<T>,
): Promise<T> {
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${label} {bar} {percentage} %`,
    clearOnComplete: true,
    // Its own handling of Ctrl-C would let the process run on, and without it nothing may be left to restore.
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
