import { type Action, type Command, isAgentMessage } from './activity.ts';
import { arrive } from './arrival.ts';
import { type Conversation, isOpen, type Status } from './conversation.ts';
import {
  ConversationEndedError,
  InvalidInputError,
  LullError,
  NotAllowedError,
  NotFoundError,
} from './errors.ts';
import {
  applied,
  botsAreAgents,
  type ContactState,
  consumerWrote,
  type DecideContext,
  everyClock,
  type Outcome,
  reopened,
} from './outcome.ts';
import { settingsFor } from './rules.ts';
import { TRANSITIONS, type Trigger } from './transitions.ts';

/** Decides a command: state in, state and event out. Pure; time, ids and rules come in. */
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
  // A consumer cannot choose a conversation: the message goes to the one that is open, whichever was named.
  const subject = trigger === 'CONSUMER_MESSAGE' ? state.latest : (state.named ?? state.latest);
  const move = TRANSITIONS[trigger][subject?.status ?? 'ENDED'];

  if (move === 'ARRIVAL') return arrive(state, subject, command, context);
  if (subject === null) throw new NotFoundError('address', 'contact with a conversation');
  if (move === 'ERROR') throw refusal(action, subject);
  if (action.kind === 'START')
    throw new NotAllowedError('START', subject.status, 'a conversation is open already');
  if (action.kind === 'REOPEN') return reopen(state, subject, command, context);

  const status =
    move === '=' || move === 'RECORDED'
      ? subject.status
      : move === 'WAITING_OR_ACTIVE'
        ? subject.agentId
          ? 'ACTIVE'
          : 'WAITING'
        : (move as Status);
  return applied(
    subject,
    { ...changesOf(subject, command, context), status },
    command,
    context,
    status === 'ENDED' && isOpen(subject) ? 'ENDED' : null,
  );
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

/** What an action changes by itself, its status apart. */
function changesOf(
  subject: Conversation,
  { action, at }: Command,
  context: DecideContext,
): Partial<Conversation> {
  switch (action.kind) {
    case 'INBOUND':
      return consumerWrote(subject, context.now);
    case 'OUTBOUND':
      if (!isAgentMessage(action.sender, botsAreAgents(subject, context))) return {};
      return {
        ...(subject.status === 'WAITING' || (subject.agentId === null && subject.status !== 'NEW')
          ? { agentId: action.agentId ?? subject.agentId }
          : {}),
        awaiting: 'CONSUMER',
        awaitingSince: subject.awaiting === 'AGENT' ? at : subject.awaitingSince,
      };
    case 'TAG':
      return {
        tags: [...new Set([...subject.tags, ...action.add])].filter((tag) => !action.remove.includes(tag)),
      };
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
    case 'INACTIVATE':
      if (
        settingsFor(context.rules, subject.channelId, subject.skillId).channel.rules.bounds.INACTIVATE ===
        null
      )
        throw new NotAllowedError('INACTIVATE', subject.status, 'this channel has no inactive conversations');
      return {};
    case 'HOLD':
      if (action.until !== null && action.until <= context.now)
        throw new InvalidInputError('until', 'an instant that lies ahead');
      return { held: true, heldUntil: action.until };
    case 'RELEASE':
      if (!subject.held) throw new NotAllowedError('RELEASE', subject.status, 'it is not on hold');
      return { held: false, heldUntil: null, ...everyClock(subject, context.now) };
    case 'END':
      return {
        ending: {
          at: context.now,
          reason: 'COMMAND',
          by: action.by,
          creditedAgentId: subject.agentId,
          formerStatus: subject.status as Exclude<Status, 'ENDED'>,
          rulesVersion: context.rules.version,
          latenessMs: null,
        },
      };
    default:
      return {};
  }
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
  return applied(
    subject,
    { ...reopened(status), ...everyClock(subject, context.now) },
    command,
    context,
    'REOPENED',
  );
}

function refusal(action: Action, subject: Conversation): LullError {
  if (!isOpen(subject)) return new ConversationEndedError(subject.id);
  return new NotAllowedError(
    action.kind,
    subject.status,
    `${action.kind} is not possible while it is ${subject.status}`,
  );
}
