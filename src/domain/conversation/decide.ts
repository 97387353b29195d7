import {
  ConversationEndedError,
  InvalidInputError,
  LullError,
  NotAllowedError,
  NotFoundError,
} from '../errors.ts';
import { settingsFor } from '../policy/account-rules.ts';
import { type Action, type Command, isAgentMessage, type Sender } from './activity.ts';
import { type Conversation, isOpen, type Status } from './conversation.ts';
import type { Event } from './event.ts';
import { countUntil, historyIn, isBefore } from './history.ts';
import {
  applied,
  botsAreAgents,
  type ContactState,
  consumerWrote,
  type DecideContext,
  endedByRule,
  endingNow,
  everyClock,
  keepsAgent,
  type Outcome,
  reopened,
} from './outcome.ts';
import { checkConsent, started, startOrReopen } from './start-or-reopen.ts';
import { type Move, TRANSITIONS, type Trigger } from './transitions.ts';

/** Decides a command: state in, new state and event out. It is pure; time, ids and rules are passed in. */
export function decide(state: ContactState, command: Command, context: DecideContext): Outcome {
  try {
    return decided(state, command, context);
  } catch (error) {
    if (error instanceof LullError) return { kind: 'refused', error };
    throw error;
  }
}

function decided(state: ContactState, command: Command, context: DecideContext): Outcome {
  const { action } = command;
  const trigger = triggerOf(action, state, context);
  // A customer cannot choose a conversation: the message goes to the open one, whichever was named.
  const subject = trigger === 'CONSUMER_MESSAGE' ? state.latest : (state.named ?? state.latest);
  const move = TRANSITIONS[trigger][subject?.status ?? 'ENDED'];

  if (action.kind === 'END' && action.reported && isOfTheOneBefore(subject, command))
    return { kind: 'ignored', why: 'it was of the conversation before this one' };
  if (move === 'ARRIVAL') return startOrReopen({ state, last: subject, command, context });
  if (subject === null) throw new NotFoundError('address', 'contact with a conversation');
  if (move === 'ERROR') throw refusal(action, subject);
  if (action.kind === 'START')
    throw new NotAllowedError('START', subject.status, 'a conversation is open already');
  if (action.kind === 'REOPEN') return reopen(state, subject, command, context);
  const { policy } = settingsFor(context.rules, subject.channelId, subject.skillId);
  if (move === 'WHEN_INACTIVE' && policy.agentMessageWhenInactive === 'NEW_CONVERSATION')
    return supersede(state, subject, command, context);

  const changes = changesOf(subject, command, context);
  const status = changes.status ?? statusAfter(move, subject, context);
  const effect = status === 'ENDED' && isOpen(subject) ? 'ENDED' : null;
  return applied(subject, command, context, { changes: { ...changes, status }, effect });
}

function statusAfter(
  move: Exclude<Move, 'ARRIVAL' | 'ERROR'>,
  subject: Conversation,
  context: DecideContext,
): Status {
  switch (move) {
    case '=':
    case 'RECORDED':
      return subject.status;
    case 'WAITING_OR_ACTIVE':
      return subject.agentId ? 'ACTIVE' : 'WAITING';
    case 'WAITING_OR_AGENT':
      return keepsAgent(subject, context) ? 'ACTIVE' : 'WAITING';
    case 'WHEN_INACTIVE':
      return 'ACTIVE';
    default:
      return move;
  }
}

/** Whether it happened before this conversation was started, while there was another one. */
function isOfTheOneBefore(subject: Conversation | null, { at }: Command): boolean {
  return subject !== null && subject.previousId !== null && at < subject.startedAt;
}

