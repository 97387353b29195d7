import { Temporal } from 'temporal-polyfill';
import { BOUNDS } from '../bounds.ts';
import { RESETTING } from '../conversation/activity.ts';
import { canonicalWords } from '../conversation/canonical-words.ts';
import type { OpenStatus } from '../conversation/conversation.ts';
import { InvalidInputError, OutOfBoundsError } from '../errors.ts';
import { isStorable } from '../text.ts';
import { checkBounds, formatDuration, parseDuration, toMilliseconds } from '../time/duration.ts';
import type { Bounds, ChannelRules } from './channel-rules.ts';
import {
  boundsOf,
  type CloseMessage,
  DURATION_FIELDS,
  type DurationField,
  type LayerScope,
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

const MAX = {
  closeMessage: BOUNDS.closeMessage.max,
  locales: BOUNDS.closeMessages.max,
  locale: BOUNDS.locale.max,
  tag: BOUNDS.tag.max,
  words: BOUNDS.optOutWords.max,
  word: BOUNDS.optOutWord.max,
};
/**
 * The shortest time of a reminder before the close (PE-2), whatever the profile's bounds of the close are.
 */
const LEAST_WARNING = Temporal.Duration.from('PT1M');
const setOf =
  (read: Read, max: number): Read =>
  (value, field) => [...new Set(listOf(read, max)(value, field) as unknown[])];
const shortText =
  (max: number): Read =>
  (value, field) => {
    if (typeof value !== 'string' || value.trim() === '' || value.length > max || !isStorable(value))
      throw new InvalidInputError(
        field,
        `a text of 1 to ${max} characters, without NUL and well formed, is allowed`,
      );
    return value;
  };
const word: Read = (value, field) => (shortText(MAX.word)(value, field) as string).trim();
/** A BCP 47 language tag in its usual spelling: `pt-BR`. */
const locale: Read = (value, field) => {
  try {
    const [canonical] = typeof value === 'string' ? Intl.getCanonicalLocales(value) : [];
    if (canonical !== undefined && canonical.length <= MAX.locale) return canonical;
  } catch {
    // Not a language tag.
  }
  throw new InvalidInputError(
    field,
    `a language tag such as en or pt-BR, of at most ${MAX.locale} characters, is allowed, or null`,
  );
};
const closeMessages: Read = (value, field) => {
  const read: Read = (item, at) => {
    if (typeof item !== 'object' || item === null)
      throw new InvalidInputError(at, 'a locale and a text are allowed');
    const { locale: language = null, text: said } = item as { locale?: unknown; text?: unknown };
    return {
      locale: orNull(locale)(language, `${at}.locale`),
      text: shortText(MAX.closeMessage)(said, `${at}.text`),
    };
  };
  const messages = listOf(read, MAX.locales)(value, field) as CloseMessage[];
  for (const [index, each] of messages.entries())
    if (messages.findIndex((other) => other.locale === each.locale) < index)
      throw new InvalidInputError(`${field}[${index}].locale`, 'each language once is allowed');
  return messages;
};

/** How each policy field is parsed. */
const READERS: Readonly<Record<PolicyField, Read>> = {
  autoClose: flag,
  autoCloseAfter: duration,
  autoCloseStatuses: listOf(oneOf('NEW', 'WAITING', 'ACTIVE', 'INACTIVE' satisfies OpenStatus), 4),
  autoCloseAwaiting: oneOf('CONSUMER', 'ANYBODY'),
  autoCloseCaseStatuses: orNull(listOf(text, BOUNDS.caseStatuses.max)),
  autoCloseThen: oneOf('END', 'HOLD', 'TO_QUEUE'),
  remindBefore: listOf(duration, BOUNDS.reminders.max),
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
  resetOn: setOf(oneOf(...RESETTING), RESETTING.length),
  closeMessages,
  tagOnClose: orNull(shortText(MAX.tag)),
  optOutWords: listOf(word, MAX.words),
  sessionLongevity: flag,
  agentMessageWhenInactive: oneOf('REACTIVATE', 'NEW_CONVERSATION'),
  statusBasedCapacity: flag,
  manualInactivation: flag,
};

/**
 * Parses policy fields, from a caller or from the database; durations are ISO 8601 texts.
 * @throws InvalidInputError naming the field and its allowed values, or an unknown field
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

/** The JSON form of policy fields; the inverse of `parsePolicyFields`. */
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
 * The errors in fields of a layer: by the profile's bounds and fixed fields and, if the layer names a channel, by
 * the adapter's bounds. Each names its field and the allowed values.
 */
export function violationsIn(
  fields: PolicyFields,
  scope: LayerScope,
  profile: Profile,
  channel: ChannelRules | null,
): (InvalidInputError | OutOfBoundsError)[] {
  const found: (InvalidInputError | OutOfBoundsError)[] = [];
  const given = Object.keys(fields) as PolicyField[];
  for (const field of given) {
    const scopes = profile.scopes[field];
    if (profile.fixed.includes(field))
      found.push(new InvalidInputError(field, `profile ${profile.id} lets nobody set it`));
    else if (scopes && !scopes.includes(scope))
      found.push(
        new InvalidInputError(
          field,
          `profile ${profile.id} has it set on ${PLACES[scopes[0] ?? scope]} alone`,
        ),
      );
  }
  for (const field of Object.keys(DURATION_FIELDS) as DurationField[]) {
    const value = fields[field];
    if (value === undefined) continue;
    const timer = DURATION_FIELDS[field];
    if (timer !== null && channel?.bounds[timer] === null)
      found.push(new InvalidInputError(field, `this channel has no ${timer}: nothing is allowed`));
    else found.push(...outOf(boundsOf(field, profile, channel), value, field));
  }
  for (const field of Object.keys(SWITCHES) as SwitchField[])
    for (const timer of SWITCHES[field])
      if (fields[field] && channel?.bounds[timer] === null)
        found.push(new InvalidInputError(field, `this channel has no ${timer}: only false is allowed`));
  for (const [index, before] of (fields.remindBefore ?? []).entries())
    found.push(
      ...outOf({ ...profile.bounds.autoCloseAfter, min: LEAST_WARNING }, before, `remindBefore[${index}]`),
    );
  const limit = channel?.textLimits.closeMessage ?? MAX.closeMessage;
  for (const [index, { text: said }] of (fields.closeMessages ?? []).entries())
    if (said.length > limit)
      found.push(
        new InvalidInputError(`closeMessages[${index}].text`, `at most ${limit} characters are allowed here`),
      );
  return found;
}

/**
 * Checks the fields of a layer.
 * @throws OutOfBoundsError with field, min and max (LP-5); InvalidInputError for a status that the channel does
 * not have (SF-2), or a field that the profile fixes or allows only in other layers
 */
export function checkPolicyFields(
  fields: PolicyFields,
  scope: LayerScope,
  profile: Profile,
  channel: ChannelRules | null,
): void {
  checkWords(fields.optOutWords ?? []);
  const [first] = violationsIn(fields, scope, profile, channel);
  if (first) throw first;
}

/** Opt-out words are compared in their canonical form, so duplicates are found in it too (PE-12). */
function checkWords(words: readonly string[]): void {
  const seen = new Map<string, number>();
  for (const [index, said] of words.entries()) {
    const field = `optOutWords[${index}]`;
    const canonical = canonicalWords(said);
    if (canonical === '') throw new InvalidInputError(field, 'a word with a letter or a digit is allowed');
    const same = seen.get(canonical);
    if (same !== undefined)
      throw new InvalidInputError(
        field,
        `each word once is allowed; without case, space, punctuation and emoji it is optOutWords[${same}] again`,
      );
    seen.set(canonical, index);
  }
}

const PLACES: Readonly<Record<LayerScope, string>> = {
  ACCOUNT: 'the account',
  CHANNEL: 'a channel',
  SKILL: 'a skill',
  CHANNEL_AND_SKILL: 'a skill of a channel',
};

function outOf(bounds: Bounds, value: Temporal.Duration, field: string): OutOfBoundsError[] {
  try {
    checkBounds(value, bounds, field);
    return [];
  } catch (error) {
    if (error instanceof OutOfBoundsError) return [error];
    throw error;
  }
}
