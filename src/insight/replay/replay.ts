import type { Temporal } from 'temporal-polyfill';
import { type EndReason, isTimersEnd } from '../../domain/closing/closing.ts';
import type { Command } from '../../domain/conversation/activity.ts';
import { type Conversation, isOpen } from '../../domain/conversation/conversation.ts';
import { decide } from '../../domain/conversation/decide.ts';
import { advance } from '../../domain/conversation/fire-timer.ts';
import type { DecideContext } from '../../domain/conversation/outcome.ts';
import { plainRules } from '../../domain/policy/account-rules.ts';
import type { ChannelRules } from '../../domain/policy/channel-rules.ts';
import type { Profile } from '../../domain/policy/policy.ts';
import { type Progress, ROWS_BETWEEN_PROGRESS, type TimelineRow } from './timeline.ts';

/** The settings of a replay. Both durations must be within the profile's bounds. */
export type ReplaySettings = {
  profile: Profile;
  /** A conversation closes after this much silence while it awaits the consumer. */
  after: Temporal.Duration;
  /** A consumer's message this long after an automatic end reopens the conversation. */
  reopenWithin: Temporal.Duration;
};

/** The result of a replay, which `lull replay --json` prints. */
export type ReplayResult = {
  messages: number;
  contacts: number;
  /** Conversations started; a reopened one is not started again. */
  conversations: number;
  /** Automatic ends by reason, including reopened ones. */
  ended: Record<'AUTO_CLOSE' | 'UNANSWERED' | 'PROTECTION', number> & Partial<Record<EndReason, number>>;
  reopened: number;
  /** Automatic ends that the consumer reopened. */
  premature: number;
};

/** The channel of all messages; unrestricted, so that only the profile's bounds apply. */
const CHANNEL = {
  id: 'replay',
  adapterId: 'replay',
  rules: {
    bounds: {},
    canReopen: true,
    businessInitiated: true,
    newSessionOnAgentMessage: false,
    replyWindow: null,
    textLimits: { closeMessage: 0 },
    idempotentSends: true,
    optOutWords: [],
    optInWords: [],
    helpWords: [],
  } satisfies ChannelRules,
};

/**
 * Plays a timeline through the domain rules in virtual time (LL-12). Each timer acts at its due instant, and time runs
 * on after the last row until nothing is due. Rows must be in order within each conversation. Agents and skills
 * are ignored: no agent is online.
 */
export function replay(
  rows: readonly TimelineRow[],
  settings: ReplaySettings,
  onProgress?: Progress,
): ReplayResult {
  const rules = plainRules(settings.profile, CHANNEL, {
    autoClose: true,
    autoCloseAfter: settings.after,
    reopenWithin: settings.reopenWithin,
  });
  const result: ReplayResult = {
    messages: rows.length,
    contacts: 0,
    conversations: 0,
    ended: { AUTO_CLOSE: 0, UNANSWERED: 0, PROTECTION: 0 },
    reopened: 0,
    premature: 0,
  };
  const advanceTo = (conversation: Conversation, until: Date | null): Conversation => {
    const after = advance(conversation, until, rules).conversation;
    if (isOpen(conversation) && after.ending)
      result.ended[after.ending.reason] = (result.ended[after.ending.reason] ?? 0) + 1;
    return after;
  };

  const latest = new Map<string, Conversation>();
  let played = 0;
  for (const row of rows) {
    const known = latest.get(row.conversation);
    const before = known ? advanceTo(known, row.at) : null;
    const context: DecideContext = {
      rules,
      now: row.at,
      newId: () => `conversation ${result.conversations + 1}`,
      isAvailable: () => false,
      history: [],
    };
    const state = { accountId: rules.accountId, contactId: row.conversation, channelId: CHANNEL.id };
    const outcome = decide(
      { ...state, isErased: false, consent: 'UNKNOWN', consentAt: null, latest: before, named: null },
      commandOf(row),
      context,
    );
    if (outcome.kind === 'refused') throw outcome.error;
    if (outcome.kind === 'ignored') throw new Error(`line ${row.line}: ${outcome.why}`);

    latest.set(row.conversation, outcome.conversation);
    if (outcome.event.effect === 'STARTED') result.conversations += 1;
    if (outcome.event.effect === 'REOPENED') {
      result.reopened += 1;
      if (before?.ending && isTimersEnd(before.ending.reason)) result.premature += 1;
    }
    if (++played % ROWS_BETWEEN_PROGRESS === 0) onProgress?.(played, rows.length);
  }
  for (const conversation of latest.values()) advanceTo(conversation, null);
  return { ...result, contacts: latest.size };
}

function commandOf({ from, at }: TimelineRow): Command {
  return {
    action: from === 'consumer' ? { kind: 'INBOUND' } : { kind: 'OUTBOUND', sender: 'AGENT' },
    at,
    messageId: null,
    byId: false,
  };
}
