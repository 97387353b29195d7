import type { ChannelSettings } from '../adapters/adapter.ts';
import type { Registry } from '../adapters/registry.ts';
import type { SettingsStore } from '../adapters/settings.ts';
import { readConversations } from '../db/rows/conversations-by-id.ts';
import type { ClaimedEffect } from '../db/rows/outbox.ts';
import { type Closing, type Consent, closeMessageFor } from '../domain/closing/closing.ts';
import type { Conversation } from '../domain/conversation/conversation.ts';
import { type AccountRules, type Settings, settingsFor } from '../domain/policy/account-rules.ts';
import type { ChannelRules } from '../domain/policy/channel-rules.ts';
import { toMilliseconds } from '../domain/time/duration.ts';
import { nextDue } from '../domain/time/timers.ts';
import type { EngineDeps } from '../engine.ts';
import { readLastInbound } from './last-inbound.ts';

/** The facts that decide what a customer is shown, as of now. */
export type Situation = {
  conversation: Conversation;
  contact: { address: string; clientVersion: string | null; locale: string | null; consent: Consent };
  channel: { adapterId: string; settings: ChannelSettings };
  adapterRules: ChannelRules;
  rules: AccountRules;
  policy: Settings['policy'];
  /** Whether Lull sends on the channel, as it is set up now. */
  sends: boolean;
  /** Whether the customer has started another conversation since. */
  hasNewer: boolean;
  lastInboundAt: Date | null;
};

const NOT_SENT_HERE = 'nothing is sent from here on this channel';

/** The dependencies of `readSituation`. */
export type SituationDeps = Pick<EngineDeps, 'db' | 'clock' | 'rules'> & {
  registry: Registry;
  settings: SettingsStore;
};

/** Reads the situation of an effect; null if its contact is erased (PE-15) or gone. */
export async function readSituation(
  deps: SituationDeps,
  { accountId, conversationId }: Pick<ClaimedEffect, 'accountId' | 'conversationId'>,
): Promise<Situation | null> {
  const { sql } = deps.db;
  const [[conversation], [row], [lastInbound]] = await Promise.all([
    readConversations(sql, accountId, [conversationId]),
    sql`
      select contact.address, contact.client_version, contact.locale, contact.consent, channel.adapter, channel.settings,
        account.rules_version, contact.latest_conversation_id <> conversation.id as has_newer
      from conversation
      join account on account.account_id = conversation.account_id
      join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
      join channel on channel.account_id = conversation.account_id and channel.id = conversation.channel_id
      where conversation.account_id = ${accountId} and conversation.id = ${conversationId}`,
    readLastInbound(sql, accountId, [conversationId]),
  ]);
  if (!conversation || !row || row.address === null) return null;
  const rules = await deps.rules.at(accountId, Number(row.rules_version));
  const { policy, channel } = settingsFor(rules, conversation.channelId, conversation.skillId);
  return {
    conversation,
    contact: {
      address: row.address,
      clientVersion: row.client_version,
      locale: row.locale,
      consent: row.consent ?? 'UNKNOWN',
    },
    channel: { adapterId: row.adapter, settings: deps.settings.open(row.adapter, row.settings) },
    adapterRules: channel.rules,
    rules,
    policy,
    sends: channel.sends,
    hasNewer: row.has_newer,
    lastInboundAt: lastInbound?.at ?? null,
  };
}

/** Whether the reply window is open: free text may be sent (PE-4). */
function isWindowOpen(
  { clock }: Pick<SituationDeps, 'clock'>,
  { adapterRules, lastInboundAt }: Situation,
): boolean {
  const { replyWindow } = adapterRules;
  if (replyWindow === null) return true;
  if (lastInboundAt === null) return false;
  return clock.now().getTime() <= lastInboundAt.getTime() + toMilliseconds(replyWindow);
}

/**
 * The reason not to warn a customer; null: there is none (PE-2). Any message that moves the clock has reset the reminders.
 * Other activities, such as receipts, cancel nothing.
 */
export function whyNoWarning(
  deps: Pick<SituationDeps, 'clock'>,
  situation: Situation,
  reminder: number,
): string | null {
  const { conversation, contact, rules, sends } = situation;
  if (conversation.ending !== null || conversation.stage !== reminder)
    return 'the conversation has gone on since';
  if (nextDue(rules, conversation, ({ kind }) => kind === 'AUTO_CLOSE') === null)
    return 'nothing closes the conversation any more';
  if (contact.consent === 'OPTED_OUT') return 'the customer opted out';
  if (!sends) return NOT_SENT_HERE;
  return isWindowOpen(deps, situation) ? null : 'the reply window is closed';
}

/** The closing of an ended conversation, as of now (LL-14). */
export function closingNow(deps: Pick<SituationDeps, 'clock' | 'registry'>, situation: Situation): Closing {
  const { conversation, contact, channel, policy } = situation;
  if (conversation.ending === null) throw new Error(`conversation ${conversation.id} has not ended`);
  const closing = deps.registry.get(channel.adapterId).closing({
    endReason: conversation.ending.reason,
    endedBy: conversation.ending.by,
    clientVersion: contact.clientVersion,
    consent: contact.consent,
    windowOpen: isWindowOpen(deps, situation),
    closeMessage: closeMessageFor(policy.closeMessages, contact.locale),
    settings: channel.settings,
  });
  // The customer would read the goodbye as part of the next conversation.
  if (situation.hasNewer) return withheld(closing, 'the customer has begun another conversation');
  return situation.sends ? closing : withheld(closing, NOT_SENT_HERE);
}

/** A closing that shows nothing, for one reason. Parts that were not shown anyway keep their own reasons. */
function withheld({ survey, closeMessage, template, separator, reasons }: Closing, why: string): Closing {
  return {
    ...{ survey: false, closeMessage: null, template: null, separator: false },
    reasons: {
      survey: survey ? why : reasons.survey,
      closeMessage: closeMessage !== null || template !== null ? why : reasons.closeMessage,
      separator: separator ? why : reasons.separator,
    },
  };
}
