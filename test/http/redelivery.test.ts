import { afterAll, beforeAll, expect, it } from 'vitest';
import { MINUTE } from '../support/engine.ts';
import { openWebhookApi, type Webhooks } from './webhook-calls.ts';

const CONVERSATIONS = 250;
const EVENTS_EACH = 46;
const AT_ONCE = 500;

let world: Webhooks;
beforeAll(async () => {
  world = await openWebhookApi();
});
afterAll(() => world.api.close());

/** The same numbers from 0 to 1 in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Event = Record<string, string>;

/** Who wrote, besides bots and automations. */
type Party = 'BOTH' | 'CUSTOMER' | 'AGENT';
const PARTIES: readonly Party[] = ['BOTH', 'BOTH', 'BOTH', 'CUSTOMER', 'AGENT'];

/** What happened in one conversation, in order: messages of everybody, and what became of those of the business. */
function happened(address: string, party: Party, random: () => number): Event[] {
  const begun = world.now().getTime() - 3 * 60 * MINUTE;
  const events: Event[] = [];
  const sent: string[] = [];
  for (let index = 0; index < EVENTS_EACH; index++) {
    const at = new Date(begun + index * MINUTE + Math.floor(random() * MINUTE)).toISOString();
    const id = `${address} ${index}`;
    const kind = random() * (index > 0 ? 1 : party === 'CUSTOMER' ? 0.3 : 0.4);
    const of = sent[Math.floor(random() * sent.length)];
    if (kind < 0.3 && party !== 'AGENT')
      events.push({ type: 'message', id, address, sentAt: at, text: 'Hello' });
    else if (kind < 0.6 || of === undefined) {
      const isAgents = kind < 0.5 && party !== 'CUSTOMER';
      const sender = isAgents ? 'AGENT' : kind < 0.55 ? 'BOT' : 'AUTOMATION';
      events.push({ type: 'echo', id, address, sender, at });
      sent.push(id);
    } else {
      const state = kind < 0.75 ? 'DELIVERED' : kind < 0.9 ? 'READ' : 'FAILED';
      events.push({ type: 'receipt', messageId: of, address, state, at });
    }
  }
  // A message has one receipt of each kind.
  const known = new Set<string>();
  return events.filter(({ type, messageId, state }) => {
    const key = `${messageId} ${state}`;
    if (type !== 'receipt') return true;
    if (known.has(key)) return false;
    known.add(key);
    return true;
  });
}

function shuffled<Value>(values: readonly Value[], random: () => number): Value[] {
  const rest = [...values];
  for (let index = rest.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [rest[index], rest[other]] = [rest[other] as Value, rest[index] as Value];
  }
  return rest;
}

/**
 * Each event twice, in any order, but a person's message first: a receipt about nobody is of no use to anyone, and what a bot
 * seems to begin sets the clock of the last activity, which never goes back.
 */
function redelivered(events: readonly Event[], random: () => number): Event[] {
  const order = shuffled([...events, ...events], random);
  const first = order.findIndex(({ type, sender }) => type === 'message' || sender === 'AGENT');
  return [...order.splice(first, 1), ...order];
}

/** Calls a channel with conversations' events, those of all of them mixed as they come. */
async function deliver(channelId: string, each: readonly (readonly Event[])[]) {
  const longest = Math.max(...each.map(({ length }) => length));
  const mixed: Event[] = [];
  for (let index = 0; index < longest; index++)
    for (const events of each) if (events[index]) mixed.push(events[index] as Event);
  const total = { applied: 0, duplicates: 0, ignored: 0, faults: 0 };
  for (let from = 0; from < mixed.length; from += AT_ONCE) {
    const init = world.wire(mixed.slice(from, from + AT_ONCE));
    const response = await world.call(world.pathOf(channelId), init);
    expect(response.status).toBe(200);
    const came = (await response.json()) as Record<'applied' | 'duplicates' | 'ignored', number> & {
      faults: [];
    };
    total.applied += came.applied;
    total.duplicates += came.duplicates;
    total.ignored += came.ignored;
    total.faults += came.faults.length;
  }
  return total;
}

/** All conversations of a channel, with their clocks and their feeds in order of time. */
async function state(channelId: string) {
  const { sql } = world.api.engine.db;
  return await sql`
    select contact.address, contact.consent, conversation.status, conversation.awaiting, conversation.agent_id,
      conversation.skill_id, conversation.case_status, conversation.held, conversation.stage, conversation.tags,
      started_by, started_at, last_activity_at, awaiting_since, status_since, newest_at, revision, previous_id, ended_at,
      lane.status as lane_status, lane.awaiting as lane_awaiting, (
        select jsonb_agg(jsonb_build_array(kind, at, actor, message_id, data) order by at, kind, message_id)
        from event where event.conversation_id = conversation.id
      ) as feed
    from conversation
    join contact on contact.id = conversation.contact_id
    join lane on lane.id = conversation.lane_id
    where conversation.channel_id = ${channelId} order by contact.address, conversation.id`;
}

it('10,000 events delivered twice and in any order lead to the same state as once and in order', async () => {
  const random = numbers(20260302);
  const histories = Array.from({ length: CONVERSATIONS }, (_, index) =>
    happened(`contact ${index}`, PARTIES[index % PARTIES.length] as Party, random),
  );
  const count = histories.flat().length;
  expect(count).toBeGreaterThanOrEqual(10_000);
  const { web, 'in-app': app } = world.channels;
  const inOrder = await deliver(web, histories);
  expect(inOrder).toEqual({ applied: count, duplicates: 0, ignored: 0, faults: 0 });
  const disordered = histories.map((events) => redelivered(events, random));
  expect(disordered.flat()).toHaveLength(2 * count);
  const inDisorder = await deliver(app, disordered);
  expect(inDisorder).toMatchObject({ applied: count, faults: 0 });
  expect(inDisorder.duplicates + inDisorder.ignored).toBe(count);

  const [once, again] = await Promise.all([state(web), state(app)]);
  expect(once).toHaveLength(CONVERSATIONS);
  for (const [column, values] of [
    ['status', ['ACTIVE', 'NEW', 'WAITING']],
    ['awaiting', ['AGENT', 'CONSUMER']],
    ['started_by', ['AGENT', 'CUSTOMER']],
  ] as const)
    expect(new Set(once.map((row) => row[column]))).toEqual(new Set(values));
  const differing = once.filter((row, index) => JSON.stringify(row) !== JSON.stringify(again[index]));
  expect(differing.map(({ address }) => address)).toEqual([]);
  expect(again).toEqual(once);
}, 600_000);
