import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rulesWith } from '../support/domain.ts';
import { type CameTo, goingOn, type Happened, shuffled, tellInCalls } from '../support/shuffled.ts';

const RUNS = Number(process.env.ORDER_RUNS ?? 1_000);
/** Whether a receipt is stamped before the message that it is of. */
const isToldOfBefore = (all: readonly Happened[]) =>
  all.some(({ action }, index) => action.kind === 'RECEIPT' && Number(action.of.slice(1)) > index);
const isAllApplied = ({ results }: CameTo) => results.every(({ outcome }) => outcome === 'APPLIED');
const policies = fc.record({
  botsAreAgents: fc.boolean(),
  resetOn: fc.constantFrom<string[]>(
    [],
    ['CASE_STATUS', 'TO_QUEUE'],
    ['AUTOMATION_MESSAGE', 'TAG', 'COMMENT'],
    ['BOT_MESSAGE', 'RECEIPT'],
  ),
  statusBasedCapacity: fc.boolean(),
});

it('LL-2 the order in which activities arrive, and the calls they come in, make no difference', () => {
  let compared = 0,
    skipped = 0,
    passed = 0;
  fc.assert(
    fc.property(policies, shuffled(goingOn), (fields, { inOrder, calls }) => {
      if (isToldOfBefore(inOrder)) return void skipped++;
      const rules = rulesWith(fields);
      const expected = tellInCalls(
        inOrder.map((each) => [each]),
        rules,
      );
      if (!isAllApplied(expected) || expected.conversations.size > 1) return void skipped++;
      const told = tellInCalls(calls, rules);
      if (!isAllApplied(told)) return void passed++;
      compared++;
      expect([...told.conversations.values()].map(({ id, ...each }) => each)).toEqual(
        [...expected.conversations.values()].map(({ id, ...each }) => each),
      );
      expect(told.contact.consent).toEqual(expected.contact.consent);
    }),
    { numRuns: RUNS },
  );
  console.log({ compared, skipped, passed });
});
