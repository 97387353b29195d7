import type { z } from 'zod';
import type { Log } from '../log.ts';

/** A kind of job: the name of its queue and the schema of its payload. */
export type Job<Schema extends z.ZodObject = z.ZodObject> = { name: string; schema: Schema };

/** The context of one run. `log` adds the job's name and id to every line. */
type JobContext = { id: string; log: Log };

/** A job with its handler. `run` takes an unparsed payload and never rejects. */
export type JobImplementation = {
  job: Job;
  run(payload: unknown, context: JobContext): Promise<void>;
};

/**
 * Defines a job. The name consists of lower-case letters, digits and dashes, and names the queue. The payload is a JSON
 * object, with instants as milliseconds or ISO text.
 */
export function defineJob<Schema extends z.ZodObject>(job: Job<Schema>): Job<Schema> {
  if (!/^[a-z][a-z0-9-]*$/.test(job.name))
    throw new TypeError(`a job's name has only a-z, 0-9 and dashes, not: ${job.name}`);
  return job;
}

/**
 * Implements a job. A malformed payload or an error is logged, and the job is gone: its work is recorded in the database,
 * where the reconciler finds it.
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
