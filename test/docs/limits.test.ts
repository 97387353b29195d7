import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limitsPage } from '../../scripts/limits-page.ts';

it('docs/limits.md is generated from the table of costs (else: npm run generate)', () => {
  expect(readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8')).toBe(limitsPage());
});