function triggerOf(action: Action, state: ContactState, context: DecideContext): Trigger {
  switch (action.kind) {
    case 'INBOUND':
      return 'CONSUMER_MESSAGE';
    case 'OUTBOUND':
      return isAgentMessage(action.sender, botsAreAgents(state.named ?? state.latest ?? state, context))
        ? 'AGENT_MESSAGE'
        : 'AUTOMATED_MESSAGE';
    case 'START':
      return action.by === 'AGENT' ? 'AGENT_MESSAGE' : 'AUTOMATED_MESSAGE';
    case 'HOLD':
    case 'RELEASE':
      return 'HOLD_OR_RELEASE';
    case 'SKILL':
    case 'MANUAL_RESPONSE_TIME':
      return 'SKILL_OR_PROMISE';
    case 'ASSIGN':
    case 'TO_QUEUE':
    case 'INACTIVATE':
    case 'END':
    case 'REOPEN':
      return action.kind;
    default:
      return 'NOTE';
  }
}

/** The changes of an action, except the status. */
function changesOf(
  subject: Conversation,
  { action, at }: Command,
  context: DecideContext,
): Partial<Conversation> {
  switch (action.kind) {
    case 'INBOUND':
      return {
        ...consumerWrote(subject, context),
        ...(action.keyword === 'OPT_OUT'
          ? {
              status: 'ENDED',
              // An ended conversation keeps its last agent and goes to no queue.
              agentId: subject.agentId,
              ending: endingNow(subject, 'OPT_OUT', 'CUSTOMER', context),
            }
          : {}),
      };
    case 'OUTBOUND':
      if (!isAgentMessage(action.sender, botsAreAgents(subject, context))) return {};
      return {
        ...(subject.status === 'WAITING' || (subject.agentId === null && subject.status !== 'NEW')
          ? { agentId: action.agentId ?? subject.agentId }
          : {}),
        awaiting: 'CONSUMER',
        awaitingSince: awaitedSince(subject, at),
      };
    case 'TAG': {
      const removed = new Set(action.remove);
      return { tags: [...new Set([...subject.tags, ...action.add])].filter((tag) => !removed.has(tag)) };
    }
    case 'ASSIGN':
      return { agentId: action.agentId };
    case 'TO_QUEUE':
      return subject.status === 'NEW' ? {} : { agentId: null };
    case 'SKILL':
      return { skillId: action.skillId };
    case 'CASE_STATUS':
      return { caseStatus: action.caseStatus };
    case 'MANUAL_RESPONSE_TIME':
      return { manualResponseAt: action.responseAt };
    case 'RECEIPT':
      return action.state === 'FAILED' ? awaitedWithout(subject, action.of, at, context) : {};
    case 'INACTIVATE':
      checkInactivation(subject, context);
      return {};
    case 'HOLD':
      if (action.until !== null && action.until <= context.now)
        throw new InvalidInputError('until', 'an instant that lies ahead');
      return { held: true, heldUntil: action.until };
    case 'RELEASE':
      if (!subject.held) throw new NotAllowedError('RELEASE', subject.status, 'it is not on hold');
      return { held: false, heldUntil: null, ...everyClock(subject, context.now) };
    case 'END':
      return { ending: endingNow(subject, 'COMMAND', action.by, context) };
    default:
      return {};
  }
}

/**
 * Since when the customer is awaited after an agent's message: since the first message after the customer's last
 * one (SF-4). A message that makes the conversation ACTIVE again restarts it, or it would become INACTIVE again at
 * once.
 */
function awaitedSince({ awaiting, status, awaitingSince }: Conversation, at: Date): Date | null {
  if (awaiting === 'AGENT') return at;
  return status === 'INACTIVE' && (awaitingSince === null || awaitingSince < at) ? at : awaitingSince;
}

function checkInactivation(subject: Conversation, { rules, now }: DecideContext): void {
  const { policy, channel } = settingsFor(rules, subject.channelId, subject.skillId);
  const why =
    channel.rules.bounds.END_INACTIVE === null
      ? 'this channel has no inactive conversations'
      : // What was done under other rules stays done, when it is decided again among late activities.
        policy.manualInactivation || now < rules.since
        ? null
        : 'the account lets nobody do this by hand';
  if (why !== null) throw new NotAllowedError('INACTIVATE', subject.status, why);
}

