import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { root } from '../support/run.ts';

type Figure = { name: string; value: number; unit: string };
type Run = {
  about: Record<string, unknown>;
  results: { scenario: string; figures: Figure[]; failures: string[] }[];
};

/** The scenarios that are quick at this size; `npm run bench` reports their results. */
const SCENARIOS = ['reads', 'ingest-http'];

async function node(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

it('the bench runs at a tiny size, and its page is rendered from its results', async () => {
  const options = ['--rows', '2000', '--seconds', '1', '--json', '--only', SCENARIOS.join(',')];
  const { code, stdout, stderr } = await node('bench/main.ts', ...options);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const run: Run = JSON.parse(stdout);
  expect(run.results.map(({ scenario }) => scenario)).toEqual(SCENARIOS);
  expect(run.results.flatMap(({ failures }) => failures)).toEqual([]);
  const figures = run.results.flatMap((result) => result.figures);
  expect(figures.filter(({ value }) => !(Number.isFinite(value) && value > 0))).toEqual([]);
  expect(figures.filter(({ unit }) => unit === '×').map(({ name }) => name)).toEqual([
    'newest first, few / floor',
    'newest first, many / floor',
    'newest first, p50 of many / of few',
    'by due, few / floor',
    'by due, many / floor',
    'by due, p50 of many / of few',
    '500 a call, 2 at once: HTTP / in process',
  ]);

  const folder = mkdtempSync(join(tmpdir(), 'lull-bench-test-'));
  try {
    const file = join(folder, 'results.json');
    writeFileSync(file, stdout);
    const page = await node('bench/to-markdown.ts', file);
    expect(page).toMatchObject({ code: 0, stderr: '' });
    expect(page.stdout.split('\n')).toEqual(expect.arrayContaining(['### reads', '### ingest-http']));
    for (const { name } of figures) expect(page.stdout).toContain(`| ${name} |`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 600_000);

it('the bench lists its scenarios', async () => {
  const { code, stderr } = await node('bench/main.ts', '--only', 'nothing');
  expect({ code, said: stderr.includes('there is no nothing') }).toEqual({ code: 1, said: true });
});
