/** Runs a round every `intervalMs`, one at a time. A round must not reject. `stop` waits for the running round. */
export function runEvery(intervalMs: number, round: () => Promise<void>): { stop(): Promise<void> } {
  let running: Promise<void> | null = null;
  const timer = setInterval(() => {
    running ??= round().finally(() => {
      running = null;
    });
  }, intervalMs);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
