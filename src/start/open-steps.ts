import { infallible, openAfterCommit } from '../after-commit.ts';
import type { Clock } from '../clock.ts';
import type { AfterCommit, Changed } from '../engine.ts';
import { openChangePublisher } from '../jobs/change-publisher.ts';
import type { Fanout } from '../jobs/fanout.ts';
import { scheduleWakes } from '../jobs/lane-wake.ts';
import type { Queues } from '../jobs/queues.ts';
import { nudgeSender } from '../jobs/relay-outbox.ts';
import { scheduleAccount } from '../jobs/schedule-account.ts';
import type { Log } from '../log.ts';

/** Opens the steps that run after a commit: they schedule wakes, nudge the sender, and publish the changes. */
export function openSteps(
  { queues, fanout, clock, log }: { queues: Queues; fanout: Fanout; clock: Clock; log: Log },
  closers: (() => Promise<void> | void)[],
): AfterCommit {
  const publisher = openChangePublisher((changed) => fanout.publish(topicOf(changed.accountId), changed));
  closers.push(() => publisher.close());
  return openAfterCommit({
    scheduleWakes: (alarms) => scheduleWakes(queues, clock, log, alarms),
    nudgeSender: () => nudgeSender(queues, clock, log),
    publish: (changed) =>
      infallible(log, 'changes were not published', async () => publisher.publish(changed)),
    scheduleAccount: (accountId, version) => scheduleAccount(queues, log, accountId, version),
  });
}

/** Calls the handler with an account's changed conversations, in whatever process they changed; best effort. */
export function subscribeToChanges(
  fanout: Fanout,
  accountId: string,
  handler: (changed: Changed) => void,
): Promise<() => Promise<void>> {
  return fanout.subscribe(topicOf(accountId), (message) => handler(message as Changed));
}

const topicOf = (accountId: string) => `changed.${accountId}`;
