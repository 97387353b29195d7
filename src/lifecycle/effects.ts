import type { OutboxRow } from '../db/outbox.ts';
import type { LaneFacts } from '../domain/conversation.ts';
import type { Event } from '../domain/event.ts';
import type { Profile } from '../domain/policy.ts';
import type { AccountRules, Endpoint } from '../domain/rules.ts';
import type { Timer } from '../domain/timers.ts';

/** What subscribers can hear of. */
export const WEBHOOK_EVENTS = [
  'conversation.started',
  'conversation.ended',
  'conversation.reopened',
  'conversation.inactive',
  'case_closed',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

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

/** The effects that events have on the world outside: webhooks to who asked for them. None without a subscriber. */
export function outboxOf(events: readonly Event[], rules: AccountRules, newId: () => string): OutboxRow[] {
  if (rules.endpoints.length === 0) return [];
  return events.flatMap((event) =>
    subscribers(rules, webhookEventsOf(event, rules.profile), event.channelId).map((each) =>
      webhook(newId(), each, event.conversationId, event.revision, event.recordedAt),
    ),
  );
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
  const names = webhookEventsOf({ effect, timer: timer.kind, kind: 'TIMER' }, rules.profile);
  const told = subscribers(rules, names, facts.channelId);
  const warns = timer.kind === 'REMIND';
  if (told.length === 0 && !warns) return null;
  return ({ id, revision }) => [
    ...told.map((each) => webhook(newId(), each, id, revision, now)),
    ...(warns ? [warning(newId(), id, revision, facts.stage + 1)] : []),
  ];
}

type Telling = { endpoint: Endpoint; name: WebhookEvent };

function subscribers(rules: AccountRules, names: readonly WebhookEvent[], channelId: string): Telling[] {
  return rules.endpoints
    .filter((endpoint) => (endpoint.channelId ?? channelId) === channelId)
    .flatMap((endpoint) =>
      names.filter((name) => endpoint.events.includes(name)).map((name) => ({ endpoint, name })),
    );
}

function webhook(
  id: string,
  { endpoint, name: type }: Telling,
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
