import type { StoredConversation } from '../../db/rows/conversations.ts';
import type { EndedBy, EndReason } from '../../domain/closing/closing.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import type { TimerKind } from '../../domain/policy/channel-rules.ts';
import type { TimerAction } from '../../domain/time/timer-rules.ts';
import { type Due, endsIt } from '../../domain/time/timers.ts';
import type { Explanation } from './explain.ts';
import { sayWhyNot, timerToExplain } from './not-closing.ts';
import { type Speaker, sayAll, sayDuration, sayTime, sayTimeNear } from './say.ts';
import { sayGaps } from './say-gaps.ts';

const ENDERS: Readonly<Record<EndedBy, string>> = {
  CUSTOMER: 'the customer',
  AGENT: 'an agent',
  SUPERVISOR: 'a supervisor',
  BOT: 'a bot',
  SYSTEM: 'Lull',
};
const ENDED: Readonly<Record<EndReason, (by: EndedBy) => string>> = {
  AUTO_CLOSE: () => 'it was silent for as long as its policy allows',
  UNANSWERED: () => 'the customer did not reply to the first message in time',
  PROTECTION: () => 'the system protection ends conversations that are silent for so long',
  INACTIVE: () => 'it was inactive for as long as its policy allows',
  QUEUE_TIMEOUT: () => 'it waited in the queue for as long as its policy allows',
  COMMAND: (by) => `${ENDERS[by]} ended it`,
  OPT_OUT: () => 'the customer opted out of messages',
  SUPERSEDED: () => 'an agent wrote while it was inactive, which started a new conversation',
  NOTIFICATION: () => 'it held one automated notification, which needs no reply',
};

const DOES: Readonly<Record<TimerAction['does'], string>> = {
  END: 'Ends',
  HOLD: 'Goes on hold',
  TO_QUEUE: 'Returns to the queue',
  INACTIVATE: 'Becomes inactive',
  REMIND: 'A reminder is sent',
  OVERFLOW: 'Moves to the overflow skill',
  RELEASE: 'The hold ends',
};
const COUNTS: Readonly<Record<TimerKind, (after: string, from: string) => string>> = {
  AUTO_CLOSE: (after, from) => `${after} of silence count from ${from}`,
  REMIND: (after, from) => `${after} of silence count from ${from}`,
  INACTIVATE: (after, from) => `the customer has ${after} to answer, from ${from}`,
  END_INACTIVE: (after, from) => `${after} of inactivity count from ${from}`,
  END_UNANSWERED: (after, from) => `the customer has ${after} to answer the first message, from ${from}`,
  QUEUE_TIMEOUT: (after, from) => `${after} in the queue count from ${from}`,
  PROTECT: (after, from) => `the system protection allows ${after} of silence, from ${from}`,
  RELEASE_HOLD: () => 'no other timer of its policy acts until then, and its clocks restart',
};

/** Everything that a summary is made of. */
export type SummaryRequest = {
  explanation: Explanation;
  conversation: StoredConversation;
  rules: AccountRules;
  now: Date;
};

/**
 * One or two sentences that say when a conversation ends and why, or why it does not (LL-1): closed hours, outages and
 * pauses with their times, in the time zone of the channel's calendar.
 */
export function summarise({ explanation, conversation, rules, now }: SummaryRequest): string {
  const timeZone = rules.channels.get(conversation.channelId)?.calendar.hours?.timeZone ?? 'UTC';
  const speaker = { timeZone, now };
  const { ending } = conversation;
  if (ending) return `Ended at ${withZone(ending.at, speaker)}: ${ENDED[ending.reason](ending.by)}.`;
  const { due, timers } = explanation;
  const why = timerToExplain(timers);
  if (due && (due.timer.kind !== 'PROTECT' || why?.dueAt)) return sayDue(due, explanation, speaker);
  const sentence = why
    ? `Does not close by itself: ${sayWhyNot({ timer: why, conversation, rules, speaker })}.`
    : '';
  return due ? `${sentence} ${sayDue(due, explanation, speaker)}` : sentence;
}

/** When the next timer acts, what it does, and what it counted. */
function sayDue({ timer, at }: Due, { timers }: Explanation, speaker: Speaker): string {
  const clockAt = timers.find((each) => each.timer.kind === timer.kind)?.clockAt ?? at;
  const verb = timer.kind === 'AUTO_CLOSE' && endsIt(timer) ? 'Closes' : DOES[timer.action.does];
  const when = at > speaker.now ? `at ${withZone(at, speaker)}` : `now, due since ${withZone(at, speaker)}`;
  const close = timers.find((each) => each.timer.kind === 'AUTO_CLOSE');
  const then = timer.kind === 'REMIND' && close?.dueAt ? { timer: close.timer, at: close.dueAt } : null;
  const last = then ?? { timer, at };
  const clauses = [
    COUNTS[last.timer.kind](sayDuration(last.timer.afterMs), sayTimeNear(clockAt, last.at, speaker)),
    ...sayGaps(last.timer, clockAt, last.at, speaker),
  ];
  return `${verb} ${when}${then ? `, and it closes at ${sayTime(then.at, speaker)}` : ''}: ${sayAll(clauses)}.`;
}

function withZone(at: Date, speaker: Speaker): string {
  return `${sayTime(at, speaker)} (${speaker.timeZone})`;
}
