import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIVITIES, type Action } from '../../src/domain/conversation/activity.ts';
import { rulesWith } from '../support/domain.ts';
import {
  between,
  type CameTo,
  endings,
  goingOn,
  type Happened,
  inCalls,
  isToldBeforeItsMessage,
  shuffled,
  tellInCalls,
} from '../support/shuffled.ts';

/** Set ORDER_RUNS to hunt for longer. A failure prints its seed and path, which `fc.assert` takes to play it again. */
const RUNS = Number(process.env.ORDER_RUNS ?? 1_500);
const LIMIT_MS = 120_000 + RUNS * 100;

/** What a contact has come to, but for the ids of its conversations. */
const cameTo = ({ conversations, contact: { consent, consentAt } }: CameTo) => ({
  conversations: [...conversations.values()].map(({ id, previousId, ...each }) => each),
  ...{ consent, consentAt },
});
const isAllApplied = ({ results }: CameTo) => results.every(({ outcome }) => outcome === 'APPLIED');
/** What begins with an opt-out is over at once, at the instant at which that was acted on. */
const beginsWithOptOut = ([first]: readonly Happened[]) =>
  first?.action.kind === 'INBOUND' && first.action.keyword === 'OPT_OUT';
const one = (all: readonly Happened[]) => all.map((each) => [each]);

const policies = fc.record({
  botsAreAgents: fc.boolean(),
  statusBasedCapacity: fc.boolean(),
  reopenWithin: fc.constantFrom('PT0S', 'P4D'),
  resetOn: fc.uniqueArray(fc.constantFrom(...ACTIVITIES.slice(2)), { maxLength: 4 }),
});

/** Which activities keep their places: those by which a conversation ends, and those that an ended one is told. */
function fixedIn(inOrder: readonly Happened[], rules: ReturnType<typeof rulesWith>): boolean[] {
  const isEnded = (count: number) => {
    const { conversations, contact } = tellInCalls(one(inOrder.slice(0, count)), rules);
    return conversations.get(contact.latestConversationId ?? '')?.status === 'ENDED';
  };
  return inOrder.map((_, index) => isEnded(index) || isEnded(index + 1));
}

/** A history told in its order, and told in another; null if the two may differ. */
function inBothOrders(
  rules: ReturnType<typeof rulesWith>,
  {
    inOrder,
    order,
    sizes,
  }: ReturnType<typeof shuffled> extends fc.Arbitrary<infer History> ? History : never,
): { expected: CameTo; told: CameTo } | null {
  if (isToldBeforeItsMessage(inOrder) || beginsWithOptOut(inOrder)) return null;
  const expected = tellInCalls(one(inOrder), rules);
  if (!isAllApplied(expected)) return null;
  const told = tellInCalls(inCalls(between(inOrder, order, fixedIn(inOrder, rules)), sizes), rules);
  return isAllApplied(told) ? { expected, told } : null;
}

/** How many of the histories could be compared. */
function compare(actions: fc.Arbitrary<Action>): number {
  let compared = 0;
  fc.assert(
    fc.property(policies, shuffled(actions), (fields, history) => {
      const both = inBothOrders(rulesWith(fields), history);
      if (both === null) return;
      compared++;
      expect(cameTo(both.told)).toEqual(cameTo(both.expected));
    }),
    { numRuns: RUNS },
  );
  return compared;
}

describe('LL-2 the order in which activities arrive, and the calls they come in, make no difference', () => {
  const endsToo = fc.oneof({ weight: 6, arbitrary: goingOn }, endings);

  it('while a conversation goes on', { timeout: LIMIT_MS }, () => {
    expect(compare(goingOn)).toBeGreaterThan(RUNS / 6);
  });

  it('between one end and the next', { timeout: LIMIT_MS }, () => {
    expect(compare(endsToo)).toBeGreaterThan(RUNS / 8);
  });

  // The seed is fixed: some kinds are accepted so rarely that a random run may miss them.
  it('whatever kind they are of', { timeout: LIMIT_MS }, () => {
    const cases = fc.sample(fc.tuple(policies, shuffled(endsToo)), { numRuns: 3_000, seed: 1 });
    const kinds = new Set<string>();
    for (const [fields, history] of cases) {
      if (inBothOrders(rulesWith(fields), history) === null) continue;
      for (const { action } of history.inOrder) kinds.add('sender' in action ? action.sender : action.kind);
    }
    expect([...kinds].sort()).toEqual(
      [
        ...['INBOUND', 'AGENT', 'BOT', 'AUTOMATION', 'BROADCAST', 'OWN', 'START', 'COMMENT', 'TAG', 'ASSIGN'],
        ...['SKILL', 'TO_QUEUE', 'CASE_STATUS', 'READER_JOINED', 'TRANSCRIPT_VIEWED', 'RECEIPT', 'CLIENT'],
        ...['MANUAL_RESPONSE_TIME', 'INACTIVATE', 'HOLD', 'RELEASE', 'END', 'REOPEN'],
      ].sort(),
    );
  });
});
