import { keywordIn } from '../../domain/conversation/keyword.ts';
import { type ChannelRules, TIMER_KINDS } from '../../domain/policy/channel-rules.ts';
import { type Adapter, allRulesOf } from '../adapter.ts';
import { check, checkSame } from './check.ts';
import type { AdapterCase } from './contract.ts';

const forEachRules = (run: (rules: ChannelRules) => void) => (adapter: Adapter) =>
  allRulesOf(adapter).forEach(run);

/** Requirements on `rules` and `variants`. */
export const rulesCases: readonly AdapterCase<Adapter>[] = [
  {
    name: 'bounds only known timers, with min at most max',
    run: forEachRules((rules) => {
      for (const [kind, bounds] of Object.entries(rules.bounds)) {
        check((TIMER_KINDS as readonly string[]).includes(kind), `there is no timer ${kind}`);
        if (!bounds) continue;
        const [min, max] = [bounds.min, bounds.max].map((bound) => bound.total('milliseconds'));
        check(
          min !== undefined && max !== undefined && min > 0 && min <= max,
          `${kind}: min must be positive and at most max`,
        );
      }
    }),
  },
  {
    name: 'has a positive reply window and text limit',
    run: forEachRules((rules) => {
      const window = rules.replyWindow;
      check(window === null || window.total('milliseconds') > 0, 'the reply window is not positive');
      check(rules.textLimits.closeMessage > 0, 'textLimits.closeMessage is not positive');
    }),
  },
  {
    name: 'lets customers opt out with STOP and UNSUBSCRIBE, and back in with START (PE-12)',
    run: forEachRules((rules) => {
      for (const word of ['STOP', 'UNSUBSCRIBE'])
        checkSame(keywordIn(word, rules, 'UNKNOWN'), 'OPT_OUT', `a customer writes ${word}`);
      checkSame(keywordIn('START', rules, 'OPTED_OUT'), 'OPT_IN', 'a customer who opted out writes START');
    }),
  },
  {
    name: 'gives each keyword one meaning and matches it (PE-12)',
    run: forEachRules((rules) => {
      const lists = {
        OPT_OUT: rules.optOutWords,
        OPT_IN: rules.optInWords,
        HELP: rules.helpWords,
      };
      for (const [meaning, words] of Object.entries(lists))
        for (const word of words) {
          check(word !== '', `an empty word would mean ${meaning}`);
          checkSame(keywordIn(word, rules, 'OPTED_OUT'), meaning, `a customer writes ${word}`);
        }
    }),
  },
];
