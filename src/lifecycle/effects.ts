import type { OutboxRow } from '../db/outbox.ts';
import type { LaneFacts } from '../domain/conversation.ts';
import type { Event } from '../domain/event.ts';
import type { AccountRules, Endpoint } from '../domain/rules.ts';
import type { Timer } from '../domain/timers.ts';

/** What subscribers can hear of. */
export const WEBHOOK_EVENTS = [
  'conversation.started',
  'conversation.ended',
  'conversation.reopened',
  'conversation.inactive',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What subscribers are told of an event; null: nothing. A revoked end is a reopening to them. */
export function webhookEventOf(
  event: Pick<Event, 'effect' | 'timer' | 'kind' | 'status'>,
): WebhookEvent | null {
  if (event.effect === 'STARTED') return 'conversation.started';
  if (event.effect === 'ENDED') return 'conversation.ended';
  if (event.effect === 'REOPENED' || event.effect === 'REVOKED') return 'conversation.reopened';
  if (event.timer === 'INACTIVATE' || event.kind === 'INACTIVATE') return 'conversation.inactive';
  return null;
}

/** The effects that events have on the world outside: webhooks to who asked for them. None without a subscriber. */
export function outboxOf(events: readonly Event[], rules: AccountRules, newId: () => string): OutboxRow[] {
  if (rules.endpoints.length === 0) return [];
  return events.flatMap((event) => {
    const name = webhookEventOf(event);
    return name === null
      ? []
      : subscribers(rules, name, event.channelId).map((endpoint) =>
          webhook(newId(), endpoint, name, event.conversationId, event.revision, event.recordedAt),
        );
  });
}

/**
 * What a timer owes the world for each conversation it acts on: webhooks, and the warning that a reminder is
 * (PE-2). Null: nothing, so that the lane writes no outbox rows.
 */
export function outboxOfTimer(
  timer: Timer,
  facts: LaneFacts,
  rules: AccountRules,
  newId: () => string,
  now: Date,
): ((acted: { id: string; revision: number }) => OutboxRow[]) | null {
  const effect = timer.action.does === 'END' ? 'ENDED' : null;
  const name = webhookEventOf({ effect, timer: timer.kind, kind: 'TIMER', status: facts.status });
  const endpoints = name === null ? [] : subscribers(rules, name, facts.channelId);
  const warns = timer.kind === 'REMIND';
  if (endpoints.length === 0 && !warns) return null;
  return ({ id, revision }) => [
    ...endpoints.map((endpoint) => webhook(newId(), endpoint, name as WebhookEvent, id, revision, now)),
    ...(warns ? [warning(newId(), id, revision, facts.stage + 1)] : []),
  ];
}

function subscribers(rules: AccountRules, name: WebhookEvent, channelId: string): Endpoint[] {
  return rules.endpoints.filter(
    (endpoint) => endpoint.events.includes(name) && (endpoint.channelId ?? channelId) === channelId,
  );
}

function webhook(
  id: string,
  endpoint: Endpoint,
  type: WebhookEvent,
  conversationId: string,
  revision: number,
  at: Date,
): OutboxRow {
  return {
    id,
    kind: 'SEND_WEBHOOK',
    conversationId,
    revision,
    endpointId: endpoint.id,
    payload: { type, at: at.toISOString() },
  };
}

function warning(id: string, conversationId: string, revision: number, reminder: number): OutboxRow {
  return { id, kind: 'DELIVER_MESSAGE', conversationId, revision, endpointId: null, payload: { reminder } };
}
