import { expect } from 'vitest';
import { z } from 'zod';
import { defineJob, implementJob } from '../../src/jobs/job.ts';
import type { Queues, When } from '../../src/jobs/queues.ts';

/** The job of these tests. */
export const note = defineJob({ name: 'note', schema: z.object({ text: z.string() }) });

/** For `expect.poll`. */
export const soon = { timeout: 60_000, interval: 10 };

export type Diary = ReturnType<typeof keepDiary>;

/** A crew member that records its runs with the wall clock of this process. */
export function keepDiary(handle = async (_text: string) => {}) {
  const done: { text: string; at: number }[] = [];
  const implementation = implementJob(note, async ({ text }) => {
    done.push({ text, at: Date.now() });
    await handle(text);
  });
  return { implementation, texts: () => done.map(({ text }) => text), done };
}

let ids = 0;

/** Adds a job that runs as soon as possible, with a new id. */
export function now(id = `job-${++ids}`): When {
  return { id, delayMs: 0 };
}

/** Adds the same new text repeatedly until it is done. */
export async function expectToWork(queues: Queues, diary: Diary): Promise<void> {
  const text = `again-${++ids}`;
  await expect
    .poll(async () => {
      await queues.add(note, { text }, now()).catch(() => undefined);
      return diary.texts();
    }, soon)
    .toContain(text);
}
