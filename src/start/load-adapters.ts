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
 * Loads the adapters of third-party modules. A module is the path of a file, relative to the working directory, or
 * the name of a package installed beside Lull. Its default export is an adapter or a list of adapters.
 * @throws SetupError naming a module that does not load, breaks a requirement or uses an existing id, with the
 * reason
 */
export async function loadAdapters(
  names: readonly string[],
  builtIn: readonly Adapter[],
): Promise<Adapter[]> {
  if (names.length === 0) return [];
  // Every module gets this Lull's kit. An error class of another copy would not be recognised.
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

/** A text that looks like a path, or leads to a file, is a path. Any other text is the name of a package. */
function specifierOf(name: string): string {
  const path = resolve(name);
  return /^\.{0,2}\//.test(name) || existsSync(path) ? pathToFileURL(path).href : name;
}

/** A module may wait for something that never happens. */
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
