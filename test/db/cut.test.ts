import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pgPoolConfig } from '../../src/db/address.ts';
import { type CuttingProxy, openCuttingProxy } from '../support/cutting-proxy.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { root } from '../support/run.ts';

/** Cuts that a process has to survive; LULL_TEST_CUTS asks for more. */
const CUTS = Number(process.env.LULL_TEST_CUTS ?? 300);
const PATIENTLY = 120_000 + CUTS * 100;

let test: TestDatabase;
let proxy: CuttingProxy;
let url: string;
beforeAll(async () => {
  test = await createEmptyDatabase();
  await test.database.sql`create table said (word text, half int, text text, primary key (word, half))`;
  const { host, port, user, password, database } = pgPoolConfig(test.address);
  proxy = await openCuttingProxy(
    host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
  );
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  url = `postgres://${user}${secret}@127.0.0.1:${proxy.port}/${database}`;
});
afterAll(async () => {
  await proxy.close();
  await test.drop();
});

it(
  'a process survives connections cut at random bytes; acknowledged writes are stored, and none is stored by half',
  async () => {
    const child = spawn(process.execPath, [join(root, 'test/support/cut-child.ts'), url]);
    const ended = once(child, 'close');
    let [said, complained, isRunning] = ['', '', true];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complained += text;
    });
    void ended.then(() => {
      isRunning = false;
    });
    await expect.poll(() => said.split('\n').length, { timeout: 60_000 }).toBeGreaterThan(10);
    // From the first bytes of a greeting to the middle of a write of a large parameter.
    for (let round = 1; isRunning && proxy.cuts() < CUTS; round++) {
      proxy.cutWithin([200, 3_000, 40_000, 400_000][round % 4] as number);
      const before = proxy.cuts();
      await expect.poll(() => !isRunning || proxy.cuts() >= before + 5, { timeout: 60_000 }).toBe(true);
    }
    proxy.cutWithin(null);
    const before = said.length;
    // The process recovers by itself.
    await expect.poll(() => !isRunning || said.length > before + 100, { timeout: 60_000 }).toBe(true);
    child.kill('SIGTERM');
    expect(await ended, complained).toEqual([0, null]);
    expect(complained).toBe('');
    const acknowledged = said.trimEnd().split('\n');
    expect(acknowledged.pop()).toBe('over');
    const rows = await test.database.sql<{ word: string; halves: string }[]>`
      select word, string_agg(half::text, ' ' order by half) as halves from said group by word`;
    expect(rows.filter(({ halves }) => halves !== '0 1')).toEqual([]);
    const there = new Set(rows.map(({ word }) => word));
    expect(acknowledged.filter((word) => !there.has(word))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(50);
  },
  PATIENTLY,
);
