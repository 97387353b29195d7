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

/** Renders docs/rules.md from the tables that the code uses. */
export function rulesPage(): string {
  return `# Rules

\`npm run generate\` writes this page from the tables in \`src/domain\`, and a test compares the two.

## Status transitions

| entry | meaning |
|---|---|
| \`=\` | the status stays |
| \`WAITING_OR_ACTIVE\` | ACTIVE if an agent is assigned, otherwise WAITING |
| \`WAITING_OR_AGENT\` | WAITING; with status-based capacity it goes back to its agent (SF-7) |
| \`WHEN_INACTIVE\` | the policy field \`agentMessageWhenInactive\` decides |
| \`ARRIVAL\` | the rules for a message without an open conversation: it revokes an automatic end that came before its time, reopens, or starts a new conversation |
| \`RECORDED\` | the event is recorded and changes nothing else |
| \`ERROR\` | the activity is refused |

${table(
  ['', ...STATUSES],
  TRIGGERS.map((trigger) => [`\`${trigger}\``, ...STATUSES.map((status) => TRANSITIONS[trigger][status])]),
)}

REOPEN is the command. NOTE stands for activities that are only observed: comment, tag, case status, reader joined, transcript
viewed, receipt, client. SKILL_OR_PROMISE stands for changes of skill and manual response times.

## Timers that policies set

${table(
  ['timer', 'switched on by', 'clock', 'threshold'],
  TIMER_RULES.map((rule) => [
    `\`${rule.kind}\``,
    `\`${rule.switch}\``,
    `\`${rule.clock}\``,
    `\`${rule.field}\``,
  ]),
)}

There are two more timers: RELEASE_HOLD, for holds with an end, and PROTECT, which belongs to the profile and cannot be switched off.
If several timers are due, those that end the conversation act first. Held and exempt conversations have none of the timers above.

## Which activities restart the inactivity clock

${table(
  ['activity', ...profiles.map(({ id }) => id)],
  ACTIVITIES.map((activity) => [
    `\`${activity}\``,
    ...profiles.map(({ defaults }) => (resets(defaults.resetOn, activity) ? 'yes' : '–')),
  ]),
)}

## Order of arrival

A late activity is inserted at the place of its timestamp, and the conversation is recomputed from there. Status, who is awaited and
since when, clocks, tags, agent, skill and hold therefore do not depend on the order in which activities arrive, nor on how they
are grouped into calls. There are these exceptions:

- **Ends.** An end takes effect at once. Activities that were sent before it and arrive after it do not undo it, except a customer's
  reply to an automatic end (LL-2). Between a start or reopening and the next end, the order makes no difference.
- **Refusals.** A refused activity leaves no trace. It is not inserted later, even if an activity arrives that would have allowed it.
- **The same instant.** Activities with the same millisecond keep the order in which they arrived.
- **Former rules.** Activities recorded before the last change of rules keep their effect on the inactivity clock (LL-10). Actions of
  timers under former rules stay.
- **Available agents.** A reopened conversation goes to an agent who was available when the reopening was recorded (SP-7).
- **Lull's own actions.** \`statusSince\`, releases and manual reopenings have the time at which Lull acted.
- **A first message with a skill.** A message that was sent before it without a skill does not remove the skill.
- **Receipts with a timestamp before their message** that also arrive before it.
- **Very long conversations.** In a conversation with more than 20,000 events, late activities are applied when they arrive.

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
