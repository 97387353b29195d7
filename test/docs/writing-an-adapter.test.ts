import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import web from '../../src/adapters/channels/web/adapter.ts';
import * as kit from '../../src/adapters/kit.ts';
import { schema } from '../../src/schema/schema.ts';
import { testFolder } from '../support/folder.ts';
import { root } from '../support/run.ts';

const page = readFileSync(join(root, 'docs/writing-an-adapter.md'), 'utf8');
const shown = [...page.matchAll(/<!-- (\S+\.ts) -->\n```ts\n([\s\S]*?)```/g)].map(
  ([, file, code]) => [file as string, code as string] as const,
);
const inRow = (heading: string) => {
  const [, rows = ''] = new RegExp(`\\| ${heading} \\|.*\\n\\|[-|]+\\|\\n((?:\\|.*\\n)+)`).exec(page) ?? [];
  return [...rows.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
};

const folder = testFolder();
afterAll(() => rmSync(folder, { recursive: true }));

/** Its commands are run by test/repository/package.test.ts, in a project that has Lull as a package. */
describe('docs/writing-an-adapter.md', () => {
  beforeAll(() => {
    const run = spawnSync(process.execPath, [join(root, 'src/cli.ts'), 'adapter', 'new', 'acme-chat'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(run.status, run.stderr).toBe(0);
  });

  it("shows all of the skeleton's code", () => {
    expect(page.match(/```ts\n/g)).toHaveLength(shown.length);
    expect(shown.map(([file]) => file)).toEqual(['acme-chat.ts', 'samples.ts', 'acme-chat.test.ts']);
  });

  it.each(shown)('shows %s exactly as `lull adapter new` writes it', (file, code) => {
    expect(code).toBe(readFileSync(join(folder, 'acme-chat', file), 'utf8'));
  });

  it('describes every rule and every event', () => {
    expect(inRow('rule').sort()).toEqual(Object.keys(web.rules).sort());
    expect(inRow('event').sort()).toEqual(['ECHO', 'END', 'LEAVE', 'MESSAGE', 'RECEIPT']);
  });

  it('names only members of the kit that exist', () => {
    const named = [...page.matchAll(/`(\w+)\([^`]*\)`/g)].map(([, name]) => name as string);
    expect(named.length).toBeGreaterThan(8);
    const members = ['now', 'parse', 'verify'];
    expect(named.filter((name) => !(name in kit) && !members.includes(name))).toEqual([]);
  });

  it('sends the API only queries that are valid', () => {
    const queries = [...page.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, query]) => query as string);
    expect(queries).toHaveLength(2);
    expect(queries.flatMap((query) => validate(schema, parse(query)))).toEqual([]);
  });
});
