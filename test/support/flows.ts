import * as carryOutFlow from '../../src/delivery/carry-out.ts';
import type { EffectHandlers } from '../../src/delivery/effect-result.ts';
import { openSender as openOutboxSender } from '../../src/delivery/outbox-sender.ts';
import * as resumeSendingFlow from '../../src/delivery/resume-sending.ts';
import * as redeliverFlow from '../../src/delivery/webhooks/redeliver.ts';
import type { Activity, Causing, ServiceDeps } from '../../src/engine.ts';
import * as recordActivitiesFlow from '../../src/ingest/record-activities.ts';
import * as recordOnceFlow from '../../src/ingest/record-once.ts';
import type { Log } from '../../src/log.ts';
import * as calendarsFlow from '../../src/rules/calendars.ts';
import * as changeRulesFlow from '../../src/rules/change-rules.ts';
import * as channelsFlow from '../../src/rules/channels.ts';
import * as endpointsFlow from '../../src/rules/endpoints.ts';
import * as ensureChannelFlow from '../../src/rules/ensure-channel.ts';
import * as exemptTagsFlow from '../../src/rules/exempt-tags.ts';
import * as exemptionBackfillFlow from '../../src/rules/exemption-backfill.ts';
import * as outagesFlow from '../../src/rules/outages.ts';
import * as setPolicyFlow from '../../src/rules/set-policy.ts';
import * as setProfileFlow from '../../src/rules/set-profile.ts';
import * as scheduleAccountFlow from '../../src/wake/schedule-account.ts';
import * as wakeLaneFlow from '../../src/wake/wake-lane.ts';

/** A flow as a service runs it: what it caused is routed, and its result is returned. */
function routed<Deps, Rest extends unknown[], Result>(
  flow: (deps: Deps, ...rest: Rest) => Promise<Causing<Result>>,
) {
  return (deps: Deps & Pick<ServiceDeps, 'afterCommit'>, ...rest: Rest): Promise<Result> =>
    deps.afterCommit(flow(deps, ...rest));
}

export const ensureChannel = routed(ensureChannelFlow.ensureChannel);
export const setPolicy = routed(setPolicyFlow.setPolicy);
export const setProfile = routed(setProfileFlow.setProfile);
export const changeRules = routed(changeRulesFlow.changeRules);
export const setExemptTags = routed(exemptTagsFlow.setExemptTags);
export const recordOutage = routed(outagesFlow.recordOutage);
export const endOutage = routed(outagesFlow.endOutage);
export const updateCalendar = routed(calendarsFlow.updateCalendar);
export const setAccountCalendar = routed(calendarsFlow.setAccountCalendar);
export const updateChannel = routed(channelsFlow.updateChannel);
export const createEndpoint = routed(endpointsFlow.createEndpoint);
export const rotateSecret = routed(endpointsFlow.rotateSecret);
export const enableEndpoint = routed(endpointsFlow.enableEndpoint);
export const disableEndpoint = routed(endpointsFlow.disableEndpoint);
export const deleteEndpoint = routed(endpointsFlow.deleteEndpoint);
export const backfillStep = routed(exemptionBackfillFlow.backfillStep);
export const scheduleAccountWakes = routed(scheduleAccountFlow.scheduleAccountWakes);
export const sendTest = routed(redeliverFlow.sendTest);
export const redeliver = routed(redeliverFlow.redeliver);
export const resetChannelCircuit = routed(resumeSendingFlow.resetChannelCircuit);

export const recordOnce = routed(recordOnceFlow.recordOnce);

/** Records the activities of a timeline: each acts at its own instant, and timers act up to `until`. */
export const recordPlayed = (
  deps: ServiceDeps,
  accountId: string,
  activities: readonly Activity[],
  until: Date,
) =>
  deps.afterCommit(
    recordActivitiesFlow.recordInTransaction(deps, {
      ...{ accountId, activities, around: null, isBatch: false },
      mode: { kind: 'PLAYED', until },
    }),
  );

/** A sender that carries effects out as a worker does. */
export function openSender(
  deps: carryOutFlow.CarryOutDeps & Pick<ServiceDeps, 'afterCommit'>,
  handlers: EffectHandlers,
  log: Log,
) {
  return openOutboxSender(
    deps,
    (turn) => deps.afterCommit(carryOutFlow.carryOut(deps, handlers, turn, log)),
    log,
  );
}

/** Wakes a lane. @throws the error that stopped the wake */
export async function wakeLane(
  deps: Parameters<typeof wakeLaneFlow.wakeLane>[0] & Pick<ServiceDeps, 'afterCommit'>,
  waking: wakeLaneFlow.Waking,
): Promise<Exclude<wakeLaneFlow.WakeReport, { kind: 'failed' }>> {
  const report = await deps.afterCommit(wakeLaneFlow.wakeLane(deps, waking));
  if (report.kind === 'failed') throw report.error;
  return report;
}
