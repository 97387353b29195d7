import {
  type Closing,
  type ClosingContext,
  CONSENTS,
  END_REASONS,
  ENDERS,
} from '../../domain/closing/closing.ts';
import { type ChannelSettings, rulesFor } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { check, checkSame } from './check.ts';
import type { AdapterCase, Sampled } from './contract.ts';

const POLICY_TEXT = "The policy's close message";
const CLIENT_VERSIONS = [null, '', 'unknown', '1.0', '2.0.9', '2.1', '2.10.0', '99'];

/** Requirements on `closing`, each checked on every combination of reason, ender, version, consent and window (LL-14). */
export const closingCases: readonly AdapterCase<Sampled>[] = [
  {
    name: 'returns the same closing for the same context',
    run: (given) =>
      forEveryContext(given, (context, { adapter }) => {
        const before = JSON.stringify(context);
        const first = adapter.closing(context);
        checkSame(adapter.closing(context), first, `second call with ${before}`);
        check(JSON.stringify(context) === before, 'closing changed its argument');
      }),
  },
  {
    name: 'gives a reason for every part of a closing (LL-14)',
    run: (given) =>
      forEveryContext(given, (context, { adapter }) => {
        const { reasons } = adapter.closing(context);
        for (const part of ['survey', 'closeMessage', 'separator'] as const)
          check(typeof reasons[part] === 'string' && reasons[part] !== '', `${part} has no reason`);
      }),
  },
  {
    name: 'shows nothing to customers who opted out (LL-14)',
    run: (given) =>
      forEveryContext(given, (context, { adapter }) => {
        if (context.consent === 'OPTED_OUT' || context.endReason === 'OPT_OUT')
          check(!showsAnything(adapter.closing(context)), `something is shown after ${context.endReason}`);
      }),
  },
  {
    name: 'sends no free text outside the reply window (PE-4)',
    run: (given) =>
      forEveryContext(given, (context, { adapter }) => {
        if (context.windowOpen) return;
        const { survey, closeMessage } = adapter.closing(context);
        check(!survey && closeMessage === null, `something is sent after ${context.endReason}`);
      }),
  },
  {
    name: 'offers a template only outside the reply window (PE-4)',
    run: (given) =>
      forEveryContext(given, (context, { adapter }) => {
        const { template } = adapter.closing(context);
        check(
          template === null || (template !== '' && !context.windowOpen),
          `a template is offered inside the reply window after ${context.endReason}`,
        );
      }),
  },
  {
    name: "prefers the policy's close message to its own (PE-3)",
    run: (given) =>
      forEveryContext(given, (context, { adapter }) => {
        if (adapter.closing({ ...context, closeMessage: null }).closeMessage === null) return;
        const { closeMessage } = adapter.closing({ ...context, closeMessage: POLICY_TEXT });
        check(closeMessage === POLICY_TEXT, `another text is sent after ${context.endReason}`);
      }),
  },
  {
    name: 'keeps its close message within its text limit',
    run(given) {
      const { closeMessage: limit } = rulesFor(given.adapter, given.samples.settings).textLimits;
      forEveryContext(given, (context, { adapter }) => {
        for (const closeMessage of [null, 'x'.repeat(limit), 'x'.repeat(limit + 1)]) {
          const text = adapter.closing({ ...context, closeMessage }).closeMessage;
          check(
            text === null || (text !== '' && text.length <= limit),
            `a close message is empty or over ${limit} characters`,
          );
        }
      });
    },
  },
];

function showsAnything({ survey, closeMessage, template, separator }: Closing): boolean {
  return survey || closeMessage !== null || template !== null || separator;
}

function forEveryContext(
  given: Sampled,
  run: (context: ClosingContext<ChannelSettings>, given: Sampled) => void,
): void {
  const settings = parseSettings(given.adapter, given.samples.settings);
  for (const endReason of END_REASONS)
    for (const endedBy of ENDERS)
      for (const clientVersion of CLIENT_VERSIONS)
        for (const consent of CONSENTS)
          for (const windowOpen of [true, false])
            run(
              { endReason, endedBy, clientVersion, consent, windowOpen, closeMessage: null, settings },
              given,
            );
}
