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
    .summary('begin an adapter of your own')
    .description('Adapters of your own: docs/writing-an-adapter.md tells all of them.')
    .command('new')
    .argument('<name>', 'its id: lower-case letters and digits, words joined by hyphens')
    .summary('write the skeleton of an adapter, with its test')
    .description(
      'Writes a folder of that name: an adapter that works, samples of what its provider sends, and the test that holds it to the contract. What is there is never written over.',
    )
    .action(writeSkeleton);
}

async function writeSkeleton(name: string): Promise<void> {
  checkName(name);
  try {
    await mkdir(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'there is one already' : code;
    throw new SetupError(`cannot make the folder ${name}: ${why}; nothing was written`, 2);
  }
  for (const file of (await readdir(TEMPLATE)).sort()) {
    const path = join(name, named(file, name));
    await writeFile(path, named(await readFile(join(TEMPLATE, file), 'utf8'), name), { flag: 'wx' });
    print(`${path}\n`);
  }
  printNote(`its test: cd ${name} && npm test\n`);
}

/** @throws InvalidInputError */
function checkName(name: string): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > MAX_NAME)
    throw new InvalidInputError(
      'name',
      `up to ${MAX_NAME} lower-case letters and digits, words joined by hyphens, are allowed, such as acme-chat`,
    );
  if (name === TAKEN_NAME || BUILT_IN.some(({ id }) => id === name))
    throw new InvalidInputError('name', `another one than ${name} is allowed: that one is taken`);
}

function named(text: string, name: string): string {
  const title = name.replaceAll('-', ' ').replace(/^./, (first) => first.toUpperCase());
  return text.replaceAll(TEMPLATES_NAME, name).replaceAll(TEMPLATES_TITLE, title);
}
