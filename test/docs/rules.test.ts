import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rulesPage } from '../../scripts/rules-page.ts';

it('docs/rules.md is generated from the tables of rules (else: npm run generate)', () => {
  const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
  expect(page).toBe(rulesPage());
});
