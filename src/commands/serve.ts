import { type Command, Option } from 'commander';
import type { Role } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import { keepCompiled, writeCompiled } from './compiled.ts';
import { untilSignal } from './signals.ts';

const ROLES: readonly Role[] = ['api', 'worker', 'all'];
/** How long what runs may take to end; then the process leaves, and the reconciler finds what it left undone. */
const LEAVE_WITHIN_MS = 20_000;

/** Adds `lull serve`: the service as a whole, or one part of it. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('run the service')
    .description(
      'Runs the service until Ctrl-C or SIGTERM: the API, the worker that wakes lanes and sends what is owed, or both. Start as many of each as you like on one database. Writes: it migrates the database, and makes the embedded one and its secret key where there is none.',
    )
    .addOption(new Option('--role <role>', 'which part').choices(ROLES).default('all' satisfies Role))
    .action(async ({ role }: { role: Role }) => {
      const config = readConfig();
      await serve(role, config, createLog(config));
    });
}

/** Runs the service in a role until it is signalled, and then ends the process. @throws SetupError where it cannot run */
export async function serve(role: Role, config: Config, log: Log): Promise<void> {
  keepCompiled();
  const { startService } = await import('../app.ts');
  const { engine, url, metricsUrl, close } = await startService(config, log, role);
  endOnFaults(log);
  const signalled = untilSignal();
  const where = url === null ? 'as a worker' : `on ${url}`;
  log.info({ role, url, metrics: metricsUrl, queue: engine.queues.kind }, `Lull is running ${where}`);
  writeCompiled();
  log.info({ signal: await signalled }, 'stopping');
  setTimeout(() => process.exit(1), LEAVE_WITHIN_MS).unref();
  await close();
  process.exit(0);
}

/**
 * Anything uncaught ends the process with one line, for whoever runs it to start it again: nothing that was
 * acknowledged is lost, and the reconciler finds what was under way. The database driver throws so, now and then,
 * where a connection breaks in mid-write; a connection that has come to harm that way would hang for ever.
 */
function endOnFaults(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ending, to be started again');
    process.exit(70);
  });
}
