import { ConversationEndedError, NotAllowedError } from '../errors.ts';
import { settingsFor } from '../policy/account-rules.ts';
import { PLAIN_SESSIONS } from '../policy/channel-rules.ts';
import { toMilliseconds } from '../time/duration.ts';
import { type Command, isAgentMessage } from './activity.ts';
import type { Conversation, Starter, Status } from './conversation.ts';
import { eventOf } from './event.ts';
import {
  applied,
  botsAreAgents,
  type ContactState,
  consumerWrote,
  type DecideContext,
  endedByRule,
  keepsAgent,
  type Outcome,
  reopened,
} from './outcome.ts';
import { TRANSITIONS } from './transitions.ts';

/** How long after an automatic end a message that was sent before it still revokes it (LL-2). */
const REVOKE_WITHIN_MS = 24 * 60 * 60 * 1000;

/** A command that finds no open conversation of its contact. `last` is the contact's newest conversation. */
type Arrival = { state: ContactState; last: Conversation | null; command: Command; context: DecideContext };

/** Decides a message without an open conversation: it revokes the end, reopens, or starts a new conversation. */
export function startOrReopen(arrival: Arrival): Outcome {
  const { state, last, command, context } = arrival;
  const { action } = command;
  if (action.kind === 'INBOUND') return consumerArrives(arrival);
  if (action.kind === 'OUTBOUND' && action.sender === 'OWN')
    return last === null
      ? { kind: 'ignored', why: 'an own message begins no conversation' }
      : applied(last, command, context);
  if (action.kind !== 'OUTBOUND' && action.kind !== 'START')
    throw new Error(`${action.kind} does not arrive`);
  if (command.byId && last !== null) throw new ConversationEndedError(last.id);
  checkBeginning(state, action.kind, context);
  const skillId = action.skillId ?? null;
  const byAgent =
    action.kind === 'START'
      ? action.by === 'AGENT'
      : isAgentMessage(action.sender, botsAreAgents({ channelId: state.channelId, skillId }, context));
  return byAgent ? started(arrival, 'AGENT', skillId) : notify(arrival, skillId);
}

/**
 * Checks that the business may start a conversation on this channel (SF-9) and with this customer (SF-11).
 */
function checkBeginning(state: ContactState, kind: string, { rules }: DecideContext): void {
  checkConsent(state, kind, 'ENDED');
  const channel = settingsFor(rules, state.channelId, null).channel.rules;
  const { agentInitiated } = channel.sessions ?? PLAIN_SESSIONS;
  if (!channel.businessInitiated || (rules.profile.sessions && !agentInitiated))
    throw new NotAllowedError(kind, 'ENDED', 'on this channel only the customer can begin a conversation');
}

/** Refuses to start a conversation with a customer who opted out (SF-11). @throws NotAllowedError */
export function checkConsent({ consent }: ContactState, kind: string, status: Status): void {
  if (consent === 'OPTED_OUT')
    throw new NotAllowedError(kind, status, 'the customer opted out: nothing more is sent to them here');
}

/** A notification starts a conversation, which ends at once unless it is to stay open for a reply (SF-10). */
function notify(arrival: Arrival, skillId: string | null): Outcome {
  const { state, context } = arrival;
  const begun = started(arrival, 'AUTOMATION', skillId);
  const { policy, channel } = settingsFor(context.rules, state.channelId, skillId);
  const { tier } = channel.rules.sessions ?? PLAIN_SESSIONS;
  const isSession = !context.rules.profile.sessions || tier === 'ENHANCED';
  if (policy.sessionLongevity || !isSession) return begun;
  const { kind, ...first } = begun;
  return { kind, ...endedByRule(begun.conversation, 'NOTIFICATION', 'SYSTEM', context), first };
}

function consumerArrives(arrival: Arrival): Outcome {
  const { state, last, command, context } = arrival;
  const { skillId = null, keyword } = command.action as Extract<Command['action'], { kind: 'INBOUND' }>;
  if (keyword === 'OPT_OUT') return optOut(arrival, skillId);
  if (last?.ending) {
    const { ending } = last;
    const byTimer = ending.latenessMs !== null;
    if (byTimer && command.at <= ending.at && context.now.getTime() - ending.at.getTime() <= REVOKE_WITHIN_MS)
      return revoke(last, command, context);
    const { policy, channel } = settingsFor(context.rules, last.channelId, last.skillId);
    const windowMs = toMilliseconds(policy.reopenWithin);
    const inWindow = windowMs > 0 && command.at.getTime() - ending.at.getTime() <= windowMs;
    const optedOut =
      ending.reason === 'OPT_OUT' ||
      (state.consent === 'OPTED_OUT' && state.consentAt !== null && state.consentAt >= ending.at);
    if (inWindow && channel.rules.canReopen && !optedOut) {
      const agentId = last.agentId !== null && context.isAvailable(last.agentId) ? last.agentId : null;
      const changes = {
        ...consumerWrote(last, context),
        ...reopened(agentId === null ? 'WAITING' : 'ACTIVE'),
        agentId,
      };
      return applied(last, command, context, { changes, effect: 'REOPENED' });
    }
  }
  return started(arrival, 'CUSTOMER', skillId);
}

/** An opt-out reopens no conversation: it is recorded on the last one, or on a new one that ends at once (SF-11). */
function optOut(arrival: Arrival, skillId: string | null): Outcome {
  const { last, command, context } = arrival;
  if (last !== null) return applied(last, command, context);
  const { kind, ...first } = started(arrival, 'CUSTOMER', skillId);
  return { kind, ...endedByRule(first.conversation, 'OPT_OUT', 'CUSTOMER', context), first };
}

/** Undoes the end. The message then acts on the conversation as it was before (LL-2). */
function revoke(last: Conversation, command: Command, context: DecideContext): Outcome {
  const former = last.ending?.formerStatus ?? 'WAITING';
  const before: Conversation = { ...last, status: former };
  const move = TRANSITIONS.CONSUMER_MESSAGE[former];
  const goesOn = move === 'WAITING_OR_ACTIVE' ? last.agentId !== null : keepsAgent(before, context);
  const status = move === '=' ? former : goesOn ? 'ACTIVE' : 'WAITING';
  const changes = { ...consumerWrote(before, context), status, ending: null };
  return applied(last, command, context, { changes, effect: 'REVOKED' });
}

/** A new conversation of the contact, linked to the one before. */
export function started(
  { state, last, command, context }: Arrival,
  startedBy: Starter,
  skillId: string | null,
): Extract<Outcome, { kind: 'applied' }> {
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
