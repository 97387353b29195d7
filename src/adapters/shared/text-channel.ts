import { z } from 'zod';
import { type Closing, type ClosingContext, closingFrom } from '../../domain/closing/closing.ts';
import { HELP_WORDS, OPT_IN_WORDS, PLAIN_OPT_OUT_WORDS } from '../../domain/conversation/keyword.ts';
import type { ChannelRules } from '../../domain/policy/channel-rules.ts';
import { type DeliverResult, type OutboundMessage, rejected } from '../adapter.ts';

type Texts = { closeMessage?: string | undefined; surveyText?: string | undefined };

/** The rules of most providers' channels, which show nothing but text; `limit` is the longest text. */
export const textChannelRules = (limit: number): ChannelRules => ({
  bounds: {},
  canReopen: true,
  businessInitiated: true,
  newSessionOnAgentMessage: true,
  replyWindow: null,
  textLimits: { closeMessage: limit },
  idempotentSends: false,
  optOutWords: PLAIN_OPT_OUT_WORDS,
  optInWords: OPT_IN_WORDS,
  helpWords: HELP_WORDS,
});

const text = (limit: number) => z.string().min(1).max(limit).optional();

/** The settings of a text channel for the end of a conversation; `limit` is the longest text. */
export const closingTextSettings = (limit: number) => ({
  closeMessage: text(limit).describe(
    'The text sent at the end if the policy has no close message. Default: nothing is sent',
  ),
  surveyText: text(limit).describe(
    'The text that asks for a survey at the end, such as a link. Default: no survey is sent',
  ),
});

/**
 * The closing of a text channel (LL-14): the survey text of the settings, and the close message of the policy or else of
 * the settings. `template` replaces the close message outside the reply window.
 */
export function textClosing(
  context: ClosingContext<Texts>,
  limit: number,
  template: string | null = null,
): Closing {
  const survey = context.settings.surveyText !== undefined;
  return closingFrom(context, {
    survey: [survey, `the channel has ${survey ? 'a' : 'no'} survey text`],
    closeMessage: closeText(context, limit),
    template,
    separator: [false, 'the channel has no separators'],
  });
}

/** A text with its reason, or null with another reason if the text is over the channel's limit. */
export function withinLimit(
  text: string,
  limit: number,
  why: string,
): readonly [shown: string | null, why: string] {
  if (text.length <= limit) return [text, why];
  return [null, `the text is longer than the channel's limit of ${limit} characters`];
}

function closeText({ closeMessage, settings }: ClosingContext<Texts>, limit: number) {
  if (closeMessage !== null) return withinLimit(closeMessage, limit, 'the policy has a close message');
  if (settings.closeMessage !== undefined)
    return withinLimit(settings.closeMessage, limit, 'the channel has a close message');
  return [null, 'neither the policy nor the channel has a close message'] as const;
}

/** Sends the text of a message by `send`; rejects the kinds of message that a text channel does not have. */
export async function sendText(
  message: OutboundMessage,
  { surveyText }: Texts,
  send: (text: string) => Promise<DeliverResult>,
): Promise<DeliverResult> {
  switch (message.kind) {
    case 'WARNING':
    case 'CLOSE_MESSAGE':
      return await send(message.text);
    case 'SURVEY':
      return surveyText === undefined ? rejected('the channel has no survey text') : await send(surveyText);
    case 'TEMPLATE':
      return rejected('the channel has no templates');
    case 'SEPARATOR':
      return rejected('the channel has no separators');
  }
}
