import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Activity, ActivityResult, ServiceDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, depsWith, type Engine, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';
import { type Listened, listenedTo } from '../support/listened.ts';

let engine: Engine;
let listened: Listened;
let deps: ServiceDeps;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  listened = listenedTo(engine);
  deps = depsWith(engine, { db: { ...engine.db, sql: listened.sql } });
  // From here on the lane of these conversations is known.
  await one(message('warm', 'warm'));
});
afterAll(async () => {
  await listened.close();
  await engine.drop();
});

/** A call of one activity. */
async function one(activity: Activity, accountId = engine.accountId): Promise<ActivityResult> {
  const [result] = await recordActivities(deps, accountId, [activity]);
  return result as ActivityResult;
}
/** The same, on a client that has enough connections for some calls to wait. */
async function applyAmong(activity: Activity): Promise<ActivityResult> {
  const [result] = await recordActivities(engine.deps, engine.accountId, [activity]);
  return result as ActivityResult;
}
/** Makes one concurrent call for each activity. */
const atOnce = (activities: Activity[]) => Promise.all(activities.map((activity) => one(activity)));
const message = (address: string, messageId: string, more: Partial<Activity> = {}): Activity => ({
  target: { channelId: engine.channelId, address },
  action: { kind: 'INBOUND' },
  messageId,
  ...more,
});
const end = (): Activity['action'] => ({ kind: 'END', by: 'AGENT', agentId: engine.ann });

/** Ids of the messages of the address's only conversation. Checks that its revisions have no gap. */
async function messagesOf(address: string): Promise<string[]> {
  const conversations = await engine.conversations(address);
  expect(conversations).toHaveLength(1);
  const [{ id, revision } = { id: '', revision: 0 }] = conversations;
  const feed = await engine.feed(id);
  expect(feed.map((event) => event.revision)).toEqual(
    Array.from({ length: revision }, (_, index) => index + 1),
  );
  return feed.map((event) => event.message_id);
}
const idOf = async (address: string) => (await engine.latest(address)).id;
const appliedTo = (conversationId: string) => ({ outcome: 'APPLIED', conversationId, error: null });

describe('100 concurrent calls of one message each', () => {
  it('are all applied to new and to shared conversations, and each gets its own result', async () => {
    const addresses = Array.from({ length: 100 }, (_, index) => `new ${index % 60}`);
    listened.forget();
    const results = await atOnce(addresses.map((address, index) => message(address, `new ${index}`)));
    expect(listened.sent.length).toBeLessThanOrEqual(13);

    for (let index = 0; index < 60; index++) {
      const own = index < 40 ? [index, index + 60] : [index];
      const address = `new ${index}`;
      expect(await messagesOf(address)).toEqual(own.map((each) => `new ${each}`));
      const id = await idOf(address);
      expect(own.map((each) => results[each])).toEqual(own.map(() => appliedTo(id)));
    }
  });

  it('LL-2 take one read and one write on open conversations, and each message is in its feed once', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `open ${index}`);
    await atOnce(names.map((name) => message(name, `${name} first`)));
    engine.clock.advance(1);

    const addresses = Array.from({ length: 100 }, (_, index) => `open ${index % 60}`);
    listened.forget();
    const results = await atOnce(addresses.map((address, index) => message(address, `open ${index}`)));
    expect(listened.sent).toHaveLength(2);
    for (const [index, address] of names.entries()) {
      const own = (index < 40 ? [index, index + 60] : [index]).map((each) => `open ${each}`);
      expect(await messagesOf(address)).toEqual([`${address} first`, ...own]);
      expect(results[index]).toEqual(appliedTo(await idOf(address)));
    }
    expect(results.slice(60)).toEqual(results.slice(0, 40));
  });

  it('are all applied in fewer statements than calls when each caller waits for its result', async () => {
    await one(message('busy', 'busy first'));
    listened.forget();
    const caller = async (name: number) => {
      for (let index = 0; index < 10; index++)
        expect(await one(message('busy', `busy ${name} ${index}`))).toMatchObject({ outcome: 'APPLIED' });
    };
    await Promise.all(Array.from({ length: 10 }, (_, name) => caller(name)));
    expect(listened.sent.length).toBeLessThan(100);
    const messages = await messagesOf('busy');
    expect(messages).toHaveLength(101);
    expect(new Set(messages).size).toBe(101);
    for (let name = 0; name < 10; name++)
      expect(messages.filter((id) => id.startsWith(`busy ${name} `))).toEqual(
        Array.from({ length: 10 }, (_, index) => `busy ${name} ${index}`),
      );
  });
});

