import type { Event } from '../conversation/event.ts';
import type { TimerKind } from '../policy/channel-rules.ts';
import type { EndedBy, EndReason } from './closing.ts';

/** What an event has to tell of itself for its end to be read from it. */
export type EndTelling = Pick<Event, 'kind' | 'effect' | 'timer' | 'actor' | 'data'>;

const REASONS: Readonly<Partial<Record<TimerKind, EndReason>>> = {
  AUTO_CLOSE: 'AUTO_CLOSE',
  PROTECT: 'PROTECTION',
  END_INACTIVE: 'INACTIVE',
  END_UNANSWERED: 'UNANSWERED',
  QUEUE_TIMEOUT: 'QUEUE_TIMEOUT',
};

/**
 * Why and by whom a conversation ended by an event, which stays true when the conversation is reopened later. `before`:
 * the event before it, null for the first. Null: the event ended nothing.
 */
export function endBy(
  event: EndTelling,
  before: EndTelling | null,
): { reason: EndReason; by: EndedBy } | null {
  if (event.effect !== 'ENDED') return null;
  if (event.timer !== null) return { reason: REASONS[event.timer] ?? 'AUTO_CLOSE', by: 'SYSTEM' };
  if (event.kind === 'INBOUND') return { reason: 'OPT_OUT', by: 'CUSTOMER' };
  if (event.actor === 'SYSTEM')
    return { reason: before?.effect === 'STARTED' ? 'NOTIFICATION' : 'SUPERSEDED', by: 'SYSTEM' };
  const hasOptedOut = before?.effect === 'STARTED' && before.data?.keyword === 'OPT_OUT';
  return { reason: hasOptedOut ? 'OPT_OUT' : 'COMMAND', by: event.actor as EndedBy };
}
