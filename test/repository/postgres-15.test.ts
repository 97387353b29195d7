import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OLDEST } from '../support/installed-postgres.ts';
import { requireOrSkip } from '../support/need.ts';
import { root } from '../support/run.ts';

/** What goes into SQL of every kind: the schema and its parts, calls, wakes, the feed, lists, reports. */
const CORE = [
  'test/db/distributable.test.ts',
  'test/db/partitioned.test.ts',
  'test/wake/close.test.ts',
  'test/wake/reconcile.test.ts',
  'test/insight/explain.test.ts',
  'test/schema/feed.test.ts',
  'test/schema/runs.test.ts',
];

const isOnIt = process.env.LULL_TEST_POSTGRES === OLDEST;
const options = isOnIt ? { skip: true } : requireOrSkip('postgres15');

it('a core of these tests passes on the oldest supported Postgres', {
  ...options,
  timeout: 300_000,
}, async () => {
  const { TEST_DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--maxWorkers=1', ...CORE],
    {
      cwd: root,
      env: { ...rest, LULL_TEST_POSTGRES: OLDEST, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  expect(said).toMatch(/\n[1-9]\d+ passed, 0 failed\n$/);
  expect(code).toBe(0);
});
