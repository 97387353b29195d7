import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The project's folder. */
export const root = join(import.meta.dirname, '../..');

/** Runs one of the installed tools in the project's folder. */
export function runTool(name: string, ...args: string[]): { status: number | null; output: string } {
  const tool = join(root, 'node_modules/.bin', name);
  const env = { ...process.env, NO_COLOR: '1' };
  const run = spawnSync(tool, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  return { status: run.status, output: `${run.stdout}${run.stderr}` };
}
