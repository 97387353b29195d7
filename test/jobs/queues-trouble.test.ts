import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SetupError } from '../../src/domain/errors.ts';
import { openQueues, type Queues } from '../../src/jobs/queues.ts';
import { expectToWork, keepDiary, note, now, soon } from '../delivery/diary.ts';
import { onServer } from '../support/postgres.ts';
import { requireOrSkip } from '../support/redis.ts';
import { STORES, type Store, unreachable } from './store.ts';

describe.each(STORES)('queues on $kind in trouble', requireOrSkip('redis'), ({ kind, open }) => {
  let store: Store;
  let nobodyHome: Promise<unknown>;
  let opened: Queues[] = [];

  beforeAll(async () => {
    store = await open();
    nobodyHome = openQueues({ ...store.options, ...unreachable(kind) }).catch((reason) => reason);
  });
  afterEach(async () => {
    const closing = opened.map((queues) => queues.close());
    opened = [];
    await Promise.all(closing);
    await store.wipe();
  });
  afterAll(() => store.drop());

  async function openOne(): Promise<Queues> {
    const queues = await openQueues(store.options);
    opened.push(queues);
    return queues;
  }

  it('recover after the store was wiped', async () => {
    const queues = await openOne();
    const crew = keepDiary();
    queues.work([crew.implementation], { concurrency: 1 });
    await queues.add(note, { text: 'lost' }, { id: 'lost', delayMs: 60_000 });
    await store.wipe();
    await queues.add(note, { text: 'found' }, now('lost'));
    await expect.poll(crew.texts, soon).toEqual(['found']);
  });

  it('recover after their connections were killed', async () => {
    const queues = await openOne();
    const crew = keepDiary();
    queues.work([crew.implementation], { concurrency: 1 });
    await queues.add(note, { text: 'kept' }, { id: 'kept', delayMs: 400 });
    await store.killConnections();
    await expectToWork(queues, crew);
    await expect.poll(crew.texts, soon).toContain('kept');
  });

  it('reject while the store is down, and recover with it', async () => {
    const queues = await openOne();
    const crew = keepDiary();
    queues.work([crew.implementation], { concurrency: 1 });
    await queues.depth(note);
    await store.goDown();
    await expect(queues.add(note, { text: 'nobody there' }, now())).rejects.toThrow();
    await expect(queues.depth(note)).rejects.toThrow();
    await store.comeBack();
    await expectToWork(queues, crew);
  });

  it('reject after 1.5 s while the store does not answer, and recover with it', async () => {
    const queues = await openOne();
    const crew = keepDiary();
    queues.work([crew.implementation], { concurrency: 1 });
    await queues.depth(note);
    store.hang();
    const refused = [queues.add(note, { text: 'no answer' }, now()), queues.depth(note)];
    for (const attempt of refused) await expect(attempt).rejects.toThrow('did not answer within 1500 ms');
    await store.goDown();
    await store.comeBack();
    await expectToWork(queues, crew);
  });

  it('close while the store is down', async () => {
    const queues = await openOne();
    queues.work([keepDiary().implementation], { concurrency: 1 });
    await queues.add(note, { text: 'before' }, now());
    await store.goDown();
    await queues.close();
    await store.comeBack();
  });

  it('name the unreachable server without the password, and give up with exit code 3', async () => {
    const error = await nobodyHome;
    expect(error).toBeInstanceOf(SetupError);
    expect(error).toMatchObject({ exitCode: 3, message: expect.stringContaining('127.0.0.1:1') });
    expect(store.logged()).toMatch(/no (Redis|Postgres) at 127\.0\.0\.1:1.* yet/);
    expect(`${error}${store.logged()}`).not.toContain('hidden');
  });

  it.runIf(kind === 'postgres')('recover after their schema was dropped', async () => {
    const queues = await openOne();
    const crew = keepDiary();
    queues.work([crew.implementation], { concurrency: 1 });
    await expectToWork(queues, crew);
    // The statement may lose a deadlock against a worker that looks for jobs.
    const drop = () => onServer(store.options.database, (sql) => sql`drop schema lull_queue cascade`);
    await vi.waitFor(drop, soon);
    await store.killConnections();
    await expectToWork(queues, crew);
  });
});
