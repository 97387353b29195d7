import { ACTIVITIES, resets } from '../src/domain/conversation/activity.ts';
import { STATUSES } from '../src/domain/conversation/conversation.ts';
import { TRANSITIONS, TRIGGERS } from '../src/domain/conversation/transitions.ts';
import type { DurationField, PolicyField } from '../src/domain/policy/policy.ts';
import { formatPolicyFields } from '../src/domain/policy/policy-fields.ts';
import { PROFILES } from '../src/domain/policy/profiles.ts';
import { formatDuration } from '../src/domain/time/duration.ts';
import { TIMER_RULES } from '../src/domain/time/timer-rules.ts';
import { table } from './markdown.ts';

const profiles = Object.values(PROFILES);

/** docs/rules.md, made from the tables that the code itself runs on. */
export function rulesPage(): string {
  return `# Rules

Made from the tables in \`src/domain\` by \`npm run generate\`; a test holds it against them.

## What moves a conversation between statuses

\`=\` it stays · \`WAITING_OR_ACTIVE\` ACTIVE if somebody is assigned · \`ARRIVAL\` the rules for a message without an
open conversation: it revokes an end that came too early, reopens, or begins a new one · \`RECORDED\` noted in the
feed, nothing else · \`ERROR\` refused.

${table(
  ['', ...STATUSES],
  TRIGGERS.map((trigger) => [`\`${trigger}\``, ...STATUSES.map((status) => TRANSITIONS[trigger][status])]),
)}

REOPEN is by hand. NOTE is what is only observed: comment, tag, case status, reader joined, transcript viewed, receipt,
client. SKILL_OR_PROMISE are changes of skill and manual response times.

## Timers that policies set

${table(
  ['timer', 'switched by', 'clock', 'time'],
  TIMER_RULES.map((rule) => [
    `\`${rule.kind}\``,
    `\`${rule.switch}\``,
    `\`${rule.clock}\``,
    `\`${rule.field}\``,
  ]),
)}

Besides: RELEASE_HOLD where a hold has an end, and PROTECT, the profile's own, which nothing switches off. Of timers due
at one time those that end go first. Lanes on hold or exempt have none of the timers above.

## Which activities move the clock of inactivity

${table(
  ['activity', ...profiles.map(({ id }) => id)],
  ACTIVITIES.map((activity) => [
    `\`${activity}\``,
    ...profiles.map(({ defaults }) => (resets(defaults.resetOn, activity) ? 'yes' : '–')),
  ]),
)}

## In whatever order activities arrive

An activity that comes late takes its place by its time, and the conversation is folded again from there. So what a set of
activities comes to (status, who is awaited and since when, clocks, tags, agent, skill, hold) does not depend on the order
in which they arrive, nor on the calls they come in. Not everything can be so; it is not for these:

- **An end, and what an ended conversation is told.** An end acts on the outside at once and is not undone by what was sent
  before it and arrives after it, but for a customer's reply to an automatic end (LL-2). Orders make no difference between
  a beginning or a reopening and the next end.
- **Refusals.** What is refused leaves no trace: it takes no place once what would have allowed it arrives.
- **One instant.** Activities of the same millisecond keep the order in which they arrived.
- **Other rules.** What was recorded before the last change of rules keeps its effect on the clock of inactivity (LL-10).
  Timers that acted under former rules stand.
- **Who was available.** Where a conversation reopened, its agent is whoever was available when that was recorded (SP-7).
- **When Lull acted.** \`statusSince\`, releases and reopenings by hand are stamped when Lull acts, not when they were sent.
- **A first message that names a skill.** A later one, sent before it and naming none, does not take the skill away.
- **Receipts that are stamped before their message** and arrive before it.
- **Very long conversations.** With more than 20,000 events, late activities are decided as they come.

## Profiles: defaults and bounds

${table(
  ['field', ...profiles.map(({ id }) => id)],
  [
    ...Object.keys(profiles[0]?.defaults ?? {}).map((field) => [
      `\`${field}\``,
      ...profiles.map(({ defaults, bounds }) =>
        value(field as PolicyField, formatPolicyFields(defaults)[field], bounds),
      ),
    ]),
    [
      'protection',
      ...profiles.map(({ protectAfter }) => (protectAfter ? formatDuration(protectAfter) : '–')),
    ],
  ],
)}
`;
}

function value(field: PolicyField, set: unknown, bounds: (typeof profiles)[number]['bounds']): string {
  const shown = Array.isArray(set) ? set.join(', ') || 'none' : set === null ? '–' : String(set);
  const limits = bounds[field as DurationField];
  return limits ? `${shown} (${formatDuration(limits.min)} – ${formatDuration(limits.max)})` : shown;
}
