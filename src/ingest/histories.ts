import type { Event } from '../domain/conversation/event.ts';
import { type LateActivities, openLateActivities } from '../domain/conversation/insert-late-activity.ts';
import type { Decisions } from './decide-call.ts';
import type { WorkingSet } from './load-locked.ts';

/** The events of a call's conversations, including those that the call has decided so far. */
export type Histories = {
  lateActivities: LateActivities;
  /** The events of a conversation: the same list at every call, which grows. */
  of(conversationId: string): readonly Event[];
};

/** Opens the histories of a call over its working set and its decisions. */
export function openHistories(
  set: Pick<WorkingSet, 'events'>,
  decisions: Pick<Decisions, 'events'>,
): Histories {
  const lists = new Map<string, Event[]>();
  let taken = 0;
  const listOf = (id: string) => {
    const list = lists.get(id) ?? [...(set.events.get(id) ?? [])];
    lists.set(id, list);
    return list;
  };
  return {
    lateActivities: openLateActivities(),
    of(conversationId) {
      for (; taken < decisions.events.length; taken++) {
        const event = decisions.events[taken] as Event;
        listOf(event.conversationId).push(event);
      }
      return listOf(conversationId);
    },
  };
}