describe('concurrent calls', () => {
  it('LL-2 with the same message are APPLIED and DUPLICATE, on a new and on a known conversation', async () => {
    for (const id of ['same 1', 'same 2']) {
      const results = await atOnce([message('same', id), message('same', id)]);
      const conversationId = await idOf('same');
      expect(results).toEqual([
        appliedTo(conversationId),
        { outcome: 'DUPLICATE', conversationId, error: null },
      ]);
    }
    expect(await messagesOf('same')).toEqual(['same 1', 'same 2']);
  });

  it('LL-2 with an end and a reply leave one conversation, which is open', async () => {
    await one(message('ends', 'ends first'));
    engine.clock.advance(1);
    const conversationId = await idOf('ends');
    const results = await atOnce([message('ends', 'end', { action: end() }), message('ends', 'reply')]);
    expect(results).toEqual([appliedTo(conversationId), appliedTo(conversationId)]);
    expect(await messagesOf('ends')).toEqual(['ends first', 'end', 'reply']);
    expect((await engine.feed(conversationId)).at(-1)).toMatchObject({ effect: 'REOPENED' });
  });

  it('apply the activities of each contact in the order of their times, as in one call', async () => {
    await one(message('timed', 'timed first'));
    engine.clock.advance(5000);
    const ago = (ms: number) => ({ at: new Date(engine.clock.now().getTime() - ms) });
    await atOnce([
      message('timed', 'third', ago(1000)),
      message('timed', 'fourth', ago(1000)),
      message('timed', 'second', ago(2000)),
    ]);
    const feed = await engine.feed(await idOf('timed'));
    expect(feed.map(({ message_id }) => message_id)).toEqual(['timed first', 'second', 'third', 'fourth']);
    expect(await messagesOf('timed')).toHaveLength(4);
  });

  it('are applied even if another call of the batch is refused', async () => {
    const unknown = { target: { conversationId: engine.deps.newId() } };
    const results = await atOnce([
      message('calm 1', 'calm 1'),
      message('calm 2', 'refused', unknown),
      message('calm 2', 'calm 2', { target: { channelId: engine.channelId, address: '' } }),
      message('calm 3', 'calm 3'),
    ]);
    expect(results).toEqual([
      appliedTo(await idOf('calm 1')),
      expect.objectContaining({ outcome: 'REFUSED', error: expect.objectContaining({ code: 'NOT_FOUND' }) }),
      expect.objectContaining({
        outcome: 'REFUSED',
        error: expect.objectContaining({ code: 'INVALID_INPUT' }),
      }),
      appliedTo(await idOf('calm 3')),
    ]);
    expect(await engine.conversations('calm 2')).toEqual([]);
    expect([await messagesOf('calm 1'), await messagesOf('calm 3')]).toEqual([['calm 1'], ['calm 3']]);
  });

  const long = Array.from({ length: 900 }, (_, index) => (index * 2654435761).toString(36)).join('');
  it.each([
    ['a NUL', 'a\u0000b', '22021'],
    ['an address that no index takes', long, '54000'],
  ])(
    'with %s in one of them fail that whole call only, and the others are applied once',
    async (what, bad, code) => {
      const first = `${what} before`;
      await one(message(first, `${what} 0`));
      const guilty = recordActivities(deps, engine.accountId, [
        message(`${what} with it`, `${what} with it`),
        message(bad, `${what} bad`),
      ]);
      const others = [
        one(message(first, `${what} 1`)),
        one(message(`${what} new`, `${what} 2`, { messageId: null })),
        one(message(first, `${what} 3`)),
      ];
      await expect(guilty).rejects.toMatchObject({ code });
      expect(await Promise.all(others)).toEqual([
        appliedTo(await idOf(first)),
        appliedTo(await idOf(`${what} new`)),
        appliedTo(await idOf(first)),
      ]);
      expect((await messagesOf(first)).toSorted()).toEqual([0, 1, 3].map((each) => `${what} ${each}`));
      expect(await messagesOf(`${what} new`)).toEqual([null]);
      expect(await engine.conversations(`${what} with it`)).toEqual([]);
    },
  );

  it.each([
    ['conversation', 'an open conversation', (name: string) => message(`${name} free`, `${name} 2`)],
    ['contact', 'a new one', (name: string) => message(`${name} new`, `${name} 2`)],
  ])('wait for a locked %s without delaying a call for %s', async (table, _what, other) => {
    const [held, { target, ...free }] = [`${table} held`, other(table)];
    for (const name of [held, `${table} free`]) await applyAmong(message(name, `${name} first`));
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: isHeld, resolve: holds } = Promise.withResolvers<void>();
    const holding = inTransaction(engine.db.sql, async (tx) => {
      await tx.unsafe(
        `select 1 from ${table} where account_id = $1 and ${table === 'contact' ? 'id' : 'contact_id'} = (
           select id from contact where account_id = $1 and address = $2) for update`,
        [engine.accountId, held],
      );
      holds();
      await released;
    });
    await isHeld;
    let isThrough = false;
    // Client details are written to the contact under its lock.
    const action = { kind: 'INBOUND', ...(table === 'contact' && { clientVersion: '1' }) } as const;
    const waits = applyAmong(message(held, `${table} 1`, { action })).finally(() => {
      isThrough = true;
    });
    try {
      expect(await applyAmong({ target, ...free })).toMatchObject({ outcome: 'APPLIED' });
      expect(isThrough).toBe(false);
    } finally {
      release();
      await holding;
    }
    expect(await waits).toEqual(appliedTo(await idOf(held)));
    expect(await messagesOf(held)).toEqual([`${held} first`, `${table} 1`]);
    const { address } = target as { address: string };
    expect((await messagesOf(address)).filter((id) => id === free.messageId)).toHaveLength(1);
  });

  it('set a lock timeout before they take locks', async () => {
    listened.forget();
    await atOnce([message('locks 1', 'locks 1'), message('locks 2', 'locks 2')]);
    const from = listened.sent.findIndex(({ text }) => text.startsWith('begin')) + 1;
    expect(listened.sent[from]?.text).toBe('set local lock_timeout = 250');
    listened.forget();
    await one(message('locks 3', 'locks 3'));
    expect(listened.sent.filter(({ text }) => text.includes('lock_timeout'))).toEqual([]);
  });

  it('get the results of their own account when they are for two accounts', async () => {
    const otherId = await createAccount(engine.deps, { name: 'other' });
    const channel = { name: 'web', adapter: 'web', settings: {} };
    const channelId = await ensureChannel(engine.deps, otherId, channel);
    const target = { channelId, address: 'both' };
    const [mine, other, crossed, missing] = await Promise.all([
      one(message('both', 'both')),
      one(message('both', 'both', { target }), otherId),
      one(message('both', 'crossed', { target })),
      one(message('both', 'both'), engine.deps.newId()).catch((error: unknown) => error),
    ]);
    expect(mine).toEqual(appliedTo(await idOf('both')));
    expect(other?.outcome).toBe('APPLIED');
    expect(other?.conversationId).not.toBe(mine?.conversationId);
    expect(crossed).toMatchObject({ outcome: 'REFUSED', error: { code: 'NOT_FOUND', field: 'channelId' } });
    expect(missing).toMatchObject({ code: 'NOT_FOUND', field: 'accountId' });
    expect(await messagesOf('both')).toEqual(['both']);
    const elsewhere = await engine.db.sql`
      select account_id, conversation_id from event where account_id = ${otherId}`;
    expect([...elsewhere]).toEqual([{ account_id: otherId, conversation_id: other?.conversationId }]);
  });
});
