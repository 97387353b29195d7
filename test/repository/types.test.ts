import { expect, it } from 'vitest';
import { runTool } from '../support/run.ts';

it('the project compiles without type errors', { timeout: 600_000 }, () => {
  expect(runTool('tsc', '--noEmit')).toEqual({ status: 0, output: '' });
});
