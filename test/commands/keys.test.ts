import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, verifyApiKeys } from '../../src/accounts/api-keys.ts';
import { verifyOperatorKeys } from '../../src/accounts/operator-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import { fakeClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';

const folder = testFolder();
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(async () => {
  await test.drop();
  rmSync(folder, { recursive: true });
});

function lull(...args: string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: urlOf(test.address) };
  return spawnSync(process.execPath, ['src/cli.ts', ...args], { cwd: root, encoding: 'utf8', env });
}

describe('lull keys', () => {
  it('creates an operator key in a file that only its owner can read, lists it without its secret, and revokes it', async () => {
    const out = join(folder, 'operator');
    const made = lull('keys', 'create', '--operator', '--scope', 'conversations:read', '--out', out);
    expect(made).toMatchObject({ status: 0, stdout: '' });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const token = readFileSync(out, 'utf8').trim();
    expect(token).toMatch(/^lull_op_[0-9a-f]{32}_[0-9a-f]{64}$/);
    const operator = (await verifyOperatorKeys(test.database, [token]))[0];
    expect([...(operator?.scopes ?? [])]).toEqual(['conversations:read']);

    const listed = lull('keys', 'list', '--operator');
    const id = operator?.keyId as string;
    expect(listed.stdout.split('\t')).toEqual([
      id,
      'cli',
      expect.any(String),
      'valid',
      'conversations:read\n',
    ]);
    expect(listed.stdout + listed.stderr).not.toContain(token.split('_')[3]);

    const revoked = lull('keys', 'revoke', id, '--operator');
    expect(revoked.status).toBe(0);
    expect(revoked.stdout).toContain('\trevoked ');
    expect((await verifyOperatorKeys(test.database, [token]))[0]).toBeNull();
  });

  it('revokes a key by the id inside its token, but only in its own account', async () => {
    const db = test.database;
    const deps = { db, clock: fakeClock(new Date('2026-11-20T12:00:00Z')), newId: () => v7() };
    const accountId = await createAccount(deps, { name: 'a' });
    await createAccount(deps, { name: 'b' });
    const key = { accountId, name: 'desk', scopes: ['conversations:read'] };
    const token = await createApiKey(db, key, { id: v7(), now: deps.clock.now() });
    const id = token.split('_')[2] as string;
    const foreign = lull('keys', 'revoke', id, '--account', 'b');
    expect(foreign).toMatchObject({ status: 2, stderr: 'error: id: no such key\n' });
    expect((await verifyApiKeys(test.database, [token], new Date()))[0]).not.toBeNull();
    expect(lull('keys', 'revoke', id, '--account', 'a')).toMatchObject({ status: 0 });
    expect((await verifyApiKeys(test.database, [token], new Date()))[0]).toBeNull();
  });

  it.each([
    [['keys', 'revoke', 'x'], 'error: id: the id of a key'],
    [['keys', 'list', '--account', 'nobody'], 'error: --account: no such account'],
    [['keys', 'create', '--scope', 'all', '--out', 'never-written'], 'error: scopes[0]: '],
    [['keys', 'create', '--operator'], 'error: stdout is not a terminal'],
  ])('%j fails with an error of one line', (args, message) => {
    const { status, stderr } = lull(...args);
    expect(status).toBe(2);
    expect(stderr.startsWith(message), stderr).toBe(true);
    expect(stderr.trim()).not.toContain('\n');
  });
});
