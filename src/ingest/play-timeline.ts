import { ensureAgents, ensureSkills } from '../accounts/setup.ts';
import { type Activity, type EngineDeps, MAX_ACTIVITIES } from '../engine.ts';
import { recordActivities } from './record-activities.ts';

/** One message of a recorded timeline. */
export type TimelineMessage = {
  conversation: string;
  at: Date;
  from: 'consumer' | 'agent';
  agent: string | null;
  skill: string | null;
};

/** What playing a timeline added. `ahead`: messages stamped later than now, left out. */
export type Played = { messages: number; added: number; known: number; ahead: number };

/**
 * Plays a timeline into the database through the core: each message at its own instant, timers in between and
 * up to now, nothing outside hearing of it; then the lanes take over. Messages must be in order of time within
 * their conversation. `shiftMs` is added to every instant; a message's id comes from its own, so playing the
 * same timeline again adds nothing.
 */
export async function playTimeline(
  deps: EngineDeps,
  accountId: string,
  channelId: string,
  messages: readonly TimelineMessage[],
  shiftOf: (conversation: string) => number,
  onProgress: (done: number) => void,
): Promise<Played> {
  const named = (of: (message: TimelineMessage) => string | null) =>
    [...new Set(messages.map(of))].filter((name) => name !== null);
  const agents = await ensureAgents(
    deps,
    accountId,
    named((message) => message.agent),
  );
  const skills = await ensureSkills(
    deps,
    accountId,
    named((message) => message.skill),
  );
  const now = deps.clock.now();
  const played: Played = { messages: messages.length, added: 0, known: 0, ahead: 0 };
  let done = 0;

  const play = async (activities: readonly Activity[], until: Date) => {
    for (const { outcome, error } of await recordActivities(deps, accountId, activities, {
      kind: 'PLAYED',
      until,
    })) {
      if (error) throw error;
      // What is of somebody who was erased since is known, too, and stays erased.
      if (outcome === 'APPLIED') played.added++;
      else played.known++;
    }
    done += activities.length;
    onProgress(done);
  };

  let together: Activity[] = [];
  for (const [conversation, own] of Map.groupBy(messages, (message) => message.conversation)) {
    const activities = activitiesOf(conversation, own).filter(({ at }) => at <= now);
    played.ahead += own.length - activities.length;
    done += own.length - activities.length;
    if (together.length + activities.length > MAX_ACTIVITIES) {
      await play(together, now);
      together = [];
    }
    // A conversation too long for one call is played in parts; only after the last does time run up to now.
    while (activities.length > MAX_ACTIVITIES) {
      const part = activities.splice(0, MAX_ACTIVITIES);
      await play(part, part[part.length - 1]?.at ?? now);
    }
    together.push(...activities);
  }
  await play(together, now);
  return played;

  function activitiesOf(conversation: string, own: readonly TimelineMessage[]): (Activity & { at: Date })[] {
    const shiftMs = shiftOf(conversation);
    const times = new Map<string, number>();
    return own.map((message) => {
      const recorded = `${message.at.toISOString()} ${message.from}`;
      const time = (times.get(recorded) ?? 0) + 1;
      times.set(recorded, time);
      const skillId = skills.get(message.skill ?? '') ?? null;
      return {
        target: { channelId, address: conversation },
        action:
          message.from === 'consumer'
            ? { kind: 'INBOUND', skillId }
            : { kind: 'OUTBOUND', sender: 'AGENT', skillId, ...agentOf(message) },
        at: new Date(message.at.getTime() + shiftMs),
        messageId: `timeline ${conversation} ${recorded} ${time}`,
      };
    });
  }

  function agentOf(message: TimelineMessage): { agentId?: string } {
    const agentId = agents.get(message.agent ?? '');
    return agentId === undefined ? {} : { agentId };
  }
}
