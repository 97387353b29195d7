import { expect, it } from 'vitest';
import { runTool } from '../support/run.ts';

it('formatted and linted', () => {
  const { status, output } = runTool('biome', 'check');
  expect(status, output).toBe(0);
});
