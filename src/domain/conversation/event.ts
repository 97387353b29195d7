import type { EndedBy, EndReason } from '../closing/closing.ts';
import type { TimerKind } from '../policy/channel-rules.ts';
import type { Action, ActionKind, Command } from './activity.ts';
import type { Awaiting, Conversation, Status } from './conversation.ts';

/** The actor of an event. */
export const ACTORS = [
  'CONSUMER',
  'CUSTOMER',
  'AGENT',
  'BOT',
  'AUTOMATION',
  'BROADCAST',
  'OWN',
  'SUPERVISOR',
  'SYSTEM',
] as const;
export type Actor = (typeof ACTORS)[number];

/** What an event changed in the conversation, besides its clocks. */
export const EFFECTS = ['STARTED', 'REOPENED', 'REVOKED', 'ENDED'] as const;
export type Effect = (typeof EFFECTS)[number];

/**
 * TIMER: a timer fired. SET_ASIDE: a wake could not write the conversation and took it out of its lane. DELIVERY:
 * the outcome of something that Lull had to show to the customer (LL-14).
 */
export const EVENT_KINDS = ['TIMER', 'SET_ASIDE', 'DELIVERY'] as const;
export type EventKind = ActionKind | (typeof EVENT_KINDS)[number];

/** The parts that Lull shows to customers. */
export const PARTS = ['WARNING', 'CLOSE_MESSAGE', 'TEMPLATE', 'SURVEY', 'SEPARATOR'] as const;
export type Part = (typeof PARTS)[number];

/**
 * The outcome of a part. SKIPPED: it was not sent, for a reason. REFUSED: the channel refused it. UNCONFIRMED: the
 * outcome is unknown, and a retry could show it twice.
 */
const DELIVERY_OUTCOMES = ['SENT', 'SKIPPED', 'REFUSED', 'UNCONFIRMED'] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/**
 * An entry of a conversation's feed (SP-12): append-only, numbered by revision, and enough to recompute the state.
 */
export type Event = {
  accountId: string;
  conversationId: string;
  revision: number;
  kind: EventKind;
  /** When it happened, as reported; for a timer, when it fired. */
  at: Date;
  /** When it was recorded. */
  recordedAt: Date;
  actor: Actor;
  agentId: string | null;
  channelId: string;
  messageId: string | null;
  timer: TimerKind | null;
  effect: Effect | null;
  status: Status;
  awaiting: Awaiting;
  /** Further fields: of the action, `due` of a timer, `endReason` of an event that ended the conversation. */
  data: Readonly<Record<string, unknown>> | null;
};

/** The event of an applied command. `after` is the resulting conversation. */
export function eventOf(command: Command, after: Conversation, effect: Effect | null, now: Date): Event {
  const { kind, ...rest } = command.action;
  const {
    agentId = null,
    sender,
    by,
    text: _text,
    ...fields
  } = rest as Record<string, unknown> & { agentId?: string };
  const data = effect === 'ENDED' ? { ...fields, endReason: after.ending?.reason } : fields;
  return {
    accountId: after.accountId,
    conversationId: after.id,
    revision: after.revision,
    kind,
    at: command.at,
    recordedAt: now,
    actor: kind === 'INBOUND' ? 'CONSUMER' : ((sender ?? by ?? (agentId ? 'AGENT' : 'SYSTEM')) as Actor),
    agentId,
    channelId: after.channelId,
    messageId: command.messageId,
    timer: null,
    effect,
    status: after.status,
    awaiting: after.awaiting,
    data: Object.keys(data).length ? data : null,
  };
}

/** The command of an event; null for an event without one. The inverse of `eventOf`. */
export function commandOf(event: Event): Command | null {
  if ((EVENT_KINDS as readonly string[]).includes(event.kind)) return null;
  const { endReason: _endReason, ...fields } = event.data ?? {};
  const data: Record<string, unknown> = { ...fields, kind: event.kind };
  if (event.agentId !== null) data.agentId = event.agentId;
  if (event.kind === 'OUTBOUND') data.sender = event.actor;
  if (event.kind === 'START' || event.kind === 'END') data.by = event.actor;
  for (const field of ['until', 'responseAt'])
    if (typeof data[field] === 'string') data[field] = new Date(data[field]);
  return { action: data as Action, at: event.at, messageId: event.messageId, byId: true };
}

/** Why and by whom an event ended the conversation, also after a reopening; null if it did not end it. */
export function endOf({
  effect,
  actor,
  data,
}: Pick<Event, 'effect' | 'actor' | 'data'>): { reason: EndReason; by: EndedBy } | null {
  if (effect !== 'ENDED') return null;
  return { reason: data?.endReason as EndReason, by: actor === 'CONSUMER' ? 'CUSTOMER' : (actor as EndedBy) };
}
