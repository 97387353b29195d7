import { Temporal } from 'temporal-polyfill';
import { ACTIVITIES, resets } from '../src/domain/conversation/activity.ts';
import {
  DURATION_FIELDS,
  type DurationField,
  type PolicyField,
  type Profile,
} from '../src/domain/policy/policy.ts';
import { describeDuration, toMilliseconds } from '../src/domain/time/duration.ts';
import { table } from './markdown.ts';

/** Renders docs/profiles.md: the profiles side by side. */
export function profilesPage(profiles: readonly Profile[]): string {
  const head = profiles.map(({ id }) => id);
  const fields = Object.keys(profiles[0]?.defaults ?? {}) as PolicyField[];
  return `# Profiles

\`npm run generate\` writes this page from \`src/domain/policy/profiles.ts\`, and a test compares the two.

An account runs on one profile. The profile gives the default of each setting, its bounds, and the settings that cannot be changed.

- **LULL** offers every ability with the widest bounds. Use it unless you need the behaviour of another product.
- **LIVEPERSON** closes conversations that await the customer. Its threshold is always set; the default is 90 days. Nearly every
  change of a conversation counts as activity. An ended conversation is never reopened.
- **SALESFORCE** has sessions. On channels that switch it on, the customer's silence makes a session INACTIVE, and an INACTIVE
  session ends a day later. A message after the end starts a new session.
- **SPROUT** has cases. Closing is off until you switch it on, and does not depend on who is awaited. A customer who writes again
  within the reopen window reopens the case.

A new profile applies to every conversation at once. If a setting of yours does not fit it, nothing is changed and the answer lists
every such setting.

## Settings

The table shows the default of each setting. The range in brackets is the allowed range. *Fixed* settings cannot be changed. *Only*
names the layers in which a setting can be set. A channel can narrow the range; a value outside of it, even a fixed one, is then
moved to the nearest allowed value. A day is 24 hours. The API writes durations in ISO 8601: 25 minutes are \`PT25M\`.
\`Policy\` in [schema.graphql](../schema.graphql) describes each setting.

${table(
  ['setting', ...head],
  fields.map((field) => [`\`${field}\``, ...profiles.map((profile) => setting(field, profile))]),
)}

${exclusions(profiles)}

## What counts as activity

These activities restart the inactivity clock if \`resetOn\` is not set. Messages of customers and agents always restart it.

${table(
  ['activity', ...head],
  ACTIVITIES.map((activity) => [
    `\`${activity}\``,
    ...profiles.map(({ defaults }) => (resets(defaults.resetOn, activity) ? 'yes' : '–')),
  ]),
)}

## Rules that are not settings

Protection closes any open conversation after the given time without activity, even if it is held, exempt or awaits the agent. It
cannot be switched off. Sessions also depend on the channel: which kinds of session it has, and who may start one. The webhook
\`case_closed\` is sent for every end, or for all ends except those by a timer. \`conversation.ended\` is always sent.

${table(
  ['', ...head],
  [
    ['protection after', ...profiles.map(({ protectAfter }) => text(protectAfter))],
    ['sessions', ...profiles.map(({ sessions }) => text(sessions))],
    ['`case_closed` is sent for', ...profiles.map(({ caseClosedOn }) => `\`${caseClosedOn}\``)],
  ],
)}
`;
}

/** The default, what else may be set, and where, if not everywhere. */
function setting(field: PolicyField, { defaults, bounds, fixed, scopes }: Profile): string {
  const limits = isDuration(field) ? bounds[field] : null;
  const isFixed =
    fixed.includes(field) || (limits && toMilliseconds(limits.min) === toMilliseconds(limits.max));
  const shown = text(defaults[field]);
  if (isFixed) return `${shown}, fixed`;
  const range = limits ? ` (${text(limits.min)} to ${text(limits.max)})` : '';
  const places = scopes[field]?.map((scope) => scope.toLowerCase().replaceAll('_', ' ')).join(', ');
  return `${shown}${range}${places ? `; ${places} only` : ''}`;
}

function isDuration(field: PolicyField): field is DurationField {
  return Object.hasOwn(DURATION_FIELDS, field);
}

/** The switches that cannot both be on, a line for each pair. */
function exclusions(profiles: readonly Profile[]): string {
  const lines = profiles.flatMap(({ id, excludes }) =>
    excludes.map(([one, other]) => `- ${id}: \`${one}\` and \`${other}\``),
  );
  return lines.length === 0
    ? 'Any two settings can be combined.'
    : `These settings cannot both be on:\n\n${lines.join('\n')}`;
}

function text(value: unknown): string {
  if (value instanceof Temporal.Duration) return describeDuration(value);
  if (Array.isArray(value)) return value.map(text).join(', ') || 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (value === null) return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
