import { setTimeout as sleep } from 'node:timers/promises';
import { encodeId } from '../../src/schema/core/ids.ts';
import { percentile, seededRandom } from '../measure.ts';
import { QUIET_SECONDS, type World } from './world.ts';

/** The requests that the soak makes, by kind. */
export const KINDS = [
  'one activity',
  '500 activities',
  'rules change',
  'list',
  'due list',
  'one conversation',
] as const;
export type Kind = (typeof KINDS)[number];

/** The outcomes of requests since the last sample. `busy`: the service refused them as overloaded. */
export type Tally = {
  asked: number;
  failed: number;
  busy: number;
  skipped: number;
  p50Ms: number;
  p99Ms: number;
};

/** Traffic that runs until it is stopped. */
export type Traffic = {
  /** Numbers of the messages that were acknowledged; message n has the id `soak n`. */
  acknowledged: number[];
  /** Of every kind, since the last time. */
  take(): Record<Kind, Tally>;
  /** The first answers that were not as they should be. */
  faults: string[];
  stop(): Promise<void>;
};

/** Requests of one kind under way at a time; what would be more is left out, and counted. */
const UNDER_WAY = 8;
/** Contacts that come back again and again: their conversations are reopened. The others are new each time. */
const REGULARS = 20_000;
const PER_CALL = 500;

const RECORD = `mutation ($input: RecordActivitiesInput!) {
  recordActivities(input: $input) { ... on RecordedActivities { results { outcome } } ... on Error { code message } }
}`;
const CHANGE_RULES = `mutation ($input: SetPolicyInput!) {
  setPolicy(input: $input) { ... on Policy { autoCloseAfter } ... on Error { code message } }
}`;
const PAGE = `nodes { id status awaiting contact { address } agent { name } due { at timer } endsAt closing { survey closeMessage separator } }`;
const LIST = `{ conversations(first: 20, orderBy: { field: LAST_ACTIVITY, direction: DESC }) { ${PAGE} } }`;
const DUE_LIST = `{ conversations(first: 20, orderBy: { field: DUE, direction: ASC }, filter: { status: [ACTIVE, WAITING] }) { ${PAGE} } }`;
const ONE = `query ($id: ID!) { node(id: $id) { ... on Conversation { id status due { at } explanation { timers { timer } } feed(first: 20) { nodes { at kind } } } } }`;

