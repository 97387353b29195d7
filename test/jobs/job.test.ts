import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, implementJob } from '../../src/jobs/job.ts';
import { createLog } from '../../src/log.ts';

const greet = defineJob({
  name: 'greet',
  schema: z.object({ name: z.string().min(3), at: z.number().transform((at) => new Date(at)) }),
});

/** Runs the job once, and returns the arguments of its handler and the log. */
async function run(payload: unknown, handler = async (_payload: z.output<typeof greet.schema>) => {}) {
  const lines: string[] = [];
  const handled: unknown[] = [];
  const log = createLog({ logLevel: 'info' }, { write: (line) => lines.push(line) });
  const implementation = implementJob(greet, async (parsed, { id }) => {
    handled.push({ id, ...parsed });
    await handler(parsed);
  });
  await implementation.run(payload, { id: 'greet-ann', log: log.child({ jobId: 'greet-ann' }) });
  return { handled, logged: lines.map((line) => JSON.parse(line)) };
}

it('a handler gets the parsed payload and the id of its job', async () => {
  const { handled, logged } = await run({ name: 'ann', at: 5 });
  expect(handled).toEqual([{ id: 'greet-ann', name: 'ann', at: new Date(5) }]);
  expect(logged).toEqual([]);
});

it('a malformed payload is logged without its values, and never reaches the handler', async () => {
  const { handled, logged } = await run({ name: 'xy', at: 'private' });
  expect(handled).toEqual([]);
  expect(logged).toMatchObject([{ jobId: 'greet-ann', msg: 'a malformed job was dropped' }]);
  expect(logged[0].issues).toHaveLength(2);
  expect(JSON.stringify(logged)).not.toContain('private');
});

it('an error in a handler is logged and does not reject', async () => {
  const { logged } = await run({ name: 'ann', at: 5 }, async () => {
    throw new Error('out of words');
  });
  expect(logged).toMatchObject([
    { jobId: 'greet-ann', msg: 'a job failed', err: { message: 'out of words' } },
  ]);
});

it.each(['Greet', 'greet:all', '1st', ''])('%j is refused as the name of a job', (name) => {
  expect(() => defineJob({ name, schema: z.object({}) })).toThrow(TypeError);
});
