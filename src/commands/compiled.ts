import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A folder beside the packages, because code from a folder that others can write must not run. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/lull', import.meta.url));

/**
 * Lets Node cache compiled code for the next start; compiling is half of a start's work. Without write access to the
 * folder there is no cache.
 */
export function keepCompiled(): void {
  enableCompileCache(FOLDER);
}

/** Writes the cache now, because a killed process could not. */
export function writeCompiled(): void {
  flushCompileCache();
}
