import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mutated } from './documents.ts';
import { likeness } from './payloads.ts';
import { CHANNELS } from './signing.ts';
import { openWorld, type World } from './world.ts';

const RUNS = Number(process.env.X_RUNS ?? 100);
const seed = Number(process.env.HOSTILE_SEED ?? 1);
let world: World;
beforeAll(async () => {
  world = await openWorld();
}, 60_000);
afterAll(async () => {
  expect(await world.close()).toEqual({ code: 0, signal: null });
});
const found = new Map<string, { count: number; text: string }>();
const codes = new Map<string, number>();
it('explore', { timeout: 3_600_000 }, async () => {
  let slow: [number, string][] = [];
  for (const channel of CHANNELS) {
    const like = likeness(channel.bodies);
    const bodies = [
      ...fc.sample(
        like.map((t) => Buffer.from(t)),
        { numRuns: RUNS, seed },
      ),
      ...fc.sample(mutated(fc.constantFrom(...channel.bodies)), { numRuns: RUNS, seed }),
    ];
    for (const body of bodies) {
      const path = `/webhooks/${world.ours.accountId}/${world.ours.channels[channel.adapter]}`;
      const { headers, query } = channel.sign(body, channel.settings, world.url + path);
      const t = performance.now();
      try {
        const got = await world.try({
          path: query ? `${path}?${query}` : path,
          headers: { ...headers, 'content-type': channel.contentType, host: new URL(world.url).host },
          body,
        });
        const what = `${channel.adapter} ${got.status}`;
        codes.set(what, (codes.get(what) ?? 0) + 1);
      } catch (error) {
        const message = (error as Error).message;
        const key =
          channel.adapter +
          message
            .split('\n')[0]!
            .replace(/[0-9a-f]{8}-[0-9a-f-]+/g, 'ID')
            .replace(/"time":"[^"]*"|"pid":\d+|\d{6,}/g, '')
            .slice(0, 260);
        const had = found.get(key);
        if (!had) found.set(key, { count: 1, text: message });
        else had.count++;
      }
      const ms = performance.now() - t;
      if (ms > 300) slow.push([Math.round(ms), channel.adapter + body.toString().slice(0, 300)]);
    }
  }
  slow = slow.sort((a, b) => b[0] - a[0]).slice(0, 8);
  const report = [...found]
    .map(([key, { count, text }]) => `#### ${count} × ${key}\n${text.slice(0, 5000)}\n`)
    .join('\n');
  writeFileSync(
    '/tmp/hostile-webhooks.txt',
    `${report}\n==== slow\n${slow.map((s) => s.join(' ')).join('\n')}\n==== codes ${JSON.stringify([...codes])}`,
  );
  await world.isUnharmed();
});
