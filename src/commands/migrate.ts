import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { printNote } from './terminal.ts';

/** Adds `lull migrate`, which migrates the database before any process starts. */
export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('bring the database to the newest version')
    .description(
      'Brings the database to the newest version and ends. Every process does so at its start; processes that start together wait for each other. Writes: it makes the embedded database where there is none.',
    )
    .action(async () => {
      const { migrate } = await import('../app.ts');
      const config = readConfig();
      await migrate(config, createLog(config));
      printNote('the database is up to date\n');
    });
}
