import { type Activity, type Caused, MAX_ACTIVITIES } from '../engine.ts';
import { type RecordDeps, recordInTransaction } from './record-activities.ts';

/** One message of a recorded timeline. */
export type TimelineMessage = {
  conversation: string;
  at: Date;
  from: 'consumer' | 'agent';
  agent: string | null;
  skill: string | null;
};

/** What playing a timeline added. `known` messages were recorded before; messages `ahead` are later than now and left out. */
export type Played = { messages: number; added: number; known: number; ahead: number };

/** A timeline to play. Agents and skills are found by the names that its messages have. */
export type Timeline = {
  accountId: string;
  channelId: string;
  /** In the order of time within each conversation. */
  messages: readonly TimelineMessage[];
  /** Milliseconds to add to every instant of a conversation. */
  shiftMsOf: (conversation: string) => number;
  agents: ReadonlyMap<string, string>;
  skills: ReadonlyMap<string, string>;
};

/** The names of agents or skills that messages have, each once. */
export function namesIn(messages: readonly TimelineMessage[], of: 'agent' | 'skill'): string[] {
  return [...new Set(messages.map((message) => message[of]))].filter((name) => name !== null);
}

/**
 * Plays a timeline into the database: each message acts at its own instant, and timers act in between and up to now. No
 * webhook, message or subscription sees it. Message ids are derived from the messages, so playing a timeline again adds
 * nothing. `afterCall` is called after each transaction, with the number of messages done and the wakes to schedule.
 */
export async function playTimeline(
  deps: RecordDeps,
  timeline: Timeline,
  afterCall: (done: number, caused: Caused) => Promise<void> | void,
): Promise<Played> {
  const now = deps.clock.now();
  const played: Played = { messages: timeline.messages.length, added: 0, known: 0, ahead: 0 };
  let done = 0;
  for (const call of callsOf(timeline, now, played)) {
    const { activities, until } = call;
    const { result, caused } = await recordInTransaction(deps, {
      ...{ accountId: timeline.accountId, activities, around: null, isBatch: false },
      mode: { kind: 'PLAYED', until },
    });
    for (const { outcome, error } of result) {
      if (error) throw error;
      // IGNORED is known too: a message of a customer who was erased since stays erased.
      if (outcome === 'APPLIED') played.added++;
      else played.known++;
    }
    done += activities.length;
    await afterCall(done + played.ahead, caused);
  }
  return played;
}

/**
 * Groups a timeline into calls. A conversation that is too long for one call is divided, and time runs up to now only
 * after its last part.
 */
function* callsOf(
  timeline: Timeline,
  now: Date,
  played: Played,
): Generator<{ activities: Activity[]; until: Date }> {
  let together: Activity[] = [];
  for (const [conversation, own] of Map.groupBy(timeline.messages, (message) => message.conversation)) {
    const activities = activitiesOf(timeline, conversation, own).filter(({ at }) => at <= now);
    played.ahead += own.length - activities.length;
    if (together.length + activities.length > MAX_ACTIVITIES) {
      yield { activities: together, until: now };
      together = [];
    }
    while (activities.length > MAX_ACTIVITIES) {
      const part = activities.splice(0, MAX_ACTIVITIES);
      yield { activities: part, until: part[part.length - 1]?.at ?? now };
    }
    together.push(...activities);
  }
  yield { activities: together, until: now };
}

function activitiesOf(
  { channelId, shiftMsOf, agents, skills }: Timeline,
  conversation: string,
  messages: readonly TimelineMessage[],
): (Activity & { at: Date })[] {
  const shiftMs = shiftMsOf(conversation);
  const counts = new Map<string, number>();
  return messages.map((message) => {
    const recorded = `${message.at.toISOString()} ${message.from}`;
    const count = (counts.get(recorded) ?? 0) + 1;
    counts.set(recorded, count);
    const skillId = skills.get(message.skill ?? '') ?? null;
    const agentId = agents.get(message.agent ?? '');
    return {
      target: { channelId, address: conversation },
      action:
        message.from === 'consumer'
          ? { kind: 'INBOUND', skillId }
          : { kind: 'OUTBOUND', sender: 'AGENT', skillId, ...(agentId !== undefined && { agentId }) },
      at: new Date(message.at.getTime() + shiftMs),
      messageId: `timeline ${conversation} ${recorded} ${count}`,
    };
  });
}
