import type { StoredConversation } from '../../db/rows/conversations.ts';
import {
  closeMessageFor,
  type Closing as DomainClosing,
  type EndedBy,
  type EndReason,
} from '../../domain/closing/closing.ts';
import { type ChannelSetup, settingsFor } from '../../domain/policy/account-rules.ts';
import { toMilliseconds } from '../../domain/time/duration.ts';
import { earliest, endsIt } from '../../domain/time/timers.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { type MaybeAsync, soon } from '../core/maybe-async.ts';
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
): MaybeAsync<DomainClosing | null> {
  const { load, deps } = context;
  return soon(endOf(conversation, context), (end) => {
    if (end === null) return null;
    return soon(load.rulesOf(conversation), (rules) => {
      const { policy, channel } = settingsFor(rules, conversation.channelId, conversation.skillId);
      return soon(load.contactFactsOf(conversation), (contact) =>
        soon(isWindowOpen(conversation, end.at, channel, context), (windowOpen) => {
          if (contact === null) return null;
          const { clientVersion, consent, locale } = contact;
          return deps.resolveClosing(channel.adapterId, channel.settings, {
            ...{ endReason: end.reason, endedBy: end.by, windowOpen, clientVersion, consent },
            closeMessage: closeMessageFor(policy.closeMessages, locale),
          });
        }),
      );
    });
  });
}

/** Its end or, while it is open, the one that a timer will bring about if nothing happens before. */
function endOf(conversation: StoredConversation, { load }: Context): MaybeAsync<End | null> {
  if (conversation.ending !== null) return conversation.ending;
  return soon(load.duesOf(conversation), (dues) => {
    const due = earliest(dues, endsIt);
    if (due?.timer.action.does !== 'END') return null;
    return { at: due.at, reason: due.timer.action.reason, by: 'SYSTEM' };
  });
}

/** Whether the channel lets free text be sent at the end, by when the customer last wrote (PE-4). */
function isWindowOpen(
  { id }: StoredConversation,
  at: Date,
  { rules: { replyWindow } }: ChannelSetup,
  { load }: Context,
): MaybeAsync<boolean> {
  if (replyWindow === null) return true;
  return soon(
    load.lastInbound(id),
    (wrote) => wrote !== null && at.getTime() <= wrote.at.getTime() + toMilliseconds(replyWindow),
  );
}
