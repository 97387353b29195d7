import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lanesOn } from '../../src/db/rows/lanes.ts';
import { type ListRequest, listOpen } from '../../src/insight/lists/conversation-list.ts';
import { listSoonest } from '../../src/insight/lists/soonest.ts';
import { settleLane } from '../../src/wake/settle-lane.ts';
import { fakeClock } from '../support/clock.ts';
import { DAY, type Engine, HOUR, openEngine } from '../support/engine.ts';
import { anyWorld, build, type World } from '../support/list-world.ts';

/** Set LIST_RUNS to hunt for longer. */
const RUNS = Number(process.env.LIST_RUNS ?? 12);
/** The least time between two wakes of a lane. */
const REST_MS = 100;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.drop());

const anyAsked = fc.record({
  filter: fc.constantFrom({}, {}, { statuses: ['ACTIVE', 'NEW'] as const }, {
    awaiting: 'CONSUMER',
  } as const),
  dueWithinHours: fc.option(fc.integer({ min: -50, max: 100 })),
  limit: fc.integer({ min: 1, max: 25 }),
});
type Asked = typeof anyAsked extends fc.Arbitrary<infer Value> ? Value : never;

/** A world in which some or all lanes have been woken and settled at the present time. */
async function settled(world: World, share: number) {
  const built = await build(engine, world);
  const { rules, now } = built;
  const deps = { ...engine.deps, clock: fakeClock(now) };
  const lanes = await lanesOn(engine.db.sql, rules.accountId, [...rules.channels.keys()]);
  const chosen = lanes.slice(0, Math.ceil(lanes.length * share));
  for (const lane of chosen) await settleLane(deps, lane, rules, REST_MS);
  return built;
}

const requestOf = ({ filter, dueWithinHours, limit }: Asked, now: Date): ListRequest => ({
  ...{ by: 'DUE', direction: 'ASC', filter, after: null, backwards: false, limit },
  dueBefore: dueWithinHours === null ? null : new Date(now.getTime() + dueWithinHours * HOUR),
});

it('PE-1 the lanes that wake first give the same beginning of a list by due as all lanes', async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(
      anyWorld,
      fc.constantFrom(1, 1, 0.5),
      fc.array(anyAsked, { minLength: 8, maxLength: 8 }),
      async (world, share, asks) => {
        const { rules, now } = await settled(world, share);
        for (const asked of asks) {
          const request = requestOf(asked, now);
          const rulesAt = async () => rules;
          const soonest = await listSoonest(engine.db.sql, { id: rules.accountId, rulesAt }, now, request);
          if (soonest === null) continue;
          answered++;
          const all = await listOpen(engine.db.sql, rules, now, request);
          const idsOf = (list: typeof all) => list.map(({ conversation }) => conversation.id);
          expect(idsOf(soonest)).toEqual(idsOf(all).slice(0, soonest.length));
          expect(soonest.length).toBe(Math.min(asked.limit, all.length));
        }
      },
    ),
    { numRuns: RUNS },
  );
  expect(answered).toBeGreaterThan(RUNS);
}, 600_000);

it('PE-1 lanes scheduled by older rules are not used for the beginning of a list by due', async () => {
  const standing = { awaitsAgent: false, hasSkill: false, held: null, tagged: false };
  const ages = { activeAgo: 10, waitingAgo: 10, statusAgo: 10 };
  const world: World = {
    ...{ hours: null, outage: null, policies: [] },
    standings: [
      { status: 'ACTIVE', ...standing, ...ages },
      { status: 'NEW', ...standing, ...ages },
    ],
  };
  const { rules, now } = await settled(world, 1);
  const { sql } = engine.db;
  const request = requestOf({ filter: {}, dueWithinHours: null, limit: 1 }, new Date(now.getTime() - DAY));
  const ask = () => listSoonest(sql, { id: rules.accountId, rulesAt: async () => rules }, now, request);
  expect(await ask()).toHaveLength(1);
  await sql`update account set rules_version = rules_version + 1 where account_id = ${rules.accountId}`;
  expect(await ask()).toBeNull();
});
