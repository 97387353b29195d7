import { type Command, isAgentMessage } from './activity.ts';
import type { Conversation, Starter } from './conversation.ts';
import { toMilliseconds } from './duration.ts';
import { ConversationEndedError, NotAllowedError } from './errors.ts';
import { eventOf } from './event.ts';
import {
  applied,
  botsAreAgents,
  type ContactState,
  consumerWrote,
  type DecideContext,
  type Outcome,
  reopened,
} from './outcome.ts';
import { settingsFor } from './rules.ts';
import { TRANSITIONS } from './transitions.ts';

/** How long after an automatic end a message sent before it still revokes it (LL-2). */
const REVOKE_WITHIN_MS = 24 * 60 * 60 * 1000;

/** A message that found no open conversation (DESIGN §2): it revokes the end, reopens, or starts a new one. */
export function arrive(
  state: ContactState,
  last: Conversation | null,
  command: Command,
  context: DecideContext,
): Outcome {
  const { action } = command;
  if (action.kind === 'INBOUND') return consumerArrives(state, last, command, context);
  if (action.kind === 'OUTBOUND' && action.sender === 'OWN')
    return last === null
      ? { kind: 'ignored', why: 'an own message begins no conversation' }
      : applied(last, {}, command, context, null);
  if (action.kind !== 'OUTBOUND' && action.kind !== 'START')
    throw new Error(`${action.kind} does not arrive`);
  if (command.byId && last !== null) throw new ConversationEndedError(last.id);
  if (!settingsFor(context.rules, state.channelId, null).channel.rules.businessInitiated)
    throw new NotAllowedError(
      action.kind,
      'ENDED',
      'on this channel only the customer can begin a conversation',
    );
  const skillId = action.skillId ?? null;
  const byAgent =
    action.kind === 'START'
      ? action.by === 'AGENT'
      : isAgentMessage(action.sender, botsAreAgents({ channelId: state.channelId, skillId }, context));
  return start(state, last, byAgent ? 'AGENT' : 'AUTOMATION', skillId, command, context);
}

function consumerArrives(
  state: ContactState,
  last: Conversation | null,
  command: Command,
  context: DecideContext,
): Outcome {
  const skillId = command.action.kind === 'INBOUND' ? (command.action.skillId ?? null) : null;
  if (last?.ending) {
    const { ending } = last;
    const byTimer = ending.latenessMs !== null;
    if (byTimer && command.at <= ending.at && context.now.getTime() - ending.at.getTime() <= REVOKE_WITHIN_MS)
      return revoke(last, command, context);
    const { policy, channel } = settingsFor(context.rules, last.channelId, last.skillId);
    const windowMs = toMilliseconds(policy.reopenWithin);
    const inWindow = windowMs > 0 && command.at.getTime() - ending.at.getTime() <= windowMs;
    if (inWindow && channel.rules.canReopen && ending.reason !== 'OPT_OUT') {
      const agentId = last.agentId !== null && context.isAvailable(last.agentId) ? last.agentId : null;
      const changes = {
        ...consumerWrote(last, context.now),
        ...reopened(agentId === null ? 'WAITING' : 'ACTIVE'),
        agentId,
      };
      return applied(last, changes, command, context, 'REOPENED');
    }
  }
  return start(state, last, 'CUSTOMER', skillId, command, context);
}

/** The end is undone, and the message acts on the conversation as it was before (LL-2). */
function revoke(last: Conversation, command: Command, context: DecideContext): Outcome {
  const former = last.ending?.formerStatus ?? 'WAITING';
  const before: Conversation = { ...last, status: former };
  const move = TRANSITIONS.CONSUMER_MESSAGE[former];
  const status =
    move === '=' ? former : move === 'WAITING_OR_ACTIVE' ? (last.agentId ? 'ACTIVE' : 'WAITING') : 'WAITING';
  return applied(
    last,
    { ...consumerWrote(before, context.now), status, ending: null },
    command,
    context,
    'REVOKED',
  );
}

function start(
  state: ContactState,
  last: Conversation | null,
  startedBy: Starter,
  skillId: string | null,
  command: Command,
  context: DecideContext,
): Outcome {
  const fromCustomer = startedBy === 'CUSTOMER';
  const conversation: Conversation = {
    accountId: state.accountId,
    id: context.newId(),
    contactId: state.contactId,
    channelId: state.channelId,
    skillId,
    status: fromCustomer ? 'WAITING' : 'NEW',
    awaiting: fromCustomer ? 'AGENT' : 'CONSUMER',
    agentId: null,
    caseStatus: null,
    held: false,
    heldUntil: null,
    manualResponseAt: null,
    tags: [],
    stage: 0,
    overflowed: false,
    startedBy,
    startedAt: command.at,
    lastActivityAt: command.at,
    awaitingSince: fromCustomer ? null : command.at,
    statusSince: context.now,
    newestAt: command.at,
    placedAt: context.now,
    ending: null,
    previousId: last?.id ?? null,
    revision: 1,
  };
  return { kind: 'applied', conversation, event: eventOf(command, conversation, 'STARTED', context.now) };
}