/** Starts to ask, `perSecond` activities and the rest in proportion. */
export function startTraffic(world: World, perSecond: number, conversationIds: readonly string[]): Traffic {
  const { key, api, channels, account } = world;
  const acknowledged: number[] = [];
  const faults: string[] = [];
  const random = seededRandom(7);
  const agentId = encodeId('Agent', account.agentIds[0] as string);
  let stopped = false;
  let messages = 0;
  let strangers = 0;
  let regulars = 0;
  let changes = 0;
  const tallies = Object.fromEntries(
    KINDS.map((kind) => [kind, { failed: 0, busy: 0, skipped: 0, ms: [] as number[] }]),
  ) as Record<Kind, { failed: number; busy: number; skipped: number; ms: number[] }>;

  async function ask(kind: Kind, query: string, variables: object, isGood: (text: string) => boolean) {
    const started = performance.now();
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    };
    const send = () => fetch(`${api.url}/graphql`, request);
    // As every client has to: a connection may break, and messages have ids.
    const response = await send().catch(send);
    const text = await response.text();
    const tally = tallies[kind];
    tally.ms.push(performance.now() - started);
    // Refused for overload, or cancelled by the database. Nothing was done in either case.
    if (response.status === 503 || text.includes('"UNAVAILABLE"')) tally.busy++;
    else if (response.status !== 200 || !isGood(text)) {
      tally.failed++;
      if (faults.length < 10) faults.push(`${kind}: ${response.status} ${text.slice(0, 300)}`);
    }
    return text;
  }

  /** A customer writes, and is answered: from then on it is their turn. */
  function exchange(channelId: string, address: string) {
    const message = () => `soak ${messages++}`;
    return [
      { kind: 'INBOUND', channelId, address, messageId: message() },
      { kind: 'OUTBOUND', channelId, address, messageId: message(), sender: 'AGENT', agentId },
    ];
  }
  const address = () => (random() < 0.6 ? `regular ${regulars++ % REGULARS}` : `stranger ${strangers++}`);

  async function record(kind: Kind, activities: { messageId: string }[]) {
    const text = await ask(kind, RECORD, { input: { activities } }, (answer) =>
      /"(APPLIED|DUPLICATE)"/.test(answer),
    );
    const results: { outcome: string }[] = JSON.parse(text).data?.recordActivities?.results ?? [];
    for (const [index, { outcome }] of results.entries()) {
      if (outcome === 'APPLIED' || outcome === 'DUPLICATE')
        acknowledged.push(Number(activities[index]?.messageId.slice(5)));
      else if (faults.length < 10) faults.push(`${kind}: an activity was ${outcome}`);
    }
  }

  const steps: Record<Kind, { everyMs: number; step: () => Promise<unknown> }> = {
    'one activity': {
      everyMs: 1000 / Math.max(1, perSecond * 0.08),
      step: async () => {
        const [wrote, answered] = exchange(channels.hooked, `single ${strangers++}`);
        await record('one activity', [wrote as { messageId: string }]);
        await record('one activity', [answered as { messageId: string }]);
      },
    },
    '500 activities': {
      everyMs: (1000 * PER_CALL) / perSecond,
      step: () =>
        record(
          '500 activities',
          Array.from({ length: PER_CALL / 2 }, () => exchange(channels.plain, address())).flat(),
        ),
    },
    'rules change': {
      everyMs: 5_000,
      step: () => {
        const autoCloseAfter = `PT${QUIET_SECONDS + (changes++ % 2) * 5}S`;
        const input = { channelId: channels.plain, autoCloseAfter };
        return ask('rules change', CHANGE_RULES, { input }, (text) => text.includes('"autoCloseAfter"'));
      },
    },
    list: { everyMs: 250, step: () => ask('list', LIST, {}, isPage) },
    'due list': { everyMs: 250, step: () => ask('due list', DUE_LIST, {}, isPage) },
    'one conversation': {
      everyMs: 200,
      step: () => {
        const id = conversationIds[Math.floor(random() * conversationIds.length)] as string;
        return ask('one conversation', ONE, { id }, (text) => text.includes('"status"'));
      },
    },
  };

  async function run(kind: Kind) {
    const { everyMs, step } = steps[kind];
    const underWay = new Set<Promise<void>>();
    for (let next = performance.now(); !stopped; next += everyMs) {
      await sleep(Math.max(0, next - performance.now()));
      // Late by more than a second it does not catch up: that would be a burst.
      if (performance.now() - next > 1_000) next = performance.now();
      if (underWay.size >= UNDER_WAY) {
        tallies[kind].skipped++;
        continue;
      }
      const work: Promise<void> = step()
        .then(
          () => {},
          (error) => {
            tallies[kind].failed++;
            if (faults.length < 10) faults.push(`${kind}: ${error} ${(error as Error).cause ?? ''}`);
          },
        )
        .finally(() => underWay.delete(work));
      underWay.add(work);
    }
    await Promise.all(underWay);
  }

  const running = KINDS.map(run);
  return {
    acknowledged,
    faults,
    take: () =>
      Object.fromEntries(
        KINDS.map((kind) => {
          const { ms, ...rest } = tallies[kind];
          tallies[kind] = { failed: 0, busy: 0, skipped: 0, ms: [] };
          const timing = { p50Ms: percentile(ms, 0.5), p99Ms: percentile(ms, 0.99) };
          return [kind, { asked: ms.length, ...rest, ...timing }];
        }),
      ) as Record<Kind, Tally>,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

function isPage(text: string): boolean {
  return text.startsWith('{"data":') && !text.includes('"errors"');
}
