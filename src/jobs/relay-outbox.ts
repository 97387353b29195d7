import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { OutboxSender } from '../delivery/outbox-sender.ts';
import type { Log } from '../log.ts';
import { defineJob, implementJob } from './job.ts';
import type { Queues } from './queues.ts';

/** A nudge: the outbox has something to send. What that is, stands in the outbox alone. */
export const relayOutbox = defineJob({ name: 'relay-outbox', schema: z.object({}) });

const MOMENT_MS = 100;

/**
 * Nudges the relay; a queue that is down is no matter, as the reconciler relays too. Nudges of one moment are one
 * job at its end, never one that is running already: that may have looked before there was anything to send.
 */
export async function nudgeSender(queues: Queues, clock: Clock, log: Log): Promise<void> {
  const now = clock.now().getTime();
  const moment = Math.floor(now / MOMENT_MS) + 1;
  try {
    await queues.add(relayOutbox, {}, { id: `relay-${moment}`, delayMs: moment * MOMENT_MS - now });
  } catch (error) {
    log.warn({ err: error }, 'the queue did not take a nudge; the reconciler will relay');
  }
}

/** Passes a nudge on to the sender of this process. A job waits for no send: one that hangs would hold up the next nudge. */
export const implementRelayOutbox = (sender: Pick<OutboxSender, 'kick'>) =>
  implementJob(relayOutbox, async () => sender.kick());
