import { serve } from './commands/serve.ts';
import { cell, printNote } from './commands/terminal.ts';
import { readConfig } from './config.ts';
import { SetupError } from './domain/errors.ts';
import { createLog, type Log } from './log.ts';

let log: Log | undefined;
try {
  const config = readConfig();
  log = createLog(config);
  await serve('all', config, log);
} catch (error) {
  // Not only the exit code is set: a loaded module may keep the process running.
  process.exit(giveUp(error, log));
}

/** Prints in one line why the service cannot run. */
function giveUp(error: unknown, log: Log | undefined): number {
  const known = error instanceof SetupError;
  if (log && !known) log.fatal({ err: error }, 'failed');
  else printNote(`lull: ${cell(error instanceof Error ? error.message : String(error))}\n`);
  return known ? error.exitCode : 70;
}
