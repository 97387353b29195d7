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

/** docs/profiles.md: the profiles side by side, for those who choose one and set policies within it. */
export function profilesPage(profiles: readonly Profile[]): string {
  const head = profiles.map(({ id }) => id);
  const fields = Object.keys(profiles[0]?.defaults ?? {}) as PolicyField[];
  return `# Profiles

Made from \`src/domain/policy/profiles.ts\` by \`npm run generate\`; a test holds it against that.

An account runs on one profile: it says how conversations behave where nothing is set, how far each setting may go,
and what cannot be set at all.

- **LULL** has everything, within the widest bounds. Take it unless you need what you know from elsewhere.
- **LIVEPERSON** closes conversations that await the customer after a time that is always set, 90 days if you say
  nothing. Nearly everything that changes about a conversation counts as activity. Nothing ended is reopened.
- **SALESFORCE** has sessions: where a channel switches it on, the customer's silence makes one INACTIVE, and an INACTIVE
  one ends the next day. Whoever writes after the end begins a new one.
- **SPROUT** has cases: closing is off until you switch it on, and then takes no account of who is awaited. A customer
  who writes again soon enough reopens the case.

Another profile takes effect at once, for every conversation. If something that you have set does not fit it, nothing is
changed, and you are told what does not fit.

## Settings

What holds where you set nothing, for the account, for a channel, for a skill or for a skill of a channel. In brackets,
the shortest and the longest that may be set. *Fixed*: nobody can set it to anything else. *Only*: it can be set there
and nowhere else. A channel can narrow what is allowed; a time from elsewhere, fixed ones too, is then moved to the
nearest that the channel has. A day is 24 hours; the API writes durations as ISO 8601 does, 25 minutes as \`PT25M\`.
[schema.graphql](../schema.graphql) says what each setting means, under \`Policy\`.

${table(
  ['setting', ...head],
  fields.map((field) => [`\`${field}\``, ...profiles.map((profile) => setting(field, profile))]),
)}

${exclusions(profiles)}

## What counts as activity

What moves the clock of inactivity where \`resetOn\` is not set. Messages of customers and agents always do.

${table(
  ['activity', ...head],
  ACTIVITIES.map((activity) => [
    `\`${activity}\``,
    ...profiles.map(({ defaults }) => (resets(defaults.resetOn, activity) ? 'yes' : '–')),
  ]),
)}

## What is not a setting

Protection closes any open conversation after so long without activity, whoever is awaited, held or exempt; nothing
switches it off. Sessions follow further rules of each channel: which of them it has, and who may begin one. The
notification \`case_closed\` tells of every end, or of all but those that a timer brought; \`conversation.ended\` always
goes out.

${table(
  ['', ...head],
  [
    ['protection after', ...profiles.map(({ protectAfter }) => text(protectAfter))],
    ['sessions', ...profiles.map(({ sessions }) => text(sessions))],
    ['`case_closed` tells of', ...profiles.map(({ caseClosedOn }) => `\`${caseClosedOn}\``)],
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
    ? 'No two settings exclude each other.'
    : `These cannot both be on:\n\n${lines.join('\n')}`;
}

function text(value: unknown): string {
  if (value instanceof Temporal.Duration) return describeDuration(value);
  if (Array.isArray(value)) return value.map(text).join(', ') || 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (value === null) return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
