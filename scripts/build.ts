import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Builds what the package holds and a clone does not: the sources as JavaScript, with their types, in dist/. */
rmSync(at('dist'), { recursive: true, force: true });
const { status } = spawnSync(at('node_modules/.bin/tsc'), ['-p', at('tsconfig.build.json')], {
  stdio: ['ignore', 2, 2],
});
process.exitCode = status ?? 1;
