import type { Engine } from '../app.ts';
import type { Config } from '../config.ts';
import { carryOut } from '../delivery/carry-out.ts';
import { deliverMessage } from '../delivery/deliver-message.ts';
import { openSender } from '../delivery/outbox-sender.ts';
import { sendLimit } from '../delivery/send-limit.ts';
import { sendWebhook } from '../delivery/webhooks/send-webhook.ts';
import { implementBackfill, resumeBackfills } from '../jobs/exemption-backfill.ts';
import { implementLaneWake } from '../jobs/lane-wake.ts';
import { startReconciler } from '../jobs/reconciler.ts';
import { implementRelayOutbox } from '../jobs/relay-outbox.ts';
import { startRetention } from '../jobs/retention.ts';
import { implementScheduleAccount } from '../jobs/schedule-account.ts';
import { disableUnwanted } from '../rules/endpoints.ts';

/** Lanes that a worker wakes at the same time. */
const WAKES_AT_ONCE = 4;

/** Starts to wake lanes and to send effects; returns the function that stops it. */
export function startWorker(
  { deps, queues, registry, vault, settings, fetchWithin, metrics, log }: Engine,
  {
    keepEnded,
    sendsPerSecond,
    allowPrivateWebhooks,
  }: Pick<Config, 'keepEnded' | 'sendsPerSecond' | 'allowPrivateWebhooks'>,
): { close(): Promise<void> } {
  const limit = sendLimit(sendsPerSecond);
  const handlers = {
    DELIVER_MESSAGE: deliverMessage({ ...deps, registry, settings, limit, fetchWithin }),
    SEND_WEBHOOK: sendWebhook({
      ...{ ...deps, vault, allowPrivateWebhooks },
      disableEndpoint: (accountId, endpointId) => disableUnwanted(deps, accountId, endpointId),
    }),
  };
  const sender = openSender(deps, (turn) => deps.afterCommit(carryOut(deps, handlers, turn, log)), log);
  metrics?.sending(sender.load);
  const implementations = [
    implementLaneWake(deps, queues),
    implementScheduleAccount(deps, queues),
    implementBackfill(deps, queues),
    implementRelayOutbox(sender),
  ];
  const crew = queues.work(implementations, { concurrency: WAKES_AT_ONCE });
  const reconciler = startReconciler(deps, log, async () => {
    sender.kick();
    await resumeBackfills(deps, queues, log);
  });
  const retention = startRetention(deps, keepEnded, log);
  return {
    async close() {
      void retention.stop();
      await Promise.all([reconciler.stop(), crew.close(), sender.close()]);
    },
  };
}
