import type { Alarm } from './db/rows/lanes.ts';
import type { AfterCommit, Caused, Changed } from './engine.ts';
import type { Log } from './log.ts';

declare const neverRejects: unique symbol;

/** A promise that never rejects. Only `infallible` makes one, so the type shows that a step after a commit cannot throw. */
export type Infallible = Promise<void> & { readonly [neverRejects]: true };

/** The steps after a commit. Each of them may lose its work, logs it, and leaves it to the reconciler. */
export type AfterCommitSteps = {
  /** Puts alarms into the queue. */
  scheduleWakes(alarms: readonly Alarm[]): Infallible;
  /** Tells the sender that the outbox holds something new. */
  nudgeSender(): Infallible;
  /** Publishes changed conversations to subscribers. */
  publish(changed: Changed): Infallible;
  /** Enqueues the job that schedules all lanes of an account. */
  scheduleAccount(accountId: string, version: number): Infallible;
};

/** Runs a step after a commit. An error is logged with `fields` and `message`; it never reaches the caller. */
export function infallible(
  log: Pick<Log, 'warn'>,
  message: string,
  step: () => Promise<unknown> | undefined,
  fields: object = {},
): Infallible {
  const run = async () => {
    try {
      await step();
    } catch (error) {
      log.warn({ ...fields, err: error }, message);
    }
  };
  return run() as Infallible;
}

/**
 * Routes what flows cause: alarms into the queue, messages to the sender, changes to subscribers, new rules to the job that
 * schedules lanes. Nothing here can fail the call that caused it, since its transaction has committed.
 */
export function openAfterCommit(steps: AfterCommitSteps): AfterCommit {
  return async (flow) => {
    const { result, caused } = await flow;
    await route(steps, caused);
    return result;
  };
}

function route(
  { scheduleWakes, nudgeSender, publish, scheduleAccount }: AfterCommitSteps,
  { alarms = [], owes = false, changed, newRules }: Caused,
): Promise<unknown> | undefined {
  const steps: Infallible[] = [];
  if (alarms.length > 0) steps.push(scheduleWakes(alarms));
  if (owes) steps.push(nudgeSender());
  if (changed !== undefined && changed.conversationIds.length > 0) steps.push(publish(changed));
  if (newRules !== undefined) steps.push(scheduleAccount(newRules.accountId, newRules.version));
  return steps.length === 0 ? undefined : Promise.all(steps);
}
