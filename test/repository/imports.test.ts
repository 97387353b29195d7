import { describe, expect, it } from 'vitest';
import {
  lengthViolations,
  type SourceFile,
  sourceFiles,
  sourceViolations,
  type Violation,
} from '../support/import-rules.ts';
import { root } from '../support/run.ts';

const told = (violations: Violation[]) =>
  violations.map(({ rule, path, what }) => `${rule}: ${path}: ${what}`);

it('every file of src imports only what its layer allows', () => {
  const files = sourceFiles(root, ['src']);
  expect(files.length).toBeGreaterThan(10);
  expect(told(sourceViolations(files))).toEqual([]);
});

it('no file is longer than 300 lines', () => {
  expect(told(lengthViolations(sourceFiles(root, ['src', 'test', 'scripts', 'bench'])))).toEqual([]);
});

describe('the import checker', () => {
  const fixtures = sourceFiles(root, ['test/repository/fixtures']).map(({ path, text }) => ({
    name: path.split('/').at(-1) as string,
    file: { path: /^\/\/ as (.*)$/m.exec(text)?.[1] as string, text } satisfies SourceFile,
  }));
  const bad = fixtures.filter(({ name }) => name !== 'allowed.ts');

  it.each(bad)('finds exactly the violation in $name', ({ name, file }) => {
    expect(sourceViolations([file]).map(({ rule }) => rule)).toEqual([name.split('.')[0]]);
  });

  it('finds nothing in allowed code', () => {
    const allowed = fixtures.filter(({ name }) => name === 'allowed.ts').map(({ file }) => file);
    expect(allowed).toHaveLength(1);
    expect(told(sourceViolations(allowed))).toEqual([]);
  });

  it('has a fixture for every rule', () => {
    const rules = ['env', 'layer', 'package', 'sql', 'sql-time', 'time', 'type-only', 'unknown'];
    expect([...new Set(bad.map(({ name }) => name.split('.')[0]))].sort()).toEqual(rules);
  });

  it('reports files with more than 300 lines', () => {
    const lines = (count: number) => ({ path: `${count}.ts`, text: 'line\n'.repeat(count) });
    expect(lengthViolations([lines(300), lines(301)])).toEqual([
      { rule: 'length', path: '301.ts', what: '301 lines' },
    ]);
  });
});
