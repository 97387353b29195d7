import { keywordIn } from '../../domain/conversation/keyword.ts';
import { type ChannelRules, TIMER_KINDS } from '../../domain/policy/channel-rules.ts';
import { type Adapter, allRulesOf } from '../adapter.ts';
import { check, checkSame } from './check.ts';
import type { ContractCase } from './contract.ts';

/** What holds for every adapter's rules. */
export function rulesCases(adapter: Adapter): ContractCase[] {
  const each = (run: (rules: ChannelRules) => void) => async () => allRulesOf(adapter).forEach(run);
  return [
    {
      name: 'bounds known timers, the shortest first',
      run: each((rules) => {
        for (const [kind, bounds] of Object.entries(rules.bounds)) {
          check((TIMER_KINDS as readonly string[]).includes(kind), `there is no timer ${kind}`);
          if (!bounds) continue;
          const [min, max] = [bounds.min, bounds.max].map((bound) => bound.total('milliseconds'));
          check(min !== undefined && max !== undefined && min > 0 && min <= max, `${kind} has no room`);
        }
      }),
    },
    {
      name: 'has a reply window and text limits with room in them',
      run: each((rules) => {
        const window = rules.replyWindow;
        check(window === null || window.total('milliseconds') > 0, 'the reply window is empty');
        check(rules.textLimits.closeMessage > 0, 'no close message would ever fit');
      }),
    },
    {
      name: 'lets customers opt out with STOP and UNSUBSCRIBE, and back in with START (PE-12)',
      run: each((rules) => {
        for (const word of ['STOP', 'UNSUBSCRIBE'])
          checkSame(keywordIn(word, rules, 'UNKNOWN'), 'OPT_OUT', `a customer writes ${word}`);
        checkSame(keywordIn('START', rules, 'OPTED_OUT'), 'OPT_IN', 'a customer who opted out writes START');
      }),
    },
    {
      name: 'gives each keyword one meaning, and can match it (PE-12)',
      run: each((rules) => {
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
}
