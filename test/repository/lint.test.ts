import { expect, it } from 'vitest';
import { runTool } from '../support/run.ts';

it('the code is formatted and passes the linter', () => {
  const { status, output } = runTool('biome', 'check');
  expect(status, output).toBe(0);
});

it('every file, export and dependency is used', () => {
  const { status, output } = runTool('knip', '--no-progress');
  expect(status, output).toBe(0);
});
