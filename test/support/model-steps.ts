import fc from 'fast-check';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { DAY, HOUR, MINUTE } from './engine.ts';
import type { ModelActivity } from './model.ts';
import type { LayerChange, PolicySwitch } from './model-policy.ts';
import type { Trouble, World } from './model-world.ts';

/** What may come to an account; agents, skills and activities by name, for ids differ from world to world. */
export type Step =
  | { do: 'REPORT'; reports: Report[]; trouble: Trouble | null }
  | { do: 'POLICY'; skill: Skill | null; change: LayerChange; trouble: Trouble | null }
  /** A switch is put off, if it was not, and on: clocks from before do not count (SP-6). */
  | { do: 'SWITCH_ON'; field: PolicySwitch }
  /** Time passes, and nobody wakes. */
  | { do: 'WAIT'; ms: number }
  | { do: 'WAIT_FOR_DUE'; atMostMs: number; pick: number; offsetMs: number; thenDrain: boolean }
  /** Time passes, and every wake comes in time. */
  | { do: 'RUN'; ms: number }
  | { do: 'ALARM'; pick: number; how: 'DELIVER' | 'TWICE' | 'KEEP' | 'DROP'; trouble: Trouble | null }
  | { do: 'RECONCILE'; trouble: Trouble | null }
  | { do: 'DRAIN' };
/** `again`: one that was reported before, as a provider redelivers. */
type Report = { contact: number; what: What; ageMs: number } | { again: number };
type Agent = 'ann' | 'bob';
type Skill = 'sales' | 'care';
type What =
  | { kind: 'INBOUND'; skill: Skill | null }
  | { kind: 'OUTBOUND'; skill: Skill | null; agent: Agent }
  | { kind: 'AUTOMATION' | 'COMMENT' | 'TO_QUEUE' | 'RELEASE' | 'INACTIVATE' | 'END' | 'REOPEN' }
  | { kind: 'ASSIGN'; agent: Agent }
  | { kind: 'SKILL'; skill: Skill | null }
  | { kind: 'PROMISE'; given: boolean }
  | { kind: 'HOLD'; forMs: number | null };

const among = <const T>(...values: T[]) => fc.constantFrom(...values);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
/** Most often one of these. */
const mostly = (values: number[], min: number, max: number) =>
  fc.oneof(often(5, among(...values)), often(1, fc.integer({ min, max })));

const agent = among('ann', 'ann', 'bob');
const skill = fc.option(among('sales', 'care'), { freq: 1 });
const what: fc.Arbitrary<What> = fc.oneof(
  often(7, fc.record({ kind: among('INBOUND'), skill })),
  often(8, fc.record({ kind: among('OUTBOUND'), skill, agent })),
  often(2, fc.record({ kind: among('AUTOMATION', 'COMMENT', 'TO_QUEUE') })),
  often(4, fc.record({ kind: among('RELEASE', 'INACTIVATE', 'END', 'REOPEN') })),
  often(1, fc.record({ kind: among('ASSIGN'), agent })),
  often(1, fc.record({ kind: among('SKILL'), skill })),
  often(1, fc.record({ kind: among('PROMISE'), given: fc.boolean() })),
  often(3, fc.record({ kind: among('HOLD'), forMs: fc.option(mostly([1, MINUTE, HOUR], 1, DAY)) })),
);
const contact = among(0, 0, 1);
const ageMs = fc.oneof(
  often(3, among(0)),
  often(1, mostly([1, 9_999, 10_001, 45_000, 2 * MINUTE], -MINUTE, 20 * MINUTE)),
);
const report: fc.Arbitrary<Report> = fc.oneof(
  often(8, fc.record({ contact, what, ageMs })),
  often(1, fc.record({ again: fc.nat(1000) })),
);
const reports = fc.array(report, { minLength: 1, maxLength: 3 });
const trouble: fc.Arbitrary<Trouble | null> = fc.option(
  fc.record({
    at: fc.integer({ min: 1, max: 14 }),
    how: among('BEFORE', 'AFTER', 'KILLED'),
    restart: fc.boolean(),
  }),
  { freq: 3 },
);

const threshold = mostly([MINUTE, 10 * MINUTE, 10 * MINUTE + 1, 2 * HOUR, DAY, 90 * DAY], MINUTE, 90 * DAY);
const after = fc.option(threshold, { freq: 8 });
const isOn = fc.option(among(true, true, false), { freq: 6 });
const change: fc.Arbitrary<LayerChange> = fc.record(
  {
    autoClose: isOn,
    autoCloseAfterMs: after,
    inactivate: isOn,
    inactivateAfterMs: after,
    endInactive: isOn,
    endInactiveAfterMs: after,
    endUnanswered: isOn,
    endUnansweredAfterMs: after,
    reopenWithinMs: fc.option(mostly([0, MINUTE, HOUR, 4 * DAY], 0, 30 * DAY), { freq: 8 }),
  },
  { requiredKeys: [] },
);

