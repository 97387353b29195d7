import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { printNote } from './terminal.ts';

/** Adds `lull migrate`, which migrates the database before any process starts. */
export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('migrate the database to the newest version')
    .description(
      'Migrates the database to the newest version and exits. Every process does the same at its start; concurrent migrations wait for each other. Writes: migrates the database, and creates the embedded one if it does not exist.',
    )
    .action(async () => {
      const { migrate } = await import('../app.ts');
      const config = readConfig();
      await migrate(config, createLog(config));
      printNote('the database is up to date\n');
    });
}
