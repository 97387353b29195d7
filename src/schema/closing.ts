import type { StoredConversation } from '../db/conversations.ts';
import {
  closeMessageFor,
  type Closing as DomainClosing,
  type EndedBy,
  type EndReason,
} from '../domain/closing.ts';
import { toMilliseconds } from '../domain/duration.ts';
import { type AccountRules, settingsFor } from '../domain/rules.ts';
import { endsIt, nextDue } from '../domain/timers.ts';
import { type Soon, soon } from './at-once.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { Conversation } from './conversation.ts';

const ClosingReasons = builder.objectRef<DomainClosing['reasons']>('ClosingReasons').implement({
  description: 'Why a customer sees what they see at the end, part by part, in words (LL-14).',
  fields: (t) => ({
    survey: t.exposeString('survey', { description: 'Why there is a survey, or none.' }),
    closeMessage: t.exposeString('closeMessage', { description: 'Why there is a message, or none.' }),
    separator: t.exposeString('separator', { description: 'Why there is a line, or none.' }),
  }),
});

const Closing = builder.objectRef<DomainClosing>('Closing').implement({
  description: 'What the customer sees at the end of a conversation (LL-14).',
  fields: (t) => ({
    survey: t.exposeBoolean('survey', { description: 'Whether a survey is offered (LP-2, LP-9).' }),
    closeMessage: t.exposeString('closeMessage', {
      nullable: true,
      description: 'The message that is shown (LP-9); null: none.',
    }),
    template: t.exposeString('template', {
      nullable: true,
      description:
        'The approved template that goes out instead of the message outside the reply window (PE-4), by its name at the channel; null: none.',
    }),
    separator: t.exposeBoolean('separator', {
      description: "Whether the customer's thread draws a line where the conversation ended (LP-2).",
    }),
    reasons: t.field({ type: ClosingReasons, description: 'Why.', resolve: ({ reasons }) => reasons }),
  }),
});

builder.objectField(Conversation, 'closing', (t) =>
  t.field({
    type: Closing,
    nullable: true,
    description:
      'What the customer sees at its end; while it is open, at the end that `endsAt` foresees. Null: no timer would ever end it, as things stand. An error where the adapter refuses the settings of its channel.',
    resolve: closingOf,
  }),
);

type End = { at: Date; reason: EndReason; by: EndedBy };

function closingOf(
  conversation: StoredConversation,
  _args: object,
  context: Context,
): Soon<DomainClosing | null> {
  const { load, deps } = context;
  return soon(load.rulesOf(conversation), (rules) => {
    const end = conversation.ending ?? foreseenEnd(conversation, rules);
    if (end === null) return null;
    const { policy } = settingsFor(rules, conversation.channelId, conversation.skillId);
    return soon(load.closingFacts(conversation), (facts) =>
      soon(isWindowOpen(conversation, end.at, rules, context), (windowOpen) => {
        if (facts === null) return null;
        return deps.closingBy(facts.adapterId, facts.settings, {
          ...{ endReason: end.reason, endedBy: end.by, windowOpen },
          clientVersion: facts.clientVersion,
          consent: facts.consent,
          closeMessage: closeMessageFor(policy.closeMessages, facts.locale),
        });
      }),
    );
  });
}

/** The end that a timer will bring about, if nothing happens before. */
function foreseenEnd(conversation: StoredConversation, rules: AccountRules): End | null {
  if (conversation.laneId === null) return null;
  const due = nextDue(rules, conversation, endsIt);
  if (due?.timer.action.does !== 'END') return null;
  return { at: due.at, reason: due.timer.action.reason, by: 'SYSTEM' };
}

/** Whether the channel lets free text be sent at the end, by when the customer last wrote (PE-4). */
function isWindowOpen(
  { id, channelId }: StoredConversation,
  at: Date,
  rules: AccountRules,
  { load }: Context,
): Soon<boolean> {
  const replyWindow = rules.channels.get(channelId)?.rules.replyWindow ?? null;
  if (replyWindow === null) return true;
  return soon(
    load.lastInbound(id),
    (wrote) => wrote !== null && at.getTime() <= wrote.at.getTime() + toMilliseconds(replyWindow),
  );
}
