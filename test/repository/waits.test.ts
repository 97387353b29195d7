import { expect, it } from 'vitest';
import { sourceFiles } from '../support/import-rules.ts';
import { root } from '../support/run.ts';

/** A wait for a condition has at least this limit: it only stops a test that hangs. */
const LEAST_LIMIT_MS = 60_000;
/** Real time is a subject of these tests: faults have a duration, and their report contains measured times. */
const OF_REAL_TIME = /^test\/(faults|repository\/waits)/;

const ELAPSED = /expect\([^;\n]*(?:performance|Date)\.now\(\)\s*-/;
const SHORT = /\btimeout: ([\d_]+)/g;
const WAIT = /\bvi\.wait(?:For|Until)\(/g;

/** The text of a call, from its name to the parenthesis that closes it. */
function callAt(text: string, start: number): string {
  let depth = 0;
  for (let end = start; end < text.length; end++) {
    if (text[end] === '(') depth++;
    else if (text[end] === ')' && --depth === 0) return text.slice(start, end + 1);
  }
  return text.slice(start);
}

function hastyWaits({ path, text }: { path: string; text: string }): string[] {
  const elapsed = text.split('\n').filter((line) => ELAPSED.test(line));
  const short = [...text.matchAll(SHORT)].filter(
    ([, ms = '']) => Number(ms.replaceAll('_', '')) < LEAST_LIMIT_MS,
  );
  const without = [...text.matchAll(WAIT)]
    .map(({ index }) => callAt(text, index))
    .filter((wait) => !/\btimeout\b|\bsoon\b/.test(wait));
  return [...elapsed, ...short.map(([found]) => found), ...without].map(
    (found) => `${path}: ${found.trim()}`,
  );
}

it('no test asserts how long something takes, and each wait has a limit that suits a slow machine', () => {
  const files = sourceFiles(root, ['test']).filter(({ path }) => !OF_REAL_TIME.test(path));
  expect(files.flatMap(hastyWaits)).toEqual([]);
});

it.each([
  'expect(performance.now() - began).toBeLessThan(500);',
  'await expect.poll(read, { timeout: 8_000 }).toBe(1);',
  'await vi.waitFor(() => expect(calls).toBe(1));',
])('the search finds %s', (text) => {
  expect(hastyWaits({ path: 'x', text })).toHaveLength(1);
});

it('the search ignores waits with a long limit', () => {
  const text =
    'await vi.waitFor(check, { timeout: 60_000 }); expect(performance.now()).toBe(0); vi.waitFor(check, soon);';
  expect(hastyWaits({ path: 'x', text })).toEqual([]);
});
