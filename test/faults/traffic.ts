import { setTimeout as sleep } from 'node:timers/promises';
import { encodeId } from '../../src/schema/core/ids.ts';
import type { World } from './world.ts';

/** How heavy the load is. */
export type Load = {
  /** New conversations in each call. */
  perCall: number;
  /** Conversations that fall due at one instant, for faults that need many. */
  burst: number;
};

/** A conversation that was started, as far as the reporting platform knows. */
type Begun = { channel: string; address: string; due: number };
/** Conversations that fall due at one instant. */
type Burst = { ids: string[]; addresses: string[]; due: number };

/** The platform that reports: it knows what was acknowledged, and repeats the rest. */
export type Traffic = {
  /** Waits until a later call has been acknowledged. */
  flows(): Promise<void>;
  /** Starts many conversations on a channel that fall due together, and waits until they are acknowledged. */
  burst(count: number, inMs?: number, channel?: string): Promise<Burst>;
  /** A customer of the plain channel writes. */
  writes(address: string): Promise<void>;
  /** Reports nothing new, and waits until all reports are acknowledged. */
  finish(): Promise<void>;
  /** Starts as many on the plain channel without timestamps, and waits until they are acknowledged. */
  undated(count: number): Promise<void>;
  /** The acknowledged messages of this traffic, and when they were sent. */
  acknowledged(): { channel_id: string; message_id: string; at: string }[];
  /** When the last of its conversations is due. */
  lastDue(): number;
};

const THRESHOLD_MS = 60_000;
const PAUSE_MS = 100;
const ANSWER_WITHIN_MS = 20_000;
const ACKNOWLEDGED_WITHIN_MS = 60_000;
const REPLIES = 0.1;
const ENDS = 0.05;
const RECORD = `mutation ($activities: [ActivityInput!]!) {
  recordActivities(input: { activities: $activities }) {
    ... on RecordedActivities { results { outcome conversationId error { message } } }
  }
}`;

type Result = { outcome: string; conversationId: string | null; error: { message: string } | null };
type Activity = {
  kind: string;
  channelId: string;
  address: string;
  messageId?: string;
  at?: string;
} & Record<string, unknown>;

let traffics = 0;

export function startTraffic(world: World, { perCall }: Load): Traffic {
  const name = `t${++traffics}`;
  const acknowledged: { channel_id: string; message_id: string; at: string }[] = [];
  const begun: Begun[] = [];
  const agentId = encodeId('Agent', world.agent);
  let messages = 0;
  let contacts = 0;
  let last = 0;
  let isOver = false;
  let failure: unknown = null;

  /** Repeats the same report until it is acknowledged. */
  async function report(activities: Activity[]): Promise<Result[]> {
    const sent = Date.now();
    const until = sent + ACKNOWLEDGED_WITHIN_MS;
    for (;;) {
      const results = await attempt(activities).catch((error: unknown) => String(error));
      if (typeof results !== 'string') {
        note(activities, results, new Date(sent).toISOString());
        return results;
      }
      if (Date.now() > until) throw new Error(`never acknowledged: ${results}`);
      await sleep(PAUSE_MS);
    }
  }

  async function attempt(activities: Activity[]): Promise<Result[] | string> {
    const response = await fetch(`${world.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${world.key}` },
      body: JSON.stringify({ query: RECORD, variables: { activities } }),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const said = await response.text();
    return JSON.parse(said).data?.recordActivities?.results ?? `${response.status} ${said}`;
  }

  function note(activities: Activity[], results: Result[], sentAt: string): void {
    activities.forEach(({ messageId, channelId, at = sentAt }, index) => {
      const { outcome, error } = results[index] as Result;
      if (messageId === undefined) return;
      if (outcome === 'REFUSED') throw new Error(`refused: ${error?.message}`);
      acknowledged.push({ channel_id: world.idOf(channelId), message_id: messageId, at });
    });
  }

  function begin(channel: string, due: number): { conversation: Begun; activities: Activity[] } {
    const channelId = encodeId('Channel', channel);
    const address =
      channel === world.sms
        ? `+1555${traffics}${String(++contacts).padStart(7, '0')}`
        : `${name}-${++contacts}`;
    const answered = due - THRESHOLD_MS;
    last = Math.max(last, due);
    const message = (kind: string, at: number, more = {}): Activity => ({
      ...{ kind, channelId, address, messageId: `${name}-m${++messages}`, at: new Date(at).toISOString() },
      ...more,
    });
    return {
      conversation: { channel, address, due },
      activities: [
        message('INBOUND', answered - 1_000),
        message('OUTBOUND', answered, { sender: 'AGENT', agentId }),
      ],
    };
  }

  /** Of the conversations that are due about now, some receive a message and some are ended manually. */
  function meanwhile(now: number): Activity[] {
    const near = begun.filter(({ due }) => Math.abs(due - now) < 3 * PAUSE_MS);
    return near.flatMap(({ channel, address }): Activity[] => {
      const at = { channelId: encodeId('Channel', channel), address };
      const chance = Math.random();
      if (chance < REPLIES) return [{ ...at, kind: 'INBOUND', messageId: `${name}-m${++messages}` }];
      return chance < REPLIES + ENDS ? [{ ...at, kind: 'END', by: 'AGENT', agentId }] : [];
    });
  }

  async function flow(): Promise<void> {
    const under = new Set<Promise<unknown>>();
    while (!isOver) {
      const now = Date.now();
      const activities = meanwhile(now);
      for (let index = 0; index < perCall; index++) {
        const one = begin(
          world.channels[index % world.channels.length] as string,
          now + 300 + 2_000 * Math.random(),
        );
        begun.push(one.conversation);
        activities.push(...one.activities);
      }
      while ((begun[0]?.due ?? now) < now - 1_000) begun.shift();
      const call = report(activities)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => under.delete(call));
      under.add(call);
      // A client that waits for an answer does not send more reports.
      if (under.size >= 4) await Promise.race(under);
      await sleep(PAUSE_MS);
    }
    await Promise.all(under);
  }
  const flowing = flow();

  return {
    async flows() {
      const known = acknowledged.length;
      while (acknowledged.length === known && failure === null) await sleep(10);
    },
    async burst(count, inMs = 1_500, channel = world.plain) {
      const due = Date.now() + inMs;
      const all = Array.from({ length: count }, () => begin(channel, due));
      const results = await report(all.flatMap(({ activities }) => activities));
      const ids = results
        .filter((_, index) => index % 2 === 0)
        .map(({ conversationId }) => world.idOf(conversationId as string));
      return { ids, due, addresses: all.map(({ conversation }) => conversation.address) };
    },
    async undated(count) {
      const all = Array.from({ length: count }, () => begin(world.plain, Date.now()));
      await report(all.flatMap(({ activities }) => activities.map(({ at: _, ...activity }) => activity)));
    },
    async writes(address) {
      const channelId = encodeId('Channel', world.plain);
      await report([{ kind: 'INBOUND', channelId, address, messageId: `${name}-m${++messages}` }]);
    },
    async finish() {
      isOver = true;
      await flowing;
      if (failure !== null) throw failure;
    },
    acknowledged: () => acknowledged,
    lastDue: () => last,
  };
}
