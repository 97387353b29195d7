import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/run.ts';
import { FAULTS } from './faults.ts';
import { INVARIANTS } from './invariants.ts';

describe('docs/faults.md', () => {
  const page = readFileSync(join(root, 'docs/faults.md'), 'utf8');

  it('names every invariant', () => {
    const listed = page.split('\n').flatMap((line) => /^- ([a-z].*)$/.exec(line)?.[1] ?? []);
    expect(listed).toEqual(INVARIANTS.map(({ name }) => name));
  });

  it('shows the result of every fault, without violations', () => {
    const rows = page.split('\n').flatMap((line) => {
      const [fault, tried, , , violations] = line
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      return FAULTS.some(({ name }) => name === fault) ? [{ fault, tried: Number(tried), violations }] : [];
    });
    expect(rows.map(({ fault }) => fault)).toEqual(FAULTS.map(({ name }) => name));
    for (const { tried, violations } of rows) {
      expect(tried).toBeGreaterThanOrEqual(2);
      expect(violations).toBe('0');
    }
  });
});
