import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeFolder, testFolder } from '../support/folder.ts';
import { root } from '../support/run.ts';

const folder = testFolder();
afterAll(() => removeFolder(folder));

describe('lull demo', () => {
  it('closes conversations, accepts the key that it wrote to a file, and exits on Ctrl-C', async () => {
    const env = { PATH: process.env.PATH, PORT: '0', LULL_DATA_DIR: folder };
    const demo = spawn(process.execPath, ['src/cli.ts', 'demo'], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => (output += chunk));
    try {
      await until(() => /AUTO_CLOSE/.test(output) || demo.exitCode !== null, 100_000);
      expect(output).toMatch(/AUTO_CLOSE +c\d+ .* quiet for (25|60) min, closed \d+ ms late\n/);

      const url = /API +(\S+)/.exec(output)?.[1] as string;
      const keyFile = join(folder, 'demo.key');
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      const key = readFileSync(keyFile, 'utf8').trim();
      expect(output).not.toContain(key);
      const query = /-d '(.*)'/.exec(output)?.[1] as string;
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: query,
      });
      const { data } = (await response.json()) as { data: { conversations: { nodes: unknown[] } } };
      expect(data.conversations.nodes).toHaveLength(3);
    } finally {
      const exited = once(demo, 'exit');
      // One Ctrl-C arrives twice: from the terminal and from npm.
      demo.kill('SIGINT');
      demo.kill('SIGINT');
      await exited;
    }
    expect(demo.exitCode).toBe(0);
  });
});

async function until(isSo: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!isSo() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
}
