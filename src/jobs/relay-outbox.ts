import { z } from 'zod';
import { type Infallible, infallible } from '../after-commit.ts';
import type { Clock } from '../clock.ts';
import type { OutboxSender } from '../delivery/outbox-sender.ts';
import type { Log } from '../log.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** Nudges the senders, because the outbox holds new effects. */
export const relayOutbox = defineJob({ name: 'relay-outbox', schema: z.object({}) });

const COALESCE_MS = 100;

/**
 * Enqueues a nudge. Nudges within 100 ms are coalesced into one job that runs after them, since a running job may have read
 * the outbox too early. If the queue is down, the reconciler starts the sender.
 */
export function nudgeSender(queues: Queues, clock: Clock, log: Log): Infallible {
  return infallible(log, 'the queue did not take a nudge; the reconciler starts the sender', () => {
    const now = clock.now().getTime();
    const moment = Math.floor(now / COALESCE_MS) + 1;
    return queues.add(relayOutbox, {}, { id: `relay-${moment}`, delayMs: moment * COALESCE_MS - now });
  });
}

/** Passes a nudge to the sender of this process, without waiting for its sends. */
export const implementRelayOutbox = (sender: Pick<OutboxSender, 'kick'>) =>
  implementJob(relayOutbox, async () => sender.kick());
