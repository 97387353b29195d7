import { expect, it } from 'vitest';
import { runTool } from '../support/run.ts';

it('the migrations match the table definitions (else: npm run generate)', () => {
  const { output } = runTool('drizzle-kit', 'generate', '--explain', '--output', 'json');
  expect(JSON.parse(output)).toEqual({ status: 'no_changes', dialect: 'postgresql' });
});
