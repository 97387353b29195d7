import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './world.ts';

const YEAR = 'from: "2026-01-01T00:00:00Z", until: "2027-01-01T00:00:00Z"';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await world.isUnharmed();
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

describe('heavy requests in large numbers', () => {
  it('are answered or refused with 503, and light requests of another account are answered meanwhile', async () => {
    const query = `{ report(${YEAR}, by: AGENT) { total { started } } runs { nodes { ended } } }`;
    const heavy = Array.from({ length: 60 }, () => world.try(world.graphql({ query })));
    const light = await Promise.all(
      Array.from({ length: 10 }, () =>
        world.try(
          world.graphql({ query: '{ eventsCursor }' }, { authorization: `Bearer ${world.theirs.key}` }),
        ),
      ).map((asked) => asked.catch(String)),
    );
    expect(light.map((got) => (typeof got === 'string' ? got : got.status))).toEqual(Array(10).fill(200));
    const statuses = new Set((await Promise.all(heavy)).map(({ status }) => status));
    expect([...statuses].filter((status) => ![200, 503].includes(status))).toEqual([]);
    expect(statuses.has(200)).toBe(true);
  });
});
