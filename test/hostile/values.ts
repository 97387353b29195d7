import fc from 'fast-check';
import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { NODE_TYPES } from '../../src/schema/core/ids.ts';
import {
  ACTIVITY_FIELDS,
  CURSORS,
  DURATIONS,
  FORGED_IDS,
  INSTANTS,
  NUMBERS,
  TAKEN,
  TEXTS,
  VALID_DURATIONS,
  VALID_INSTANTS,
  WHOLE_NUMBERS,
} from './dictionary.ts';

/** Gives a value of an arbitrary; what fast-check's `gen` gives its callers. */
export type Give = fc.GeneratorValue;
/** Ids that attackers know, by type: their own, and some of another account. */
export type IdsOf = { ours: Record<string, string>; theirs: Record<string, string> };

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' }) },
);
const key = fc.constantFrom(
  ...['__proto__', 'constructor', 'prototype', 'toString', 'secret', '', '\0', 'a'.repeat(999)],
);
/** JSON of any form, up to very deep and very long. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 3, arbitrary: fc.dictionary(key, fc.oneof(text, fc.double(), fc.jsonValue({ maxDepth: 1 }))) },
  { weight: 1, arbitrary: fc.constantFrom('<deep 3000>', '<deep 20000>', '<long 150000>', '<long 400000>') },
  { weight: 1, arbitrary: fc.constantFrom(null, true, [], {}, [[[]]]) },
);

/** JSON of a value, in which `<deep n>` stands for so many levels of nesting, and `<long n>` for a list of so many numbers. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value).replace(/"<(deep|long) (\d+)>"/g, (_, what, count) =>
    what === 'deep' ? deepJson(Number(count)) : `{"long":[0${',0'.repeat(Number(count))}]}`,
  );
}

/** Nested JSON as a text, so that the generator needs no deep recursion. */
export function deepJson(depth: number): string {
  return `${'{"a":['.repeat(depth / 2)}1${']}'.repeat(depth / 2)}`;
}

const upTo = (max: number) => fc.nat(max);
const aText = () => text;
const aKey = () => key;
const any = () => anything;
const aNumber = () => fc.oneof(fc.constantFrom(...NUMBERS), fc.double());
const aDate = () => fc.date({ noInvalidDate: true });

/** One of some values, which fast-check need not compare. */
export function pick<Value>(give: Give, values: readonly Value[]): Value {
  return values[give(upTo, values.length - 1)] as Value;
}

/** True in this percentage of cases. */
export function chance(give: Give, percent: number): boolean {
  return give(upTo, 99) < percent;
}

/** A value for an input of the schema: mostly one of its form, be it one that is taken or not, and now and then anything. */
export function valueFor(give: Give, type: GraphQLInputType, name: string, ids: IdsOf, depth = 0): unknown {
  const nullable = isNonNullType(type) ? type.ofType : type;
  if (chance(give, 1)) return give(any);
  if (chance(give, isNonNullType(type) ? 1 : 7)) return null;
  if (isListType(nullable)) {
    const length = pick(give, [0, 1, 1, 1, 1, 2, 3, 51]);
    return Array.from({ length }, () => valueFor(give, nullable.ofType, name, ids, depth + 1));
  }
  const named = getNamedType(nullable);
  if (isEnumType(named)) {
    const names = named.getValues().map((value) => value.name);
    return chance(give, 99) ? pick(give, names) : give(aText);
  }
  if (!isInputObjectType(named)) return leafFor(give, named.name, name, ids);
  return depth > 6 ? {} : objectFor(give, named, ids, depth);
}

function objectFor(give: Give, type: GraphQLInputObjectType, ids: IdsOf, depth: number): unknown {
  const given: [string, unknown][] = [];
  const fields = Object.values(type.getFields());
  const kind =
    type.name === 'ActivityInput' && chance(give, 80) ? pick(give, Object.keys(ACTIVITY_FIELDS)) : null;
  const wanted = kind === null ? null : [...(ACTIVITY_FIELDS[kind] ?? []), ...pick(give, PLACES)];
  for (const field of fields) {
    const isNeeded = isNonNullType(field.type) && field.defaultValue === undefined;
    const odds = wanted !== null ? (wanted.includes(field.name) ? 75 : 1) : isNeeded ? 98 : 20;
    if (chance(give, odds)) given.push([field.name, valueFor(give, field.type, field.name, ids, depth + 1)]);
  }
  if (kind !== null) given.push(['kind', kind]);
  if (chance(give, 1)) given.push([give(aKey), give(any)]);
  return Object.fromEntries(given);
}

/** How an activity says what it is about. */
const PLACES = [
  ['conversationId'],
  ['channelId', 'address'],
  ['channelId', 'address', 'at'],
  ['conversationId', 'at'],
];

function leafFor(give: Give, type: string, name: string, ids: IdsOf): unknown {
  switch (type) {
    case 'ID': {
      const wanted = NODE_TYPES.find((each) => name.toLowerCase().startsWith(each.toLowerCase()));
      const [own, others] = [Object.values(ids.ours), Object.values(ids.theirs)];
      if (chance(give, 70)) return wanted ? ids.ours[wanted] : pick(give, own);
      if (chance(give, 50)) return wanted ? ids.theirs[wanted] : pick(give, others);
      if (chance(give, 30)) return pick(give, [...own, ...others]);
      return chance(give, 80) ? pick(give, FORGED_IDS) : give(aText);
    }
    case 'Int':
    case 'Float':
      return chance(give, 97) ? pick(give, WHOLE_NUMBERS) : give(aNumber);
    case 'Boolean':
      return chance(give, 98) ? chance(give, 50) : pick(give, ['true', 0, null]);
    case 'DateTime':
      if (chance(give, 30)) return new Date().toISOString();
      if (chance(give, 75)) return pick(give, VALID_INSTANTS);
      return chance(give, 70) ? pick(give, INSTANTS) : give(aDate).toISOString();
    case 'Duration':
      return pick(give, chance(give, 90) ? VALID_DURATIONS : DURATIONS);
    case 'JSONObject':
      return chance(give, 40) ? { secret: 'a secret that is long enough' } : give(any);
    default:
      if (/^(after|before)$/.test(name)) return chance(give, 90) ? pick(give, CURSORS) : give(aText);
      return name in TAKEN && chance(give, 60) ? pick(give, TAKEN[name] ?? []) : give(aText);
  }
}
