import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/api-keys.ts';
import { readConfig } from '../../src/config.ts';
import { MAX } from '../../src/schema/core/limits.ts';
import { root } from '../support/run.ts';

const page = readFileSync(join(root, 'docs/security.md'), 'utf8');
const threats = page.split(/^## Threats$/m)[1]?.split(/^## /m)[0] ?? '';
const rows = threats.split('\n').filter((line) => /^\| (?!threat |---)/.test(line));

describe('docs/security.md', () => {
  it('names an existing test for every threat', () => {
    expect(rows.length).toBeGreaterThan(30);
    const unproven = rows.filter((row) => !/`test\/[\w/.-]+\.test\.ts`/.test(row.split(' | ').at(-1) ?? ''));
    expect(unproven).toEqual([]);
    const named = [...page.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, path]) => path as string);
    expect([...new Set(named)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it.each([
    ['docs/security.md', 'Attacks that were tried'],
    ['docs/faults.md', 'What else was tried'],
  ])('%s has in each row the attempt, the result and the test that proves it', (path, heading) => {
    const text = readFileSync(join(root, path), 'utf8');
    const section = text.split(`## ${heading}\n`)[1]?.split(/^## /m)[0] ?? '';
    const all = section.split('\n').filter((line) => /^\| (?!attack |fault |---)/.test(line));
    expect(all.length).toBeGreaterThan(10);
    for (const row of all) {
      const cells = row.split(' | ');
      expect([row, cells.length]).toEqual([row, 4]);
      const named = [...(cells[3] ?? '').matchAll(/`(test\/[\w/.-]+)`/g)].map(([, test]) => test as string);
      expect([row, named.length > 0]).toEqual([row, true]);
      expect(named.filter((test) => !existsSync(join(root, test)))).toEqual([]);
    }
  });

  it('covers all six kinds of threats', () => {
    const kinds = [...threats.matchAll(/^### ([A-Z][a-z ]+):/gm)].map(([, kind]) => kind);
    expect(kinds).toEqual([
      ...['Spoofing', 'Tampering', 'Repudiation', 'Information disclosure', 'Denial of service'],
      'Elevation of privilege',
    ]);
  });

  it('states the limits that are in force', () => {
    const row = rows.find((each) => each.includes('deep, wide')) ?? '';
    for (const limit of [MAX.depth, MAX.aliases]) expect(row).toContain(`(${limit})`);
    for (const limit of [MAX.tokens, MAX.cost]) expect(row).toContain(limit.toLocaleString('en'));
    expect(readConfig({}).host).toBe('127.0.0.1');
    expect(page).toContain('on `127.0.0.1` by default');
  });

  it('names only scopes and variables that exist', () => {
    const config = readFileSync(join(root, 'src/config.ts'), 'utf8');
    const variables = [...page.matchAll(/\b(LULL_[A-Z_]+)\b/g)].map(([, name]) => name as string);
    expect(variables.filter((name) => !config.includes(`  ${name}: `))).toEqual([]);
    const scopes = [...page.matchAll(/`([a-z]+:[a-z]+|act-as)`/g)].map(([, scope]) => scope as string);
    expect(scopes.length).toBeGreaterThan(1);
    expect(scopes.filter((scope) => !(SCOPES as readonly string[]).includes(scope))).toEqual([]);
  });
});
