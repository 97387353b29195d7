import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Adapter } from '../adapters/adapter.ts';
import { type AdapterModule, adaptersOf } from '../adapters/load.ts';
import { SetupError } from '../domain/errors.ts';

const KIT = 'lull/adapters';
/** Beside this file, in the sources as in the package. */
const KIT_URL = new URL(`../adapters/kit${extname(import.meta.url)}`, import.meta.url).href;
const LOAD_WITHIN_MS = 10_000;

/**
 * Loads the adapters of modules that do not come with Lull. A module is the path of a file, from the working directory,
 * or the name of a package installed beside Lull; its default export is an adapter or a list of them.
 * @throws SetupError naming the module that does not load, breaks the contract or has an id that is taken, and why
 */
export async function loadAdapters(
  names: readonly string[],
  builtIn: readonly Adapter[],
): Promise<Adapter[]> {
  if (names.length === 0) return [];
  // Wherever a module stands, it gets this Lull's kit: an error of another copy would not be known for what it is.
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === KIT ? { url: KIT_URL, shortCircuit: true } : next(specifier, context),
  });
  const modules: AdapterModule[] = [];
  for (const name of names) modules.push({ name, exported: await load(name) });
  return await adaptersOf(modules, builtIn);
}

async function load(name: string): Promise<unknown> {
  try {
    const module: { default?: unknown } = await inTime(import(specifierOf(name)));
    return module.default;
  } catch (error) {
    throw new SetupError(`${name} could not be loaded: ${inOneLine(error)}`);
  }
}

/** A path is one that looks like it, or that leads to a file; anything else is a package's name. */
function specifierOf(name: string): string {
  const path = resolve(name);
  return /^\.{0,2}\//.test(name) || existsSync(path) ? pathToFileURL(path).href : name;
}

/** A module may wait for something that never comes. */
async function inTime<Loaded>(loading: Promise<Loaded>): Promise<Loaded> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`it takes longer than ${LOAD_WITHIN_MS / 1000} s`)),
    LOAD_WITHIN_MS,
  );
  try {
    return await Promise.race([loading, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function inOneLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
