const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** One Ctrl-C arrives twice: from the terminal and from npm. */
const SAME_SIGNAL_MS = 2_000;

/** Resolves to the name of the first SIGINT or SIGTERM. A second one ends the process at once. */
export async function untilSignal(): Promise<string> {
  return await new Promise((resolve) => {
    let endsProcess = false;
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (endsProcess) process.exit(130);
        setTimeout(() => {
          endsProcess = true;
        }, SAME_SIGNAL_MS).unref();
        resolve(signal);
      });
  });
}
