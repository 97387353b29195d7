const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** One Ctrl-C arrives twice: from the terminal, and passed on by npm. */
const ONE_AND_THE_SAME_MS = 2_000;

/** Resolves at the first SIGINT or SIGTERM, to its name. A later one, from somebody who will not wait, ends the process at once. */
export async function untilSignal(): Promise<string> {
  return await new Promise((resolve) => {
    let impatient = false;
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (impatient) process.exit(130);
        setTimeout(() => {
          impatient = true;
        }, ONE_AND_THE_SAME_MS).unref();
        resolve(signal);
      });
  });
}
