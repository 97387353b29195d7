import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, implementJob } from '../../src/jobs/job.ts';
import { openQueues, type Queues } from '../../src/jobs/queues.ts';
import { keepDiary, note, now, soon } from '../delivery/diary.ts';
import { onServer } from '../support/postgres.ts';
import { requireOrSkip } from '../support/redis.ts';
import { STORES, type Store } from './store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

describe.each(STORES)('queues on $kind', requireOrSkip('redis'), ({ kind, open }) => {
  let store: Store;
  let opened: Queues[] = [];

  beforeAll(async () => {
    store = await open();
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

  it('runs delayed jobs once, in the order of their times and not early', async () => {
    const queues = await openOne();
    const { implementation, done } = keepDiary();
    queues.work([implementation], { concurrency: 2 });
    const due = Date.now() + 300;
    await queues.add(note, { text: 'later' }, { id: 'on-time', delayMs: 300 });
    await queues.add(note, { text: 'last' }, { id: 'after-it', delayMs: 700 });
    await expect.poll(() => done.map(({ text }) => text), soon).toEqual(['later', 'last']);
    expect(done[0]?.at).toBeGreaterThanOrEqual(due);
  });

  it('shares jobs between two workers, each job once', async () => {
    const [one, two] = await Promise.all([openOne(), openOne()]);
    const bothAtWork = Promise.withResolvers<void>();
    const atWork = new Set<string>();
    const crew = (name: string) =>
      keepDiary(async () => {
        if (atWork.add(name).size === 2) bothAtWork.resolve();
        await bothAtWork.promise;
      });
    const [ann, bob] = [crew('ann'), crew('bob')];
    one.work([ann.implementation], { concurrency: 1 });
    two.work([bob.implementation], { concurrency: 1 });
    const texts = Array.from({ length: 30 }, (_, index) => `share-${index}`);
    await one.addMany(
      note,
      texts.map((text) => ({ ...now(), payload: { text } })),
    );
    await expect.poll(() => [...ann.texts(), ...bob.texts()].toSorted(), soon).toEqual(texts.toSorted());
  });

  it('adds a job once while one with its id is there, and again when it is done', async () => {
    const queues = await openOne();
    await queues.add(note, { text: 'first' }, now('same-id'));
    await queues.add(note, { text: 'second' }, now('same-id'));
    await queues.addMany(note, [
      { ...now('same-id'), payload: { text: 'third' } },
      { ...now('end-of-ids'), payload: { text: 'end' } },
    ]);
    const { implementation, texts } = keepDiary();
    queues.work([implementation], { concurrency: 1 });
    await expect.poll(texts, soon).toEqual(['first', 'end']);
    await expect
      .poll(async () => {
        await queues.add(note, { text: 'anew' }, now('same-id'));
        return texts();
      }, soon)
      .toContain('anew');
  });

  it('runs what gives way when nobody else waits any more, and counts it among those that wait', async () => {
    const queues = await openOne();
    await queues.addMany(
      note,
      ['polite', 'and so'].map((text) => ({ ...now(), payload: { text }, givesWay: true })),
    );
    await queues.add(note, { text: 'first' }, now());
    await queues.add(note, { text: 'second' }, now());
    expect(await queues.depth(note)).toEqual({ waiting: 4, delayed: 0, active: 0 });
    const { implementation, texts } = keepDiary();
    queues.work([implementation], { concurrency: 1 });
    await expect.poll(texts, soon).toEqual(['first', 'second', 'polite', 'and so']);
  });

  it('takes a job out, and minds nothing where there is none', async () => {
    const queues = await openOne();
    await queues.add(note, { text: 'later' }, { id: 'taken-out', delayMs: DAY_MS });
    await queues.remove(note, 'taken-out');
    await queues.remove(note, 'taken-out');
    expect(await queues.depth(note)).toEqual({ waiting: 0, delayed: 0, active: 0 });
    await queues.add(note, { text: 'anew' }, now('taken-out'));
    const { implementation, texts } = keepDiary();
    queues.work([implementation], { concurrency: 1 });
    await expect.poll(texts, soon).toEqual(['anew']);
  });

  it('adds many in chunks and leaves nothing behind', async () => {
    const queues = await openOne();
    const { implementation, done } = keepDiary();
    queues.work([implementation], { concurrency: 8 });
    await queues.addMany(
      note,
      Array.from({ length: 1200 }, (_, index) => ({ ...now(), payload: { text: `${index}` } })),
    );
    await expect.poll(() => done.length, soon).toBe(1200);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1200);
    if (kind === 'redis') return;
    const rows = () =>
      onServer(store.options.database, async (sql) => {
        const [row] = await sql`
          select (select count(*)::int from lull_queue.job) as jobs,
            (select count(*) < 1000 from lull_queue.event where queue = 'note') as has_few_events`;
        return row;
      });
    await expect.poll(rows, soon).toEqual({ jobs: 0, has_few_events: true });
  });

  it('drops a malformed payload and goes on', async () => {
    const queues = await openOne();
    const { implementation, texts } = keepDiary();
    queues.work([implementation], { concurrency: 1 });
    await queues.add(note, { text: 5 } as unknown as { text: string }, now('malformed'));
    await queues.add(note, { text: 'well formed' }, now());
    await expect.poll(texts, soon).toEqual(['well formed']);
    expect(store.logged()).toMatch(/"jobId":"malformed".*a malformed job was dropped/);
    await queues.add(note, { text: 'mended' }, now('malformed'));
    await expect.poll(texts, soon).toEqual(['well formed', 'mended']);
  });

  it('keeps a job for 90 days and runs shorter ones on time meanwhile', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error) => warnings.push(warning);
    process.on('warning', listener);
    const queues = await openOne();
    const { implementation, texts } = keepDiary();
    await queues.add(note, { text: 'in 90 days' }, { id: 'in-90-days', delayMs: 90 * DAY_MS });
    queues.work([implementation], { concurrency: 1 });
    await queues.add(note, { text: 'shorter' }, { id: 'shorter', delayMs: 200 });
    await expect.poll(texts, soon).toEqual(['shorter']);
    process.off('warning', listener);
    expect(warnings).toEqual([]);
  });

  it('lets a running job finish when it closes, and takes no other', async () => {
    const queues = await openOne();
    const finish = Promise.withResolvers<void>();
    const crew = keepDiary(() => finish.promise);
    const working = queues.work([crew.implementation], { concurrency: 1 });
    await queues.add(note, { text: 'running' }, now());
    await queues.add(note, { text: 'waiting' }, now());
    await expect.poll(crew.texts, soon).toEqual(['running']);
    let isClosed = false;
    const closing = working.close().then(() => {
      isClosed = true;
    });
    await queues.ping();
    expect(isClosed).toBe(false);
    finish.resolve();
    await closing;
    expect(crew.texts()).toEqual(['running']);
  });

  it('does not keep the process alive once closed', async () => {
    const { redisUrl, database } = store.options;
    const script = `
      import { pino } from 'pino';
      import { z } from 'zod';
      import { openFanout } from './src/jobs/fanout.ts';
      import { defineJob, implementJob } from './src/jobs/job.ts';
      import { openQueues } from './src/jobs/queues.ts';
      const options = { ...${JSON.stringify({ redisUrl, database })}, log: pino({ level: 'silent' }) };
      const queues = await openQueues(options);
      const fanout = await openFanout(options);
      const ran = Promise.withResolvers();
      const job = defineJob({ name: 'short-lived', schema: z.object({}) });
      queues.work([implementJob(job, async () => ran.resolve())], { concurrency: 1 });
      await queues.add(job, {}, { id: 'only-one', delayMs: 50 });
      await ran.promise;
      await fanout.close();
      await queues.close();
      console.log('closed');`;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module-typescript', '--eval', script],
      { timeout: 60_000 },
    );
    expect(stdout).toBe('closed\n');
    expect(stderr).toBe('');
  });

  it.runIf(kind === 'postgres')('takes at most 4 connections, however many kinds of jobs', async () => {
    const queues = await openOne();
    const kinds = Array.from({ length: 8 }, (_, index) =>
      defineJob({ name: `kind-${index}`, schema: z.object({}) }),
    );
    let done = 0;
    queues.work(
      kinds.map((job) => implementJob(job, async () => void done++)),
      { concurrency: 4 },
    );
    await Promise.all(kinds.map((job) => queues.add(job, {}, now())));
    await expect.poll(() => done, soon).toBe(kinds.length);
    const count = await onServer(store.options.database, async (sql) => {
      const [row] = await sql<[{ count: number }]>`
        select count(*)::int as count from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`;
      return row.count;
    });
    expect(count).toBeGreaterThanOrEqual(2);
    expect(count).toBeLessThanOrEqual(4);
  });
});
