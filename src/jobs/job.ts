import type { z } from 'zod';
import type { Log } from '../log.ts';

/** A kind of work: the name of its queue and the form of its payload. It carries no code, so that any file may add one. */
export type Job<Schema extends z.ZodObject = z.ZodObject> = { name: string; schema: Schema };

/** What a handler is told besides its payload. `log` names the job and its id on every line. */
export type JobContext = { id: string; log: Log };

/** A job with the code that does it. `run` takes what came out of the queue and never rejects. */
export type JobImplementation = {
  job: Job;
  run(payload: unknown, context: JobContext): Promise<void>;
};

/**
 * Names a kind of work and the form of its payload: an object (Postgres would turn null into one) that survives JSON,
 * with instants as milliseconds or ISO text.
 * The name is lower case with dashes: it is the name of the queue.
 */
export function defineJob<Schema extends z.ZodObject>(job: Job<Schema>): Job<Schema> {
  if (!/^[a-z][a-z0-9-]*$/.test(job.name)) throw new TypeError(`not a name for a job: ${job.name}`);
  return job;
}

/**
 * Gives a job its handler. Jobs are nudges: whatever one was about is still in the database, and the reconciler
 * finds it there. So nothing is tried again here: a payload that does not parse, and an error in the handler,
 * are logged, and the job is gone.
 */
export function implementJob<Schema extends z.ZodObject>(
  job: Job<Schema>,
  handler: (payload: z.output<Schema>, context: JobContext) => Promise<void>,
): JobImplementation {
  return {
    job,
    async run(payload, context) {
      const parsed = job.schema.safeParse(payload);
      if (!parsed.success) {
        const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
        context.log.error({ issues }, 'a malformed job was dropped');
        return;
      }
      try {
        await handler(parsed.data, context);
      } catch (error) {
        context.log.error({ err: error }, 'a job failed');
      }
    },
  };
}
