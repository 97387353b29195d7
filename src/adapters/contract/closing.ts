import { type Closing, CONSENTS, END_REASONS, ENDERS } from '../../domain/closing/closing.ts';
import { type Adapter, rulesOf } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { check, checkSame } from './check.ts';
import type { AdapterSamples, ContractCase } from './contract.ts';

const POLICYS = 'What the policy says';
const CLIENT_VERSIONS = [null, '', 'unknown', '1.0', '2.0.9', '2.1', '2.10.0', '99'];

/** What holds for every adapter's closing, over the whole survey matrix (LL-14). */
export function closingCases(adapter: Adapter, samples: AdapterSamples): ContractCase[] {
  return [
    {
      name: 'closes the same way whenever it is asked the same',
      async run() {
        for (const context of contexts(adapter, samples)) {
          const before = JSON.stringify(context);
          const first = adapter.closing(context);
          checkSame(adapter.closing(context), first, `asked twice with ${before}`);
          check(JSON.stringify(context) === before, 'the closing changed what it was given');
        }
      },
    },
    {
      name: 'gives a reason for every part of a closing (LL-14)',
      async run() {
        for (const context of contexts(adapter, samples)) {
          const { reasons } = adapter.closing(context);
          for (const part of ['survey', 'closeMessage', 'separator'] as const)
            check(typeof reasons[part] === 'string' && reasons[part] !== '', `${part} has no reason`);
        }
      },
    },
    {
      name: 'shows nothing to customers who opted out (LL-14)',
      async run() {
        for (const context of contexts(adapter, samples))
          if (context.consent === 'OPTED_OUT' || context.endReason === 'OPT_OUT')
            check(!showsAnything(adapter.closing(context)), `something is shown after ${context.endReason}`);
      },
    },
    {
      name: 'sends nothing outside the reply window (PE-4)',
      async run() {
        for (const context of contexts(adapter, samples)) {
          if (context.windowOpen) continue;
          const { survey, closeMessage } = adapter.closing(context);
          check(!survey && closeMessage === null, `something is sent after ${context.endReason}`);
        }
      },
    },
    {
      name: 'offers a template outside the reply window alone (PE-4)',
      async run() {
        for (const context of contexts(adapter, samples)) {
          const { template } = adapter.closing(context);
          check(
            template === null || (template !== '' && !context.windowOpen),
            `a template is offered after ${context.endReason}, though text may be sent`,
          );
        }
      },
    },
    {
      name: 'says what the policy says and not its own, where it says anything (PE-3)',
      async run() {
        for (const context of contexts(adapter, samples)) {
          if (adapter.closing({ ...context, closeMessage: null }).closeMessage === null) continue;
          const { closeMessage } = adapter.closing({ ...context, closeMessage: POLICYS });
          check(closeMessage === POLICYS, `it says something else after ${context.endReason}`);
        }
      },
    },
    {
      name: 'keeps its close message within its own limit',
      async run() {
        const { closeMessage: limit } = rulesOf(adapter, samples.settings).textLimits;
        for (const context of contexts(adapter, samples)) {
          for (const closeMessage of [null, 'x'.repeat(limit), 'x'.repeat(limit + 1)]) {
            const text = adapter.closing({ ...context, closeMessage }).closeMessage;
            check(
              text === null || (text !== '' && text.length <= limit),
              `a close message is empty or over ${limit}`,
            );
          }
        }
      },
    },
  ];
}

function showsAnything({ survey, closeMessage, template, separator }: Closing): boolean {
  return survey || closeMessage !== null || template !== null || separator;
}

function contexts(adapter: Adapter, samples: AdapterSamples) {
  const settings = parseSettings(adapter, samples.settings);
  return END_REASONS.flatMap((endReason) =>
    ENDERS.flatMap((endedBy) =>
      CLIENT_VERSIONS.flatMap((clientVersion) =>
        CONSENTS.flatMap((consent) =>
          [true, false].map((windowOpen) => ({
            endReason,
            endedBy,
            clientVersion,
            consent,
            windowOpen,
            closeMessage: null,
            settings,
          })),
        ),
      ),
    ),
  );
}
