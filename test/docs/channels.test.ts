import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { channelsPage } from '../../scripts/channels-page.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { secretsOf } from '../../src/adapters/settings.ts';

const page = channelsPage(BUILT_IN);

it('docs/channels.md is generated from the adapters (else: npm run generate)', () => {
  expect(readFileSync(new URL('../../docs/channels.md', import.meta.url), 'utf8')).toBe(page);
});

it.each(BUILT_IN)('$id has a section that marks its secrets', (adapter) => {
  const section = page.split('\n## ').find((each) => each.startsWith(`${adapter.id}\n`)) ?? '';
  expect(section).toContain(adapter.name);
  expect(secretsOf(adapter).length).toBeGreaterThan(0);
  for (const name of secretsOf(adapter))
    expect(section).toMatch(new RegExp(`\\| \`${name}\` \\|.*; secret \\|`));
});
