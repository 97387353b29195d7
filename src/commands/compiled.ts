import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Beside the packages: what is in a folder that others may write to must not be run. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/lull', import.meta.url));

/**
 * Lets Node keep what it compiles from here on, for the next start: compiling is half of the work of a start. Where
 * that folder cannot be written, each start compiles anew.
 */
export function keepCompiled(): void {
  enableCompileCache(FOLDER);
}

/** Writes down what was compiled: a process that is killed could not. */
export function writeCompiled(): void {
  flushCompileCache();
}
