import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StoredConversation } from '../../src/db/rows/conversations.ts';
import { nextDue } from '../../src/domain/time/timers.ts';
import { type ListRequest, listOpen } from '../../src/insight/lists/conversation-list.ts';
import { type Engine, openEngine } from '../support/engine.ts';
import { anyWorld, build, type World } from '../support/list-world.ts';

/** Set LIST_RUNS to hunt for longer. */
const RUNS = Number(process.env.LIST_RUNS ?? 40);

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.drop());

type Asked = Pick<ListRequest, 'by' | 'direction' | 'filter'> & { onlyDueSoon: boolean; pageSize: number };
const anyAsked: fc.Arbitrary<Asked> = fc.record({
  by: fc.constantFrom('DUE', 'DUE', 'LAST_ACTIVITY'),
  direction: fc.constantFrom('ASC', 'DESC'),
  filter: fc.constantFrom({}, {}, { statuses: ['ACTIVE', 'NEW'] as const }, { tag: 'tagged' }, {
    awaiting: 'CONSUMER',
  } as const),
  onlyDueSoon: fc.boolean(),
  pageSize: fc.integer({ min: 1, max: 30 }),
});

function passes(conversation: StoredConversation, { filter }: Asked): boolean {
  return (
    (filter.statuses?.includes(conversation.status) ?? true) &&
    (filter.awaiting ?? conversation.awaiting) === conversation.awaiting &&
    (filter.tag === undefined || conversation.tags.includes(filter.tag))
  );
}

it('PE-1 pages of any size, from either end, return all conversations sorted by due or by last activity', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyWorld,
      fc.array(anyAsked, { minLength: 6, maxLength: 6 }),
      async (world: World, asks) => {
        const { rules, conversations, now, later } = await build(engine, world);
        for (const asked of asks) {
          const { by, direction, filter, pageSize } = asked;
          const dueBefore = by === 'DUE' && asked.onlyDueSoon ? later : null;
          const atOf = (each: StoredConversation) =>
            (by === 'DUE' ? nextDue(rules, each)?.at : each.lastActivityAt)?.getTime() ?? null;
          const expected = conversations.filter(
            (each) =>
              passes(each, asked) &&
              (dueBefore === null || (atOf(each) ?? Number.POSITIVE_INFINITY) < dueBefore.getTime()),
          );
          const read = async (backwards: boolean) => {
            const ids: string[] = [];
            let after: ListRequest['after'] = null;
            for (;;) {
              const request = { by, direction, filter, dueBefore, after, backwards, limit: pageSize };
              const page = await listOpen(engine.db.sql, rules, now, request);
              ids.push(...page.map(({ conversation }) => conversation.id));
              after = page.at(-1)?.position ?? null;
              if (page.length < pageSize) return ids;
            }
          };
          const byId = new Map(conversations.map((each) => [each.id, each]));
          const ids = await read(false);
          expect(ids.toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
          const sign = direction === 'ASC' ? 1 : -1;
          const ats = expected.map(atOf);
          const due = ats.filter((each) => each !== null).sort((a, b) => sign * (a - b));
          const sorted = [...due, ...ats.filter((each) => each === null)];
          expect(ids.map((id) => atOf(byId.get(id) as StoredConversation))).toEqual(sorted);
          expect((await read(true)).reverse()).toEqual(ids);
        }
      },
    ),
    { numRuns: RUNS },
  );
}, 600_000);
