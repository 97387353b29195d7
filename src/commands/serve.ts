import { type Command, Option } from 'commander';
import type { Role } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import { keepCompiled, writeCompiled } from './compiled.ts';
import { untilSignal } from './signals.ts';

const ROLES: readonly Role[] = ['api', 'worker', 'all'];
/** The time limit of a shutdown; afterwards the reconciler finds unfinished work. */
const LEAVE_WITHIN_MS = 20_000;

/** Adds `lull serve`, which runs the service or one role of it. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('run the service')
    .description(
      'Runs the service until Ctrl-C or SIGTERM: the API, the worker that fires timers and sends messages and webhooks, or both. Any number of processes can share one database. Writes: migrates the database, and creates the embedded one and its secret key if they do not exist.',
    )
    .addOption(
      new Option('--role <role>', 'the part of the service to run')
        .choices(ROLES)
        .default('all' satisfies Role),
    )
    .action(async ({ role }: { role: Role }) => {
      const config = readConfig();
      await serve(role, config, createLog(config));
    });
}

/** Runs a role of the service until a signal, then ends the process. @throws SetupError if it cannot run */
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
 * An uncaught exception ends the process with one log line, so that a supervisor restarts it. Acknowledged work is
 * stored, and the reconciler finds the rest. The database driver throws so if a connection breaks during a write;
 * that connection would hang forever.
 */
function endOnFaults(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception: the process ends');
    process.exit(70);
  });
}
