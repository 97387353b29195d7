import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/run.ts';

const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const [, ...ways] = (page.split('## Three ways through the code')[1]?.split(/^## /m)[0] ?? '').split(
  /^### /m,
);
const filesOf = (text: string) => [
  ...new Set([...text.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file]) => file as string)),
];

it.each([
  ['A message', 20],
  ['A wake', 18],
  ['A change of policy', 12],
])('%s crosses at most %i files, and the page names files that exist', (name, most) => {
  const way = ways.find((text) => text.startsWith(name)) ?? '';
  const files = filesOf(way.replace(/\(A provider's call[^)]*\)/, ''));
  expect(files.length).toBeGreaterThan(7);
  expect(files.length).toBeLessThanOrEqual(most);
  expect(filesOf(way).filter((file) => !existsSync(join(root, 'src', file)))).toEqual([]);
});

it('the table of folders lists every folder of src', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const missing = folders.map(({ name }) => name).filter((name) => !page.includes(`\`src/${name}\``));
  expect(missing).toEqual([]);
});