/**
 * Who is awaited after an agent's message failed: the customer, since the earliest later message that did not
 * fail; the agent, if there is none (LL-8).
 */
function awaitedWithout(
  subject: Conversation,
  failedId: string,
  at: Date,
  context: DecideContext,
): Partial<Conversation> {
  if (subject.awaiting !== 'CONSUMER') return {};
  const { inbound, outbound, sent, failedAt } = historyIn(context.history);
  const lastInbound = inbound[countUntil(inbound, (event) => event.at <= at) - 1];
  const first = lastInbound ? countUntil(outbound, (event) => isBefore(event, lastInbound)) : 0;
  const isTheirs = botsAreAgents(subject, context);
  // The customer is awaited since the start, whoever started it.
  const isBeginning = (event: Event) =>
    event.kind === 'START' || (lastInbound === undefined && event === outbound[0]);
  const isAwaiting = (event: Event) =>
    event.at <= at && (isBeginning(event) || isAgentMessage(event.actor as Sender, isTheirs));
  const hasFailed = ({ messageId }: Event) => {
    const failed = messageId === null ? undefined : failedAt.get(messageId);
    return messageId === failedId || (failed !== undefined && failed <= at);
  };
  const one = sent.get(failedId);
  if (!one || (lastInbound && isBefore(one, lastInbound)) || !isAwaiting(one)) return {};
  let arrived: Event | undefined;
  for (let index = first; index < outbound.length && !arrived; index++) {
    const event = outbound[index] as Event;
    if (event.at > at) break;
    if (isAwaiting(event) && !hasFailed(event)) arrived = event;
  }
  const since = subject.awaitingSince;
  // A hold that ended after the message has restarted the clock (PE-6).
  if (arrived) return { awaitingSince: since !== null && since > arrived.at ? since : arrived.at };
  // A conversation whose messages all failed still ends without a reply (SF-9).
  return { awaiting: 'AGENT', awaitingSince: subject.status === 'NEW' ? since : null };
}

/** An agent wrote to an INACTIVE conversation: it ends, and a new one starts (SF-6). */
function supersede(
  state: ContactState,
  subject: Conversation,
  command: Command,
  context: DecideContext,
): Outcome {
  const { channel } = settingsFor(context.rules, subject.channelId, subject.skillId);
  if (!channel.rules.newSessionOnAgentMessage)
    throw new NotAllowedError(
      'OUTBOUND',
      subject.status,
      'on this channel an agent cannot begin a new conversation by writing to an INACTIVE one',
    );
  checkConsent(state, 'OUTBOUND', subject.status);
  const { action } = command;
  const skillId = (action.kind === 'OUTBOUND' ? action.skillId : undefined) ?? subject.skillId;
  const first = endedByRule(subject, 'SUPERSEDED', 'SYSTEM', context);
  return { ...started({ state, last: subject, command, context }, 'AGENT', skillId), first };
}

function reopen(
  state: ContactState,
  subject: Conversation,
  command: Command,
  context: DecideContext,
): Outcome {
  if (subject.id !== state.latest?.id)
    throw new NotAllowedError('REOPEN', subject.status, 'the contact has a newer conversation');
  if (state.isErased) throw new NotAllowedError('REOPEN', subject.status, 'the contact was erased');
  if (!settingsFor(context.rules, subject.channelId, subject.skillId).channel.rules.canReopen)
    throw new NotAllowedError('REOPEN', subject.status, 'this channel cannot reopen conversations');
  const status = subject.agentId ? 'ACTIVE' : 'WAITING';
  const changes = { ...reopened(status), ...everyClock(subject, context.now) };
  return applied(subject, command, context, { changes, effect: 'REOPENED' });
}

function refusal(action: Action, subject: Conversation): LullError {
  if (!isOpen(subject)) return new ConversationEndedError(subject.id);
  return new NotAllowedError(
    action.kind,
    subject.status,
    `${action.kind} is not possible while it is ${subject.status}`,
  );
}
