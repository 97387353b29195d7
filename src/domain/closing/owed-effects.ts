import type { LaneFacts } from '../conversation/conversation.ts';
import type { Event, Part } from '../conversation/event.ts';
import type { AccountRules } from '../policy/account-rules.ts';
import type { Profile } from '../policy/policy.ts';
import type { Timer } from '../time/timers.ts';

/** What an effect sends. `db/rows/outbox-payload.ts` stores it and reads it again. */
export type EffectPayload = WebhookPayload | MessagePayload;

/** An event, to a webhook endpoint. `redeliveredAt`: when somebody asked for another delivery. */
export type WebhookPayload = {
  kind: 'WEBHOOK';
  endpointId: string;
  type: string;
  at: string;
  redeliveredAt?: string;
};

/** Something to a customer. */
export type MessagePayload =
  /** The warning of a reminder (PE-2), by its number. */
  | { kind: 'WARNING'; reminder: number }
  /** An end whose parts are still to be planned (LL-14). `closing`: when it ended. */
  | { kind: 'CLOSING'; closing: string }
  /** One part of an end. `next`: the part that is owed once this one is sent. */
  | { kind: 'PART'; closing: string; part: Part; next?: Part };

/** The part that an effect shows to a customer; null for the plan of an end and for a webhook. */
export function partOf(payload: EffectPayload): Part | null {
  switch (payload.kind) {
    case 'WARNING':
      return 'WARNING';
    case 'PART':
      return payload.part;
    case 'CLOSING':
    case 'WEBHOOK':
      return null;
    default:
      return payload satisfies never;
  }
}

/** An effect owed to the outside world. */
export type OutboxRow = {
  id: string;
  conversationId: string;
  revision: number;
  channelId: string;
  payload: EffectPayload;
  /** Whether a person asked for it: its first attempt ignores an open circuit breaker. */
  byHand?: true;
};

/** The events that webhook endpoints can subscribe to. */
export const WEBHOOK_EVENTS = [
  'conversation.started',
  'conversation.ended',
  'conversation.reopened',
  'conversation.inactive',
  'case_closed',
] as const;
type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/**
 * The webhook events of a feed event. A revoked end counts as a reopening. `conversation.ended` covers every end;
 * `case_closed`, which notifies people, leaves out ends by timers in some profiles (SP-11).
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

/** The effects that events owe: webhooks to the endpoints that subscribe, and the closing of an end on a channel that sends. */
export function outboxOf(events: readonly Event[], rules: AccountRules, newId: () => string): OutboxRow[] {
  return events.flatMap((event) => {
    const { conversationId, revision, channelId, recordedAt: at } = event;
    const payloads = [
      ...webhooks(rules, webhookEventsOf(event, rules.profile), { channelId, at }),
      ...(event.effect === 'ENDED' ? closings(rules, { channelId, at }) : []),
    ];
    return payloads.map((payload) => ({ id: newId(), conversationId, revision, channelId, payload }));
  });
}

/** The effects that a timer owes for each conversation it acts on: webhooks, the warning of a reminder (PE-2), the closing of an end. */
export function effectsOfTimer(
  timer: Timer,
  { channelId, stage }: LaneFacts,
  rules: AccountRules,
  at: Date,
): EffectPayload[] {
  const effect = timer.action.does === 'END' ? 'ENDED' : null;
  const names = webhookEventsOf({ effect, timer: timer.kind, kind: 'TIMER' }, rules.profile);
  return [
    ...webhooks(rules, names, { channelId, at }),
    ...(timer.kind === 'REMIND' ? [{ kind: 'WARNING', reminder: stage + 1 } as const] : []),
    ...(effect === 'ENDED' ? closings(rules, { channelId, at }) : []),
  ];
}

type Occasion = { channelId: string; at: Date };

function webhooks(
  rules: AccountRules,
  names: readonly WebhookEvent[],
  { channelId, at }: Occasion,
): WebhookPayload[] {
  return rules.endpoints
    .filter((endpoint) => (endpoint.channelId ?? channelId) === channelId)
    .flatMap(({ id: endpointId, events }) =>
      names
        .filter((type) => events.includes(type))
        .map((type) => ({ kind: 'WEBHOOK', endpointId, type, at: at.toISOString() })),
    );
}

/** The closing of an end, on a channel that sends; on others, the platform reads it from the API. Its parts are planned later (LL-14). */
function closings({ channels }: AccountRules, { channelId, at }: Occasion): MessagePayload[] {
  return channels.get(channelId)?.sends ? [{ kind: 'CLOSING', closing: at.toISOString() }] : [];
}
