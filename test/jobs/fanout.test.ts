import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SetupError } from '../../src/domain/errors.ts';
import { type Fanout, openFanout } from '../../src/jobs/fanout.ts';
import { onServer } from '../support/postgres.ts';
import { requireOrSkip } from '../support/redis.ts';
import { STORES, type Store, unreachable } from './store.ts';

const soon = { timeout: 60_000, interval: 20 };

describe.each(STORES)('fan-out over $kind', requireOrSkip('redis'), ({ kind, open }) => {
  let store: Store;
  let nobodyHome: Promise<unknown>;
  let opened: Fanout[] = [];

  beforeAll(async () => {
    store = await open();
    nobodyHome = openFanout({ ...store.options, ...unreachable(kind) }).catch((reason) => reason);
  });
  afterEach(async () => {
    const closing = opened.map((fanout) => fanout.close());
    opened = [];
    await Promise.all(closing);
  });
  afterAll(() => store.drop());

  /** Simulates one process for each name, within this process. */
  async function openSome(count: number): Promise<Fanout[]> {
    const some = await Promise.all(Array.from({ length: count }, () => openFanout(store.options)));
    opened.push(...some);
    return some;
  }

  /** Publishes repeatedly until a subscriber gets the message. */
  async function expectToReach(publisher: Fanout, heard: unknown[]) {
    heard.length = 0;
    await expect
      .poll(async () => {
        await publisher.publish('account.a', 'again');
        return heard;
      }, soon)
      .toContain('again');
  }

  it('reaches every subscriber of the topic in every process, and no other subscriber', async () => {
    const [one, two] = (await openSome(2)) as [Fanout, Fanout];
    const heard: Record<string, unknown[]> = { one: [], two: [], alsoTwo: [], elsewhere: [] };
    await one.subscribe('account.a', (message) => heard.one?.push(message));
    await two.subscribe('account.a', (message) => heard.two?.push(message));
    await two.subscribe('account.a', (message) => heard.alsoTwo?.push(message));
    await two.subscribe('account.b', (message) => heard.elsewhere?.push(message));
    const message = { ids: Array.from({ length: 500 }, () => crypto.randomUUID()) };
    await one.publish('account.a', message);
    await one.publish('account.b', 'last');
    await expect
      .poll(() => heard, soon)
      .toEqual({ one: [message], two: [message], alsoTwo: [message], elsewhere: ['last'] });
  });

  it('sends nothing to a subscriber that has left, and goes on for the others', async () => {
    const [one, two] = (await openSome(2)) as [Fanout, Fanout];
    const left: unknown[] = [];
    const stayed: unknown[] = [];
    const leave = await two.subscribe('account.a', (message) => left.push(message));
    const leaveToo = await two.subscribe('account.a', (message) => stayed.push(message));
    await leave();
    await one.publish('account.a', 'to one');
    await expect.poll(() => stayed, soon).toEqual(['to one']);
    await leaveToo();
    await two.subscribe('account.a', (message) => stayed.push(message));
    await one.publish('account.a', 'to it anew');
    await expect.poll(() => stayed, soon).toEqual(['to one', 'to it anew']);
    expect(left).toEqual([]);
  });

  it('goes on after a subscriber failed', async () => {
    const [only] = (await openSome(1)) as [Fanout];
    const heard: unknown[] = [];
    await only.subscribe('account.a', () => {
      throw new Error('cannot listen');
    });
    await only.subscribe('account.a', (message) => heard.push(message));
    await only.publish('account.a', 1);
    await only.publish('account.a', 2);
    await expect.poll(() => heard, soon).toEqual([1, 2]);
    expect(store.logged()).toContain('cannot listen');
  });

  it('recovers after its connections were killed', async () => {
    const [one, two] = (await openSome(2)) as [Fanout, Fanout];
    const heard: unknown[] = [];
    await two.subscribe('account.a', (message) => heard.push(message));
    await store.killConnections();
    await expectToReach(one, heard);
  });

  it('recovers after the store was wiped', async () => {
    const [one, two] = (await openSome(2)) as [Fanout, Fanout];
    const heard: unknown[] = [];
    await two.subscribe('account.a', (message) => heard.push(message));
    await store.wipe();
    await expectToReach(one, heard);
  });

  it('loses messages without an error while the store is down, and recovers with it', async () => {
    const [one, two] = (await openSome(2)) as [Fanout, Fanout];
    const heard: unknown[] = [];
    await two.subscribe('account.a', (message) => heard.push(message));
    await store.goDown();
    // It does not wait for the store, which comes back only afterwards.
    await one.publish('account.a', 'lost');
    await expect(one.subscribe('account.c', () => {})).rejects.toThrow();
    await store.comeBack();
    await expectToReach(one, heard);
    expect(heard).not.toContain('lost');
  });

  it.runIf(kind === 'postgres')('leaves nothing behind', async () => {
    const [one, two] = (await openSome(2)) as [Fanout, Fanout];
    let heard = 0;
    await two.subscribe('account.a', () => void heard++);
    await Promise.all(Array.from({ length: 300 }, (_, index) => one.publish('account.a', index)));
    await expect.poll(() => heard, soon).toBe(300);
    await Promise.all([one.close(), two.close()]);
    opened = [];
    const left = await onServer(
      store.options.database,
      (sql) => sql`
        select (select count(*)::int from lull_queue.relay_inbox) as messages,
          (select count(*)::int from lull_queue.relay_subscription) as subscriptions,
          (select count(*)::int from lull_queue.relay_node) as nodes`,
    );
    expect(left).toEqual([{ messages: 0, subscriptions: 0, nodes: 0 }]);
  });

  it('names the unreachable server without the password, and gives up with exit code 3', async () => {
    const error = await nobodyHome;
    expect(error).toBeInstanceOf(SetupError);
    expect(error).toMatchObject({ exitCode: 3, message: expect.stringContaining('127.0.0.1:1') });
    expect(`${error}${store.logged()}`).not.toContain('hidden');
  });
});
