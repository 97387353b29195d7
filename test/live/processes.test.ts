import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import type { Engine } from '../../src/app.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { feedCaughtUp } from '../support/feed.ts';
import { KINDS, openStore, type Store } from '../support/live.ts';
import { requireOrSkip } from '../support/redis.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';
import { type Listener, subscribe } from '../support/sse.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

const CHANGED = 'subscription { conversationChanged { id status } }';
const ENDED = 'subscription { conversationsEnded { id ending { reason } } }';
const EVENTS =
  'query ($after: String) { events(after: $after) { nodes { kind effect conversation { id } } pageInfo { endCursor } } }';

describe.each(KINDS)('two API processes and two workers on one database with the queue on %s', (kind) => {
  const skips = kind === 'redis' ? requireOrSkip('redis') : { skip: false };
  let store: Store;
  let engine: Engine;
  let tenant: Tenant;
  let processes: ServiceProcess[] = [];
  let apis: string[];
  let key: string;

  beforeAll(async () => {
    if (skips.skip) return;
    store = await openStore(kind);
    // Used only for setup and checks: it wakes nothing, and serves no client.
    engine = await store.engine();
    tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1H' });
    const { accountId } = tenant;
    key = await createApiKey(
      engine.db,
      { accountId, name: 'test', scopes: SCOPES },
      { id: engine.deps.newId(), now: engine.clock.now() },
    );
    const env = { ...store.env, LOG_LEVEL: 'info' };
    processes = ['api', 'api', 'worker', 'worker'].map((role) =>
      spawnService(env, 'src/cli.ts', 'serve', '--role', role),
    );
    const [one, two, ...workers] = await Promise.all(processes.map(({ running }) => running));
    expect([typeof one, typeof two, ...workers]).toEqual(['string', 'string', null, null]);
    apis = [one as string, two as string];
  });

  afterAll(async () => {
    for (const process of processes) process.kill('SIGTERM');
    const ends = await Promise.all(processes.map(({ ended }) => ended));
    expect(ends.every(({ code }) => code === 0)).toBe(true);
    if (!skips.skip) await store.close();
  });

  async function ask(api: number, query: string, variables: object = {}) {
    const response = await fetch(`${apis[api]}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers have the shape their query asks for
    return ((await response.json()) as { data: any }).data;
  }
  const listen = (api: number, query: string): Promise<Listener> =>
    subscribe(apis[api] as string, key, query);
  async function record(api: number, activity: object): Promise<string> {
    const data = await ask(
      api,
      'mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { ... on RecordedActivities { results { outcome conversationId } } } }',
      { input: { activities: [activity] } },
    );
    expect(data.recordActivities.results[0].outcome).toBe('APPLIED');
    return data.recordActivities.results[0].conversationId;
  }
  const channelId = async () => {
    const data = await ask(0, '{ channels { nodes { id } } }');
    return data.channels.nodes[0].id as string;
  };

  it('a change made through one API process reaches a subscriber of the other', skips, async () => {
    const inbound = { kind: 'INBOUND', channelId: await channelId() };
    for (const [made, heard] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const listener = await listen(heard, CHANGED);
      const id = await record(made, { ...inbound, address: `from ${made}` });
      expect((await listener.next())?.data.conversationChanged).toEqual({ id, status: 'WAITING' });
      listener.stop();
    }
  });

  it('SP-12 an end by a worker reaches the subscribers of both API processes', skips, async () => {
    const listeners = await Promise.all([listen(0, ENDED), listen(1, ENDED)]);
    const hourAgo = tenant.in(-60 * 60_000 + 1_000);
    await tenant.answered(['quiet'], hourAgo);
    const { id } = await tenant.latest('quiet');
    for (const listener of listeners) {
      const told = (await listener.next())?.data.conversationsEnded;
      expect(told).toEqual([{ id: encodeId('Conversation', id), ending: { reason: 'AUTO_CLOSE' } }]);
      listener.stop();
    }
  });

  it(
    'SP-12 a client that was disconnected finds what it missed in the feed of either process, in the same order',
    skips,
    async () => {
      await feedCaughtUp(engine.db.sql);
      const { eventsCursor } = await ask(0, '{ eventsCursor }');
      const inbound = { kind: 'INBOUND', channelId: await channelId() };
      const made = [
        await record(0, { ...inbound, address: 'missed 0' }),
        await record(1, { ...inbound, address: 'missed 1' }),
      ];
      await record(0, { kind: 'END', conversationId: made[1], by: 'AGENT' });
      for (const api of [0, 1]) {
        const read = async () => {
          const data = await ask(api, EVENTS, { after: eventsCursor });
          return data.events.nodes.map(
            (event: { kind: string; conversation: { id: string } }) =>
              `${event.kind} ${event.conversation.id}`,
          );
        };
        await expect
          .poll(read, { timeout: 60_000 })
          .toEqual([`INBOUND ${made[0]}`, `INBOUND ${made[1]}`, `END ${made[1]}`]);
      }
    },
  );
});