/** A policy to begin with, under which much happens within the hour. */
export const lively: fc.Arbitrary<LayerChange> = fc.record({
  autoCloseAfterMs: threshold,
  inactivate: among(true, true, false),
  inactivateAfterMs: among(MINUTE, 10 * MINUTE),
  endInactiveAfterMs: among(MINUTE, 10 * MINUTE),
  endUnansweredAfterMs: among(10 * MINUTE, 2 * DAY),
});

export const step: fc.Arbitrary<Step> = fc.oneof(
  often(12, fc.record({ do: among('REPORT'), reports, trouble })),
  often(2, fc.record({ do: among('POLICY'), skill, change, trouble })),
  often(
    1,
    fc.record({
      do: among('SWITCH_ON'),
      field: among('autoClose', 'inactivate', 'endInactive', 'endUnanswered'),
    }),
  ),
  often(2, fc.record({ do: among('WAIT'), ms: mostly([1, 99, 15_000, MINUTE], 0, 40 * DAY) })),
  often(
    6,
    fc.record({
      do: among('WAIT_FOR_DUE'),
      atMostMs: among(HOUR, HOUR, 3 * DAY, 91 * DAY),
      pick: among(0, 0, 1),
      offsetMs: among(-1, 0, 0, 1),
      thenDrain: fc.boolean(),
    }),
  ),
  often(2, fc.record({ do: among('RUN'), ms: mostly([MINUTE, 10 * MINUTE, 2 * HOUR], 0, 91 * DAY) })),
  often(
    5,
    fc.record({
      do: among('ALARM'),
      pick: fc.nat(20),
      how: among('DELIVER', 'TWICE', 'KEEP', 'DROP'),
      trouble,
    }),
  ),
  often(1, fc.record({ do: among('RECONCILE'), trouble })),
  often(1, fc.record({ do: among('DRAIN') })),
);

/** Takes a step in a world. `sent`: what was reported until now, which grows. */
export async function take(world: World, step: Step, sent: ModelActivity[]): Promise<void> {
  switch (step.do) {
    case 'REPORT':
      return await world.report(activitiesOf(step.reports, world, sent), step.trouble);
    case 'POLICY':
      return await world.setPolicy(step.skill && world.ids[step.skill], step.change, step.trouble);
    case 'SWITCH_ON':
      await world.setPolicy(null, { [step.field]: false }, null);
      return await world.setPolicy(null, { [step.field]: true }, null);
    case 'WAIT':
      return world.advance(step.ms);
    case 'WAIT_FOR_DUE': {
      const dues = world.dues().sort((a, b) => a - b);
      const ms = (dues[step.pick] ?? dues[0] ?? 0) + step.offsetMs - world.nowMs();
      if (ms > 0 && ms <= step.atMostMs) world.advance(ms);
      return step.thenDrain ? await world.drain() : undefined;
    }
    case 'RUN':
      return await world.run(step.ms);
    case 'ALARM':
      return await world.deliver(step.pick, step.how, step.trouble);
    case 'RECONCILE':
      return await world.reconcile(step.trouble);
    case 'DRAIN':
      return await world.drain();
  }
}

function activitiesOf(reports: readonly Report[], world: World, sent: ModelActivity[]): ModelActivity[] {
  const activities: ModelActivity[] = [];
  for (const report of reports) {
    if ('what' in report)
      sent.push({
        address: `contact ${report.contact}`,
        action: actionOf(report.what, world),
        at: world.nowMs() - report.ageMs,
        messageId: `message ${sent.length}`,
      });
    const activity = 'what' in report ? sent.at(-1) : sent[report.again % sent.length];
    if (activity) activities.push(activity);
  }
  return activities;
}

function actionOf(what: What, { ids, nowMs }: World): Action {
  switch (what.kind) {
    case 'INBOUND':
      return { kind: 'INBOUND', skillId: what.skill && ids[what.skill] };
    case 'OUTBOUND': {
      const skillId = what.skill && ids[what.skill];
      return { kind: 'OUTBOUND', sender: 'AGENT', agentId: ids[what.agent], skillId };
    }
    case 'AUTOMATION':
      return { kind: 'OUTBOUND', sender: 'AUTOMATION' };
    case 'ASSIGN':
      return { kind: 'ASSIGN', agentId: ids[what.agent] };
    case 'SKILL':
      return { kind: 'SKILL', skillId: what.skill && ids[what.skill] };
    case 'PROMISE':
      return { kind: 'MANUAL_RESPONSE_TIME', responseAt: what.given ? new Date(nowMs() + HOUR) : null };
    case 'HOLD':
      return { kind: 'HOLD', until: what.forMs === null ? null : new Date(nowMs() + what.forMs) };
    case 'END':
      return { kind: 'END', by: 'AGENT' };
    default:
      return { kind: what.kind };
  }
}
