import { Temporal } from 'temporal-polyfill';
import type { ChannelRules } from './channel-rules.ts';
import type { OpenStatus } from './conversation.ts';
import { checkBounds, formatDuration, parseDuration, toMilliseconds } from './duration.ts';
import { InvalidInputError } from './errors.ts';
import {
  boundsOf,
  DURATION_FIELDS,
  type DurationField,
  type PolicyField,
  type PolicyFields,
  type Profile,
  SWITCHES,
  type SwitchField,
} from './policy.ts';

type Read = (value: unknown, field: string) => unknown;

const flag: Read = (value, field) => {
  if (typeof value !== 'boolean') throw new InvalidInputError(field, 'true or false is allowed');
  return value;
};
const duration: Read = (value, field) => {
  if (value instanceof Temporal.Duration) return value;
  if (typeof value !== 'string')
    throw new InvalidInputError(field, 'an ISO 8601 duration such as PT25M is allowed');
  return parseDuration(value, field);
};
const listOf =
  (read: Read, max: number): Read =>
  (value, field) => {
    if (!Array.isArray(value) || value.length > max)
      throw new InvalidInputError(field, `a list of at most ${max} is allowed`);
    return value.map((item, index) => read(item, `${field}[${index}]`));
  };
const oneOf =
  (...allowed: string[]): Read =>
  (value, field) => {
    if (typeof value !== 'string' || !allowed.includes(value))
      throw new InvalidInputError(field, `${allowed.join(', ')} is allowed`);
    return value;
  };
const text: Read = (value, field) => {
  if (typeof value !== 'string' || value === '')
    throw new InvalidInputError(field, 'a text that is not empty is allowed');
  return value;
};
const orNull =
  (read: Read): Read =>
  (value, field) =>
    value === null ? null : read(value, field);

/** How each field of a policy is read. */
const READERS: Readonly<Record<PolicyField, Read>> = {
  autoClose: flag,
  autoCloseAfter: duration,
  autoCloseStatuses: listOf(oneOf('NEW', 'WAITING', 'ACTIVE', 'INACTIVE' satisfies OpenStatus), 4),
  autoCloseAwaiting: oneOf('CONSUMER', 'ANYBODY'),
  autoCloseCaseStatuses: orNull(listOf(text, 100)),
  autoCloseThen: oneOf('END', 'HOLD'),
  remindBefore: listOf(duration, 3),
  inactivate: flag,
  inactivateAfter: duration,
  endInactive: flag,
  endInactiveAfter: duration,
  endUnanswered: flag,
  endUnansweredAfter: duration,
  queueTimeout: flag,
  queueTimeoutAfter: duration,
  queueTimeoutThen: oneOf('END', 'OVERFLOW'),
  overflowSkillId: orNull(text),
  reopenWithin: duration,
  exemptManualResponseTime: flag,
  botsAreAgents: flag,
};

/**
 * Reads what somebody wants to set, or what the database kept: durations as ISO 8601 texts.
 * @throws InvalidInputError naming the field and what it takes; an unknown field is named as such.
 */
export function parsePolicyFields(input: Readonly<Record<string, unknown>>): PolicyFields {
  const fields: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(input)) {
    if (!Object.hasOwn(READERS, field)) throw new InvalidInputError(field, 'no policy has such a field');
    fields[field] = READERS[field as PolicyField](value, field);
  }
  const { remindBefore } = fields as PolicyFields;
  if (remindBefore)
    fields.remindBefore = [...remindBefore].sort((a, b) => toMilliseconds(b) - toMilliseconds(a));
  return fields as PolicyFields;
}

/** The JSON form of policy fields; inverse of `parsePolicyFields`. */
export function formatPolicyFields(fields: PolicyFields): Record<string, unknown> {
  const format = (value: unknown): unknown =>
    value instanceof Temporal.Duration
      ? formatDuration(value)
      : Array.isArray(value)
        ? value.map(format)
        : value;
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, format(value)]));
}

/**
 * Holds fields against the profile's bounds and, where the layer names a channel, its adapter's.
 * @throws OutOfBoundsError with field, min and max (LP-5); InvalidInputError for a state the channel does not have.
 */
export function checkPolicyFields(
  fields: PolicyFields,
  profile: Profile,
  channel: ChannelRules | null,
): void {
  for (const field of Object.keys(DURATION_FIELDS) as DurationField[]) {
    const value = fields[field];
    if (value === undefined) continue;
    const timer = DURATION_FIELDS[field];
    if (timer !== null && channel?.bounds[timer] === null)
      throw new InvalidInputError(field, `this channel has no ${timer}: nothing is allowed`);
    checkBounds(value, boundsOf(field, profile, channel), field);
  }
  for (const field of Object.keys(SWITCHES) as SwitchField[])
    for (const timer of SWITCHES[field])
      if (fields[field] && channel?.bounds[timer] === null)
        throw new InvalidInputError(field, `this channel has no ${timer}: only false is allowed`);
  for (const [index, before] of (fields.remindBefore ?? []).entries())
    checkBounds(before, profile.bounds.autoCloseAfter, `remindBefore[${index}]`);
}
