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

/**
 * The effects that events have on the world outside: webhooks to who asked for them, and of an end what its channel
 * shows the customer. None without a subscriber, on a channel that nothing is sent on.
 */
export function outboxOf(events: readonly Event[], rules: AccountRules, newId: () => string): OutboxRow[] {
  return events.flatMap((event) => {
    const told = subscribers(rules, webhookEventsOf(event, rules.profile), event.channelId);
    const place = placeOf(event.conversationId, event.revision, event.channelId);
    return [
      ...told.map((each) => webhook(newId(), each, place, event.recordedAt)),
      ...(event.effect === 'ENDED' && sendsOn(rules, event.channelId)
        ? [closing(newId(), place, event.recordedAt)]
        : []),
    ];
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
  const names = webhookEventsOf({ effect, timer: timer.kind, kind: 'TIMER' }, rules.profile);
  const told = subscribers(rules, names, facts.channelId);
  const sends = sendsOn(rules, facts.channelId);
  const warns = timer.kind === 'REMIND';
  const closes = effect === 'ENDED' && sends;
  if (told.length === 0 && !warns && !closes) return null;
  return ({ id, revision }) => {
    const place = placeOf(id, revision, facts.channelId);
    return [
      ...told.map((each) => webhook(newId(), each, place, now)),
      ...(warns ? [warning(newId(), place, facts.stage + 1)] : []),
      ...(closes ? [closing(newId(), place, now)] : []),
    ];
  };
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

/** Of which event an effect is. */
type Place = Pick<OutboxRow, 'conversationId' | 'revision' | 'channelId'>;

function placeOf(conversationId: string, revision: number, channelId: string): Place {
  return { conversationId, revision, channelId };
}

function webhook(id: string, { endpoint, name: type }: Telling, place: Place, at: Date): OutboxRow {
  const payload = { type, at: at.toISOString() };
  return { ...place, id, kind: 'SEND_WEBHOOK', endpointId: endpoint.id, payload };
}

function warning(id: string, place: Place, reminder: number): OutboxRow {
  return { ...place, id, kind: 'DELIVER_MESSAGE', endpointId: null, payload: { reminder } };
}

/** What the customer is to see at an end; which parts that are is decided when it is sent (LL-14). */
function closing(id: string, place: Place, endedAt: Date): OutboxRow {
  const payload = { closing: endedAt.toISOString() };
  return { ...place, id, kind: 'DELIVER_MESSAGE', endpointId: null, payload };
}
