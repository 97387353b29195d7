import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyApiKeys } from '../../src/accounts/api-keys.ts';
import { type Engine, openEngine } from '../support/engine.ts';
import { testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';

const folder = testFolder();
const broken = join(folder, 'broken.ts');
let engine: Engine;
const ids = { pigeon: '', web: '' };
beforeAll(async () => {
  writeFileSync(broken, "throw new Error('it does not load');\n");
  engine = await openEngine();
  await engine.policy({ autoCloseAfter: 'PT2H' });
  for (const name of ['pigeon', 'web'] as const) {
    await engine.writes(`on ${name}`);
    await engine.answers(`on ${name}`);
    ids[name] = (await engine.latest(`on ${name}`)).id;
  }
  // A channel whose adapter is no longer there.
  const { accountId, channelId, db, deps } = engine;
  const other = { account_id: accountId, id: deps.newId(), name: 'pigeon', adapter: 'pigeon', settings: {} };
  await db.sql`insert into channel ${db.sql(other as never)}`;
  await db.sql`update conversation set channel_id = ${other.id} where id = ${ids.pigeon} and channel_id = ${channelId}`;
});
afterAll(async () => {
  await engine.drop();
  rmSync(folder, { recursive: true });
});

function lull(...args: string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: urlOf(engine.address), LULL_ADAPTERS: broken };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli.ts', ...args], {
    ...{ cwd: root, encoding: 'utf8', env },
  });
  return { status, stdout, stderr };
}
const inAccount = ['--account', 'test'];
const WARNING = `warning: ${broken} could not be loaded: Error: it does not load\n`;

describe('with an adapter that is missing and one that is broken', () => {
  it('lull keys creates, lists and revokes keys, and loads no adapter', async () => {
    const out = join(folder, 'key');
    expect(lull('keys', 'create', ...inAccount, '--out', out)).toMatchObject({ status: 0 });
    const token = readFileSync(out, 'utf8').trim();
    expect((await verifyApiKeys(engine.db, [token], new Date()))[0]).not.toBeNull();
    expect(lull('keys', 'create', '--account', 'new', '--create-account', '--out', `${out} 2`)).toMatchObject(
      {
        status: 0,
      },
    );
    const listed = lull('keys', 'list', ...inAccount);
    expect(listed).toMatchObject({ status: 0, stderr: '' });
    const id = listed.stdout.split('\t')[0] as string;
    expect(lull('keys', 'revoke', id, ...inAccount)).toMatchObject({ status: 0, stderr: '' });
  });

  it('lull lanes lists lanes, and loads no adapter', () => {
    expect(lull('lanes', ...inAccount)).toMatchObject({ status: 0, stderr: '' });
  });

  it('lull conversations lists all, and says whose timers are unknown', () => {
    const { status, stdout, stderr } = lull('conversations', ...inAccount);
    expect({ status, stderr }).toEqual({ status: 0, stderr: WARNING });
    expect(stdout).toMatch(new RegExp(`^${ids.pigeon} +ACTIVE +unknown `, 'm'));
    expect(stdout).toMatch(new RegExp(`^${ids.web} +ACTIVE +2026-03-02 14:00Z `, 'm'));
    const listed = JSON.parse(lull('conversations', ...inAccount, '--json').stdout);
    expect(listed.map(({ id, missingAdapter }: Record<string, unknown>) => [id, missingAdapter])).toEqual([
      [ids.web, null],
      [ids.pigeon, 'pigeon'],
    ]);
  });

  it('lull explain explains other conversations, and says which adapter this one needs', () => {
    const other = lull('explain', ids.web, ...inAccount);
    expect(other).toMatchObject({ status: 0, stderr: WARNING });
    expect(other.stdout).toContain('AUTO_CLOSE');
    const { status, stdout } = lull('explain', ids.pigeon, ...inAccount);
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'Its timers are unknown: the adapter pigeon is not loaded. Add its module to LULL_ADAPTERS.',
    );
    expect(stdout).not.toContain('AUTO_CLOSE');
  });
});
