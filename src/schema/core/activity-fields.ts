import type { Action, ActionKind } from '../../domain/conversation/activity.ts';

/** A field of `ActivityInput` that only some kinds allow. */
export type ActivityField = Exclude<FieldOf<Action>, 'kind' | 'reported'>;
type FieldOf<Each> = Each extends unknown ? keyof Each : never;

/**
 * How a kind uses a field. `nullable`: it must be given, and null is a value. `one of`: at least one of the fields marked so
 * must be given.
 */
type Use = 'required' | 'nullable' | 'one of' | 'optional';

const agentId = { agentId: 'optional' } as const;

/** The fields of each kind of activity: the table that checks inputs and describes them in the schema. */
export const FIELDS_OF: Readonly<Record<ActionKind, Partial<Record<ActivityField, Use>>>> = {
  INBOUND: {
    ...{ skillId: 'optional', clientVersion: 'optional', locale: 'optional' },
    ...{ text: 'optional', keyword: 'optional' },
  },
  OUTBOUND: { sender: 'required', skillId: 'optional', ...agentId },
  START: { by: 'required', skillId: 'optional', ...agentId },
  COMMENT: agentId,
  TAG: { add: 'one of', remove: 'one of', ...agentId },
  ASSIGN: { agentId: 'required' },
  SKILL: { skillId: 'nullable' },
  TO_QUEUE: {},
  CASE_STATUS: { caseStatus: 'nullable', ...agentId },
  READER_JOINED: agentId,
  TRANSCRIPT_VIEWED: agentId,
  RECEIPT: { of: 'required', state: 'required' },
  CLIENT: { clientVersion: 'one of', locale: 'one of' },
  MANUAL_RESPONSE_TIME: { responseAt: 'nullable', ...agentId },
  INACTIVATE: agentId,
  HOLD: { until: 'optional', ...agentId },
  RELEASE: agentId,
  END: { by: 'required', ...agentId },
  REOPEN: agentId,
};

/** The values of `by` that a kind allows. */
export const BY_OF: Partial<Record<ActionKind, readonly string[]>> = {
  START: ['AGENT', 'AUTOMATION'],
  END: ['CUSTOMER', 'AGENT', 'SUPERVISOR', 'BOT'],
};

const NOTES: Readonly<Record<Use, string>> = {
  required: ' (required)',
  nullable: ' (required; null removes it)',
  'one of': '',
  optional: ' (optional)',
};

/** The sentence of a kind's description that names its fields. */
export function describeFields(kind: ActionKind): string {
  const uses = Object.entries(FIELDS_OF[kind]);
  const oneOf = uses.filter(([, use]) => use === 'one of').map(([field]) => `\`${field}\``);
  const others = uses
    .filter(([, use]) => use !== 'one of')
    .map(([field, use]) => `\`${field}\`${NOTES[use]}`);
  const all = oneOf.length > 0 ? [`${oneOf.join(' or ')} (at least one required)`, ...others] : others;
  return all.length > 0 ? `Fields: ${all.join(', ')}.` : 'No further fields.';
}

/** The sentence of a field's description that names the kinds that allow it. */
export function describeKinds(field: ActivityField): string {
  const kinds = (isRequired: boolean) =>
    Object.entries(FIELDS_OF)
      .filter(([, uses]) => {
        const use = uses[field];
        return use !== undefined && (use === 'required' || use === 'nullable') === isRequired;
      })
      .map(([kind]) => kind)
      .join(', ');
  const [required, optional] = [kinds(true), kinds(false)];
  return [required && `Required for ${required}.`, optional && `Allowed for ${optional}.`]
    .filter(Boolean)
    .join(' ');
}
