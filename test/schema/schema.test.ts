import { readFileSync } from 'node:fs';
import {
  type GraphQLField,
  type GraphQLInputField,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { CONSENTS, END_REASONS, ENDERS } from '../../src/domain/closing/closing.ts';
import { ACTIONS, RECEIPTS, SENDERS } from '../../src/domain/conversation/activity.ts';
import { AWAITED, STARTERS, STATUSES } from '../../src/domain/conversation/conversation.ts';
import { ACTORS, EFFECTS, EVENT_KINDS } from '../../src/domain/conversation/event.ts';
import { TIMER_KINDS } from '../../src/domain/policy/channel-rules.ts';
import { LULL } from '../../src/domain/policy/profiles.ts';
import { NODE_TYPES } from '../../src/schema/core/ids.ts';
import { printedSchema, schema } from '../../src/schema/schema.ts';

const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'));
const BUILT_INTO_GRAPHQL = ['Boolean', 'Float', 'ID', 'Int', 'String'];

describe('the schema', () => {
  it('matches schema.graphql, which npm run generate writes', () => {
    expect(readFileSync('schema.graphql', 'utf8')).toBe(printedSchema());
  });

  it('has no description that says no more than its name', () => {
    const words = (text: string) =>
      text
        .replace(/([a-z])([A-Z])/g, '$1 $2')
        .toLowerCase()
        .split(/[^a-z]+/)
        .filter(
          (word) =>
            !['', 'a', 'an', 'the', 'of', 'this', 'its', 'it', 'is', 'in', 'who', 'what'].includes(word),
        )
        .map((word) => word.replace(/s$/, ''));
    const bare: string[] = [];
    const check = (place: string, described: { description?: string | null | undefined }) => {
      const known = words(place);
      if (words(described.description ?? '').every((word) => known.includes(word))) bare.push(place);
    };
    for (const type of types) {
      if (BUILT_INTO_GRAPHQL.includes(type.name)) continue;
      check(type.name, type);
      if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value);
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
      for (const field of fieldsOf(type)) {
        check(`${type.name}.${field.name} ${getNamedType(field.type).name}`, field);
        for (const arg of 'args' in field ? field.args : [])
          check(`${field.name}.${arg.name} ${getNamedType(arg.type).name}`, arg);
      }
    }
    expect(bare).toEqual([]);
  });

  it('describes every type, field, argument and value', () => {
    const bare: string[] = [];
    const check = (place: string, described: { description?: string | null | undefined }) => {
      if (!described.description?.trim()) bare.push(place);
    };
    for (const type of types) {
      if (!BUILT_INTO_GRAPHQL.includes(type.name)) check(type.name, type);
      if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value);
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
      for (const field of fieldsOf(type)) {
        check(`${type.name}.${field.name}`, field);
        for (const arg of 'args' in field ? field.args : [])
          check(`${type.name}.${field.name}(${arg.name})`, arg);
      }
    }
    expect(bare).toEqual([]);
  });

  it('has the interface Node on exactly the types with global ids', () => {
    const node = schema.getType('Node');
    const nodes = isInterfaceType(node) ? schema.getPossibleTypes(node).map(({ name }) => name) : [];
    expect([...nodes].sort()).toEqual([...NODE_TYPES].sort());
  });

  it('has every value of the enums of the domain', () => {
    const values = (name: string) => {
      const type = schema.getType(name);
      return isEnumType(type)
        ? type
            .getValues()
            .map((value) => value.name)
            .sort()
        : [];
    };
    const sorted = (domain: readonly string[]) => [...domain].sort();
    expect(values('ConversationStatus')).toEqual(sorted(STATUSES));
    expect(values('Awaiting')).toEqual(sorted(AWAITED));
    expect(values('Starter')).toEqual(sorted(STARTERS));
    expect(values('EndReason')).toEqual(sorted(END_REASONS));
    expect(values('EndedBy')).toEqual(sorted(ENDERS));
    expect(values('Consent')).toEqual(sorted(CONSENTS));
    expect(values('TimerKind')).toEqual(sorted(TIMER_KINDS));
    expect(values('ActivityKind')).toEqual(sorted(ACTIONS));
    expect(values('Sender')).toEqual(sorted(SENDERS));
    expect(values('ReceiptState')).toEqual(sorted(RECEIPTS));
    expect(values('EventKind')).toEqual(sorted([...ACTIONS, ...EVENT_KINDS]));
    expect(values('Actor')).toEqual(sorted(ACTORS));
    expect(values('EventEffect')).toEqual(sorted(EFFECTS));
  });

  it('has every field of a policy as output and input', () => {
    const policy = schema.getType('Policy');
    const origins = schema.getType('PolicyOrigins');
    const input = schema.getType('SetPolicyInput');
    if (!isObjectType(policy) || !isObjectType(origins) || !isInputObjectType(input))
      throw new Error('missing');
    for (const field of Object.keys(LULL.defaults)) {
      expect(Object.keys(policy.getFields())).toContain(field);
      expect(Object.keys(origins.getFields())).toContain(field);
      expect(Object.keys(input.getFields())).toContain(field);
    }
  });
});

type AnyField = GraphQLField<unknown, unknown> | GraphQLInputField;
function fieldsOf(type: { getFields(): Record<string, AnyField> }): AnyField[] {
  return Object.values(type.getFields());
}
