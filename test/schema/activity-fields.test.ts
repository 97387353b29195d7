import { isEnumType, isInputObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ACTIONS, type ActionKind } from '../../src/domain/conversation/activity.ts';
import type { Activity } from '../../src/engine.ts';
import { type ActivityInput, readActivity } from '../../src/schema/conversation/activity-input.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { schema } from '../../src/schema/schema.ts';

type Input = typeof ActivityInput.$inferInput;

const UUID = '018f4a6e-0000-7000-8000-000000000001';
const conversationId = encodeId('Conversation', UUID);
/** A valid value for each field that only some kinds allow. */
const VALUES: Record<string, unknown> = {
  agentId: encodeId('Agent', UUID),
  skillId: encodeId('Skill', UUID),
  sender: 'BOT',
  by: 'AGENT',
  add: ['new'],
  remove: ['old'],
  caseStatus: 'open',
  of: 'm1',
  state: 'READ',
  clientVersion: '2.1',
  locale: 'en',
  text: 'Hello',
  keyword: 'HELP',
  responseAt: new Date('2026-03-02T13:00:00Z'),
  until: new Date('2026-03-02T13:00:00Z'),
};

/** How the description of a kind in the schema says that it uses its fields. */
function described(kind: ActionKind): {
  all: string[];
  required: string[];
  oneOf: string[];
  nullable: string[];
} {
  const type = schema.getType('ActivityKind');
  const text = (isEnumType(type) && type.getValue(kind)?.description) || '';
  const list = /Fields: (.*)\.$/.exec(text)?.[1] ?? '';
  const names = (pattern: RegExp) => [...list.matchAll(pattern)].map(([, name]) => name as string);
  const [oneOf] = /^(.*) \(at least one required\)/.exec(list)?.slice(1) ?? [''];
  return {
    all: names(/`(\w+)`/g),
    required: names(/`(\w+)` \(required/g),
    oneOf: [...(oneOf ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name as string),
    nullable: names(/`(\w+)` \(required; null/g),
  };
}

const read = (kind: ActionKind, fields: Record<string, unknown>): Activity =>
  readActivity({ kind, conversationId, ...fields } as Input);
const refusal = (kind: ActionKind, fields: Record<string, unknown>): unknown => {
  try {
    read(kind, fields);
    return null;
  } catch (error) {
    return error;
  }
};
const valuesOf = (fields: readonly string[]) =>
  Object.fromEntries(fields.map((name) => [name, VALUES[name]]));

describe.each(ACTIONS)('the schema describes the fields of %s as they are checked:', (kind) => {
  const { all, required, oneOf, nullable } = described(kind);
  const least = [...required, ...oneOf.slice(0, 1)];

  it('all fields that it lists are accepted, and the required ones alone are enough', () => {
    expect(read(kind, valuesOf(all)).action).toMatchObject({ kind });
    expect(read(kind, valuesOf(least)).action).toMatchObject({ kind });
  });

  it('a required field that is missing, or null where null is no value, is refused by name', () => {
    for (const field of required) {
      const others = valuesOf(least.filter((name) => name !== field));
      expect(refusal(kind, others)).toMatchObject({ code: 'INVALID_INPUT', field });
      expect(refusal(kind, { ...others, [field]: null })).toEqual(
        nullable.includes(field) ? null : expect.objectContaining({ code: 'INVALID_INPUT', field }),
      );
    }
    for (const field of oneOf) expect(refusal(kind, valuesOf([field]))).toBeNull();
    if (oneOf.length > 0)
      expect(refusal(kind, valuesOf(required))).toMatchObject({ code: 'INVALID_INPUT', field: oneOf[0] });
  });

  it('any other field is refused by name', () => {
    for (const field of Object.keys(VALUES).filter((name) => !all.includes(name)))
      expect(refusal(kind, { ...valuesOf(least), ...valuesOf([field]) })).toMatchObject({
        code: 'INVALID_INPUT',
        field,
      });
  });
});

it('the description of each field of an activity names exactly the kinds that allow it', () => {
  const type = schema.getType('ActivityInput');
  const fields = isInputObjectType(type) ? type.getFields() : {};
  for (const field of Object.keys(VALUES)) {
    const text = fields[field]?.description ?? '';
    const kinds = (word: string) =>
      new RegExp(`${word} for ([A-Z_, ]+)\\.`).exec(text)?.[1]?.split(', ') ?? [];
    expect([...kinds('Required'), ...kinds('Allowed')].sort(), field).toEqual(
      ACTIONS.filter((kind) => described(kind).all.includes(field)).sort(),
    );
    expect(kinds('Required').sort(), field).toEqual(
      ACTIONS.filter((kind) => described(kind).required.includes(field)).sort(),
    );
  }
});
