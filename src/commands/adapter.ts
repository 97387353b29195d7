import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { BUILT_IN } from '../adapters/built-in.ts';
import { InvalidInputError, SetupError } from '../domain/errors.ts';
import { print, printNote } from './terminal.ts';

/** A working adapter; its name is replaced in file names and texts. */
const TEMPLATE = fileURLToPath(new URL('../../templates/adapter', import.meta.url));
const TEMPLATES_NAME = 'my-channel';
const TEMPLATES_TITLE = 'My channel';
const MAX_NAME = 64;
/** The name of a template file. */
const TAKEN_NAME = 'samples';

/** Adds `lull adapter`, which writes the skeleton of an adapter. */
export function addAdapter(program: Command): void {
  program
    .command('adapter')
    .summary('create your own channel adapter')
    .description('Creates your own channel adapters. docs/writing-an-adapter.md is the guide.')
    .command('new')
    .argument(
      '<name>',
      `the adapter's id: up to ${MAX_NAME} lower-case letters and digits, in words joined by hyphens`,
    )
    .summary('create an adapter from the template, with its test')
    .description(
      'Creates a folder of that name with a working adapter, samples of calls from its provider, and its contract test. Refuses an existing folder.',
    )
    .action(writeSkeleton);
}

async function writeSkeleton(name: string): Promise<void> {
  checkName(name);
  try {
    await mkdir(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it already exists; choose another name' : code;
    throw new SetupError(`cannot create the folder ${name}: ${why}`, 2);
  }
  for (const file of (await readdir(TEMPLATE)).sort()) {
    const path = join(name, named(file, name));
    await writeFile(path, named(await readFile(join(TEMPLATE, file), 'utf8'), name), { flag: 'wx' });
    print(`${path}\n`);
  }
  printNote(`run its test: cd ${name} && npm test\n`);
}

/** @throws InvalidInputError */
function checkName(name: string): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > MAX_NAME)
    throw new InvalidInputError(
      'name',
      `up to ${MAX_NAME} lower-case letters and digits, in words joined by hyphens, are allowed, such as acme-chat; the first is a letter`,
    );
  if (name === TAKEN_NAME || BUILT_IN.some(({ id }) => id === name))
    throw new InvalidInputError('name', `${name} is reserved; choose another name`);
}

function named(text: string, name: string): string {
  const title = name.replaceAll('-', ' ').replace(/^./, (first) => first.toUpperCase());
  return text.replaceAll(TEMPLATES_NAME, name).replaceAll(TEMPLATES_TITLE, title);
}
