#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addAdapter } from './commands/adapter.ts';
import { addConversations } from './commands/conversations.ts';
import { addDemo } from './commands/demo.ts';
import { addExplain } from './commands/explain.ts';
import { addImport } from './commands/import.ts';
import { addKeys } from './commands/keys.ts';
import { addLanes } from './commands/lanes.ts';
import { addMigrate } from './commands/migrate.ts';
import { addReplay } from './commands/replay.ts';
import { addServe } from './commands/serve.ts';
import { cell, printNote } from './commands/terminal.ts';
import { readConfig } from './config.ts';
import { LullError, SetupError } from './domain/errors.ts';

/** Exit codes. A SetupError has its own. */
const BAD_INPUT = 2;
const UNEXPECTED = 70;

const program = new Command('lull')
  .description(packageJson.description)
  .version(packageJson.version)
  .exitOverride()
  // One line for each error, so that it stays one in a log.
  .configureOutput({
    outputError: (text, write) => write(`${cell(text.trim().replace(/\s*\n\s*/g, ' '))}\n`),
  });

// Every command is in its own file under commands/.
const commands = [
  addServe,
  addMigrate,
  addKeys,
  addConversations,
  addExplain,
  addLanes,
  addReplay,
  addImport,
  addDemo,
  addAdapter,
];
for (const add of commands) add(program);

// A reader that stops early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // Not only the exit code is set: a loaded module may keep the process running.
  process.exit(report(error));
}

/** Prints an error to stderr. The only place that turns an error into an exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT;
  if (error instanceof LullError) {
    printNote(`error: ${cell(error.message)}\n`);
    return error instanceof SetupError ? error.exitCode : BAD_INPUT;
  }
  const fault = error instanceof Error ? error : new Error(String(error));
  printNote(
    debugging()
      ? `error: ${fault.stack}\n`
      : `error: internal error: ${cell(fault.message)} (run again with LOG_LEVEL=debug to print the stack trace)\n`,
  );
  return UNEXPECTED;
}

function debugging(): boolean {
  try {
    return ['debug', 'trace'].includes(readConfig().logLevel);
  } catch {
    return false;
  }
}
