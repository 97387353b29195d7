import { z } from 'zod';
import type { ClosingContext, ClosingProposal } from '../../domain/closing/closing.ts';
import type { OutboundMessage } from '../adapter.ts';

type Texts = { closeMessage?: string | undefined; surveyText?: string | undefined };

/** What a channel that shows nothing but text says at the end; `limit` is the longest text it takes. */
export const closingTexts = (limit: number) => ({
  closeMessage: z
    .string()
    .min(1)
    .max(limit)
    .optional()
    .describe('What is sent at the end where the policy does not say; without it nothing is'),
  surveyText: z
    .string()
    .min(1)
    .max(limit)
    .optional()
    .describe('What asks for a survey at the end, such as a link; without it none is asked for'),
});

/** Survey and close message as the policy or else the settings have them (LL-14), and no line. */
export function asTexted(
  { closeMessage, settings }: ClosingContext<Texts>,
  limit: number,
  template: string | null = null,
): ClosingProposal {
  const survey = settings.surveyText !== undefined;
  return {
    survey: [survey, survey ? 'the channel has a text for it' : 'the channel has no text for it'],
    closeMessage: said(closeMessage, settings.closeMessage, limit),
    template,
    separator: [false, 'the channel has no line to draw'],
  };
}

/** A text that the policy gives, unless it is longer than the channel takes. */
export function fitting(
  text: string,
  limit: number,
  why: string,
): readonly [shown: string | null, why: string] {
  if (text.length <= limit) return [text, why];
  return [null, `it is longer than the ${limit} characters that the channel takes`];
}

function said(byPolicy: string | null, bySettings: string | undefined, limit: number) {
  if (byPolicy !== null) return fitting(byPolicy, limit, 'the policy says it');
  if (bySettings !== undefined) return fitting(bySettings, limit, 'the channel says it');
  return [null, 'neither policy nor channel says anything'] as const;
}

/** What to send for a message on a channel that has nothing but text; null where there is nothing, and then why. */
export function textFor(
  message: OutboundMessage,
  { surveyText }: Texts,
): { text: string } | { text: null; why: string } {
  switch (message.kind) {
    case 'WARNING':
    case 'CLOSE_MESSAGE':
      return { text: message.text };
    case 'SURVEY':
      return surveyText === undefined
        ? { text: null, why: 'the channel has no text that asks for a survey' }
        : { text: surveyText };
    case 'TEMPLATE':
      return { text: null, why: 'the channel has no templates' };
    case 'SEPARATOR':
      return { text: null, why: 'the channel has no line to draw' };
  }
}
