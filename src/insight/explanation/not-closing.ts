import type { StoredConversation } from '../../db/rows/conversations.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import type { Guard, GuardName } from '../../domain/time/timers.ts';
import type { TimerExplanation } from './explain.ts';
import { type Speaker, sayAll, sayTime } from './say.ts';

/** What the clauses about a timer that does not run are made of. */
type Subject = {
  timer: TimerExplanation;
  conversation: StoredConversation;
  rules: AccountRules;
  speaker: Speaker;
};

/** A clause for each guard that can keep a conversation open; null: another guard's clause says it. */
const WHY: Readonly<Record<GuardName, ((subject: Subject) => string) | null>> = {
  NOT_SET_ASIDE: () =>
    'Lull set it aside because it could not write it, and its next activity restarts the timers',
  NOT_PAUSED: (subject) => `automatic ends are paused since ${stoppedSince(subject, true)}`,
  TIME_RUNS: (subject) => `an outage since ${stoppedSince(subject, false)} has no end yet`,
  CHANNEL_HAS_IT: () => 'its channel has no automatic close',
  SWITCHED_ON: () => 'its policy has no automatic close',
  NOT_HELD: ({ conversation: { heldUntil }, speaker }) =>
    heldUntil === null
      ? 'it is on hold until it is released or the customer writes'
      : `it is on hold until ${sayTime(heldUntil, speaker)}`,
  NOT_EXEMPT: ({ conversation, rules }) => {
    const tags = conversation.tags.filter((tag) => rules.exemptTags.has(tag));
    return tags.length === 1 ? `the tag ${tags[0]} exempts it` : `the tags ${tags.join(' and ')} exempt it`;
  },
  STATUS_MATCHES: ({ conversation }) => `its policy closes no conversation that is ${conversation.status}`,
  AWAITED_MATCHES: ({ conversation: { awaiting } }) =>
    `${awaiting === 'AGENT' ? 'the agent' : 'nobody'} is expected to write next, and only silence of the customer counts`,
  CASE_STATUS_MATCHES: ({ conversation: { caseStatus } }) =>
    caseStatus === null
      ? 'it has no case status, and its policy closes only certain ones'
      : `its policy does not close the case status ${caseStatus}`,
  CAN_REQUEUE: () => 'it is in the queue already',
  NO_MANUAL_RESPONSE: ({ conversation: { manualResponseAt }, speaker }) =>
    `an agent promised an answer by ${manualResponseAt && sayTime(manualResponseAt, speaker)}`,
  SINCE_ENABLED: ({ timer: { timer }, speaker }) =>
    `its clock is from before the automatic close was switched on at ${timer.notBefore && sayTime(timer.notBefore, speaker)}`,
  HELD: null,
  REMINDER_IS_LEFT: null,
  CAN_OVERFLOW: null,
  CLOCK_IS_SET: null,
};
/** A guard that explains everything alone, first. */
const ALONE: readonly GuardName[] = ['NOT_SET_ASIDE', 'CHANNEL_HAS_IT', 'SWITCHED_ON'];

/** Why a conversation does not close by itself: the guards that its timer fails, in clauses. */
export function sayWhyNot(subject: Subject): string {
  const failing = subject.timer.guards.filter(({ passes }) => !passes).map(({ name }) => name);
  const alone = ALONE.find((name) => failing.includes(name));
  const order = Object.keys(WHY) as GuardName[];
  const said = order.filter((name) => (alone ? name === alone : failing.includes(name)));
  // A pause stops the time as well.
  const clauses = said.filter((name) => name !== 'TIME_RUNS' || stop(subject, false) !== undefined);
  return sayAll(clauses.flatMap((name) => WHY[name]?.(subject) ?? [])) || 'no timer applies to it';
}

/** The timer that says best why: the automatic close, or else the one that makes it inactive, if the policy has that. */
export function timerToExplain(timers: readonly TimerExplanation[]): TimerExplanation | undefined {
  const isOn = ({ guards }: TimerExplanation) =>
    guards.every(({ name, passes }: Guard) => passes || !isSwitch(name));
  const [close, inactivate] = (['AUTO_CLOSE', 'INACTIVATE'] as const).map((kind) =>
    timers.find(({ timer }) => timer.kind === kind),
  );
  return [close, inactivate].find((timer) => timer && isOn(timer)) ?? close;
}

function isSwitch(name: GuardName): boolean {
  return name === 'SWITCHED_ON' || name === 'CHANNEL_HAS_IT';
}

/** The period without an end that stops the time: the pause, or the outage. */
function stop({ timer: { timer } }: Subject, isPause: boolean) {
  return timer.calendar.uncounted.find(({ kind, until }) => until === null && (kind === 'PAUSE') === isPause);
}

function stoppedSince(subject: Subject, isPause: boolean): string {
  const found = stop(subject, isPause);
  return found === undefined ? 'a while ago' : sayTime(found.from, subject.speaker);
}
