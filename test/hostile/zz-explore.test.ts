import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { type Call, calls, mutated } from './documents.ts';
import { openWorld, type World } from './world.ts';

const RUNS = Number(process.env.X_RUNS ?? 1000);
const seed = Number(process.env.HOSTILE_SEED ?? 1);
let world: World;
let anyCall: fc.Arbitrary<Call>;
beforeAll(async () => {
  world = await openWorld();
  anyCall = calls(schema, { ours: world.ours.ids, theirs: world.theirs.ids }, ['query', 'mutation']);
}, 60_000);
afterAll(async () => {
  expect(await world.close()).toEqual({ code: 0, signal: null });
});
const found = new Map<string, { count: number; text: string }>();
const codes = new Map<string, number>();
it('explore', { timeout: 3_600_000 }, async () => {
  const started = performance.now();
  let slow: [number, string][] = [];
  for (const { operation, query, variables } of fc.sample(anyCall, { numRuns: RUNS, seed })) {
    if (operation === 'subscription') continue;
    const t = performance.now();
    try {
      const got = await world.try(world.graphql({ query, variables }));
      for (const [code] of got.body.matchAll(/"code":"\w+"/g)) codes.set(code, (codes.get(code) ?? 0) + 1);
      if (!got.body.includes('"code"')) codes.set('fine', (codes.get('fine') ?? 0) + 1);
    } catch (error) {
      const message = (error as Error).message;
      const key = message
        .split('\n')[0]!
        .replace(/[0-9a-f]{8}-[0-9a-f-]+/g, 'ID')
        .replace(/"time":"[^"]*"|"pid":\d+|\d{6,}/g, '')
        .slice(0, 260);
      const had = found.get(key);
      if (!had) found.set(key, { count: 1, text: message });
      else had.count++;
    }
    const ms = performance.now() - t;
    if (ms > 300) slow.push([Math.round(ms), JSON.stringify({ query, variables }).slice(0, 600)]);
  }
  slow = slow.sort((a, b) => b[0] - a[0]).slice(0, 8);
  const report = [...found]
    .map(([key, { count, text }]) => `#### ${count} × ${key}\n${text.slice(0, 5000)}\n`)
    .join('\n');
  writeFileSync(
    '/tmp/hostile-explore.txt',
    `${report}\n==== slow\n${slow.map((s) => s.join(' ')).join('\n')}\n==== codes ${JSON.stringify([...codes])}\n${(performance.now() - started) / RUNS} ms each`,
  );
  await world.isUnharmed();
});
