import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';
import { spawnService } from '../support/service.ts';

let database: TestDatabase;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  database = await createEmptyDatabase();
  env = { DATABASE_URL: urlOf(database.address), PORT: '0' };
});
afterAll(() => database.drop());

const lull = (...args: string[]) =>
  spawnSync(process.execPath, ['src/cli.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
const tables = () => database.database.sql`select 1 from pg_tables where tablename = 'conversation'`;

describe('lull migrate', () => {
  it('migrates the database once; a second run succeeds', async () => {
    expect(await tables()).toHaveLength(0);
    for (const _ of ['first', 'second']) {
      const { status, stdout, stderr } = lull('migrate');
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
      expect(stderr).toMatch(/the database is up to date\n$/);
      expect(await tables()).toHaveLength(1);
    }
  });

  it('refuses a malformed DATABASE_URL and names the variable', () => {
    env = { ...env, DATABASE_URL: 'mysql://x' };
    const { status, stderr } = lull('migrate');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: DATABASE_URL must be [^\n]+\n$/);
    env = { ...env, DATABASE_URL: urlOf(database.address) };
  });
});

describe('lull serve', () => {
  it.each([
    ['all', true],
    ['api', true],
    ['worker', false],
  ])('--role %s runs until SIGTERM and exits with code 0', async (role, hasApi) => {
    const service = spawnService(env, 'src/cli.ts', 'serve', '--role', role);
    const url = await service.running;
    expect(service.said()).toContain(`"role":"${role}"`);
    if (hasApi) expect((await fetch(`${url}/ready`)).status).toBe(200);
    else expect(url).toBeNull();
    service.kill('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  it('refuses an unknown role', () => {
    const { status, stdout, stderr } = lull('serve', '--role', 'leader');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^error: .*leader.*api, worker, all[^\n]*\n$/);
  });
});
