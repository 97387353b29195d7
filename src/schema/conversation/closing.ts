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
import { chain, type MaybeAsync } from '../core/maybe-async.ts';
import { Conversation } from './conversation.ts';

const ClosingReasons = builder.objectRef<DomainClosing['reasons']>('ClosingReasons').implement({
  description: 'The reason, in words, why each part of the closing is shown or not (LL-14).',
  fields: (t) => ({
    survey: t.exposeString('survey', { description: 'Why the survey is offered or not.' }),
    closeMessage: t.exposeString('closeMessage', { description: 'Why the close message is shown or not.' }),
    separator: t.exposeString('separator', { description: 'Why the separator is shown or not.' }),
  }),
});

const Closing = builder.objectRef<DomainClosing>('Closing').implement({
  description: 'What Lull shows to the customer at the end of a conversation (LL-14).',
  fields: (t) => ({
    survey: t.exposeBoolean('survey', { description: 'Whether the exit survey is offered (LP-2, LP-9).' }),
    closeMessage: t.exposeString('closeMessage', {
      nullable: true,
      description: 'The text of the close message (LP-9); null if none is shown.',
    }),
    template: t.exposeString('template', {
      nullable: true,
      description:
        'The name on the channel of the approved template that replaces the close message outside the reply window (PE-4); null if none is sent.',
    }),
    separator: t.exposeBoolean('separator', {
      description: "Whether the customer's thread shows a line where the conversation ended (LP-2).",
    }),
    reasons: t.expose('reasons', {
      type: ClosingReasons,
      description: 'The reason for each part.',
    }),
  }),
});

builder.objectField(Conversation, 'closing', (t) =>
  t.field({
    type: Closing,
    nullable: true,
    description:
      'What Lull shows to the customer at the end; while the conversation is open, at the end that `endsAt` predicts. Null if no timer will end it. Code INVALID_INPUT if the adapter refuses the settings of the channel.',
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
  return chain(endOf(conversation, context), (end) => {
    if (end === null) return null;
    return chain(load.rulesOf(conversation), (rules) => {
      const { policy, channel } = settingsFor(rules, conversation.channelId, conversation.skillId);
      return chain(load.contactFactsOf(conversation), (contact) =>
        chain(isWindowOpen(conversation, end.at, channel, context), (windowOpen) => {
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

/** The actual end or, while the conversation is open, the end that the next timer will cause. */
function endOf(conversation: StoredConversation, { load }: Context): MaybeAsync<End | null> {
  if (conversation.ending !== null) return conversation.ending;
  return chain(load.duesOf(conversation), (dues) => {
    const due = earliest(dues, endsIt);
    if (due?.timer.action.does !== 'END') return null;
    return { at: due.at, reason: due.timer.action.reason, by: 'SYSTEM' };
  });
}

/** Whether the channel still accepts free text at the end, counted from the customer's last message (PE-4). */
function isWindowOpen(
  { id }: StoredConversation,
  at: Date,
  { rules: { replyWindow } }: ChannelSetup,
  { load }: Context,
): MaybeAsync<boolean> {
  if (replyWindow === null) return true;
  return chain(
    load.lastInbound(id),
    (wrote) => wrote !== null && at.getTime() <= wrote.at.getTime() + toMilliseconds(replyWindow),
  );
}
