import type { LaneFacts } from '../conversation/conversation.ts';
import type { Event } from '../conversation/event.ts';
import type { AccountRules, Endpoint } from '../policy/account-rules.ts';
import type { Profile } from '../policy/policy.ts';
import type { Timer } from '../time/timers.ts';

/** An effect owed to the world. */
export type OutboxRow = {
  id: string;
  kind: 'DELIVER_MESSAGE' | 'SEND_WEBHOOK';
  conversationId: string;
  revision: number;
  endpointId: string | null;
  channelId: string;
  payload: Readonly<Record<string, unknown>>;
  /** Whether somebody asked for it: its first attempt is made even while a circuit breaker is open. */
  byHand?: true;
};

/** What a timer's effect has of its own; the rest is the conversation's. */
export type OwedEffect = Pick<OutboxRow, 'kind' | 'endpointId' | 'payload'>;

/** What subscribers can hear of. */
export const WEBHOOK_EVENTS = [
  'conversation.started',
  'conversation.ended',
  'conversation.reopened',
  'conversation.inactive',
  'case_closed',
] as const;
type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/**
 * What subscribers are told of an event. A revoked end is a reopening to them. `case_closed` is the notification that
 * people get: in some profiles it leaves out what timers end (SP-11), of which `conversation.ended` always tells.
 */
function webhookEventsOf(
  event: Pick<Event, 'effect' | 'timer' | 'kind'>,
  { caseClosedOn }: Profile,
): WebhookEvent[] {
  if (event.effect === 'STARTED') return ['conversation.started'];
  if (event.effect === 'ENDED') {
    const isTold = caseClosedOn === 'ALL_ENDS' || event.kind !== 'TIMER';
    return isTold ? ['conversation.ended', 'case_closed'] : ['conversation.ended'];
  }
  if (event.effect === 'REOPENED' || event.effect === 'REVOKED') return ['conversation.reopened'];
  if (event.timer === 'INACTIVATE' || event.kind === 'INACTIVATE') return ['conversation.inactive'];
  return [];
}

/**
 * The effects that events have on the world outside: webhooks to who asked for them, and of an end what its channel
 * shows the customer. None without a subscriber, on a channel that nothing is sent on.
 */
export function outboxOf(events: readonly Event[], rules: AccountRules, newId: () => string): OutboxRow[] {
  return events.flatMap((event) => {
    const { conversationId, revision, channelId, recordedAt: at } = event;
    const told = subscribers(rules, webhookEventsOf(event, rules.profile), channelId);
    const closes = event.effect === 'ENDED' && sendsOn(rules, channelId);
    const effects = [...told.map((each) => webhook(each, at)), ...(closes ? [closing(at)] : [])];
    return effects.map((effect) => ({ ...effect, id: newId(), conversationId, revision, channelId }));
  });
}

/**
 * What a timer owes the world for each conversation it acts on: webhooks, and the warning that a reminder is
 * (PE-2). With none the lane writes no outbox rows.
 */
export function effectsOfTimer(timer: Timer, facts: LaneFacts, rules: AccountRules, now: Date): OwedEffect[] {
  const effect = timer.action.does === 'END' ? 'ENDED' : null;
  const names = webhookEventsOf({ effect, timer: timer.kind, kind: 'TIMER' }, rules.profile);
  const told = subscribers(rules, names, facts.channelId);
  return [
    ...told.map((each) => webhook(each, now)),
    ...(timer.kind === 'REMIND' ? [warning(facts.stage + 1)] : []),
    ...(effect === 'ENDED' && sendsOn(rules, facts.channelId) ? [closing(now)] : []),
  ];
}

/** Whether anything can be sent to customers of a channel: on others, the platform reads it from the API. */
function sendsOn({ channels }: AccountRules, channelId: string): boolean {
  return channels.get(channelId)?.sends ?? false;
}

type Telling = { endpoint: Endpoint; name: WebhookEvent };

function subscribers(rules: AccountRules, names: readonly WebhookEvent[], channelId: string): Telling[] {
  return rules.endpoints
    .filter((endpoint) => (endpoint.channelId ?? channelId) === channelId)
    .flatMap((endpoint) =>
      names.filter((name) => endpoint.events.includes(name)).map((name) => ({ endpoint, name })),
    );
}

function webhook({ endpoint, name: type }: Telling, at: Date): OwedEffect {
  return { kind: 'SEND_WEBHOOK', endpointId: endpoint.id, payload: { type, at: at.toISOString() } };
}

function warning(reminder: number): OwedEffect {
  return { kind: 'DELIVER_MESSAGE', endpointId: null, payload: { reminder } };
}

/** What the customer is to see at an end; which parts that are is decided when it is sent (LL-14). */
function closing(endedAt: Date): OwedEffect {
  return { kind: 'DELIVER_MESSAGE', endpointId: null, payload: { closing: endedAt.toISOString() } };
}
