import {
  type GraphQLField,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  parse,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { casesOf } from '../../bench/weights/cases.ts';
import type { World } from '../../bench/weights/world.ts';
import { costOf } from '../../src/schema/core/cost.ts';
import { WEIGHTS, weightOf } from '../../src/schema/core/cost-table.ts';
import { HEAVY_FROM, MAX } from '../../src/schema/core/limits.ts';
import { schema } from '../../src/schema/schema.ts';

type Field = GraphQLField<unknown, unknown>;

const fields = Object.values(schema.getTypeMap())
  .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
  .flatMap((type) =>
    isObjectType(type) ? Object.values(type.getFields()).map((field) => [type.name, field] as const) : [],
  );

/** Whether the source text of the field’s resolver uses a loader or the database. */
function reads(type: string, { name, extensions }: Field): boolean {
  if (name === 'id' || type === 'Mutation') return false;
  if (type === 'Query' || type === 'Subscription') return true;
  const { resolve } = (extensions.pothosOptions ?? {}) as { resolve?: () => unknown };
  return /\b(load|reads|deps(?!\.clock)|context)\b/.test(
    String(resolve ?? '').replace(/\{[^{}]*\bdeps\b[^{}]*\}\)/, ''),
  );
}

describe('the table of costs', () => {
  it('has a weight for every field that reads from the database', () => {
    const missing = fields
      .filter(([type, field]) => reads(type, field) && weightOf(type, field.name, {}) === null)
      .map(([type, { name }]) => `${type}.${name}`);
    expect(missing).toEqual([]);
  });

  it('is checked by a search that finds the reading fields and no others', () => {
    const reading = fields
      .filter(([type, field]) => reads(type, field))
      .map(([type, { name }]) => `${type}.${name}`);
    expect(reading).toEqual(
      expect.arrayContaining(['Conversation.contact', 'Channel.settings', 'Query.report']),
    );
    expect(reading).not.toContain('Conversation.tags');
  });

  it('names only fields of the schema', () => {
    const known = new Set(fields.map(([type, { name }]) => `${type}.${name}`));
    expect(Object.keys(WEIGHTS).filter((name) => !known.has(name))).toEqual([]);
  });

  it('has the maximum length of every list without pages that a query reads', () => {
    const unsaid = fields
      .filter(([type, field]) => reads(type, field) && type !== 'Subscription')
      .filter(([, { type }]) => isListType(getNullableType(type)) && isCompositeType(getNamedType(type)))
      .filter(([type, { name }]) => WEIGHTS[`${type}.${name}`]?.rows === undefined)
      .map(([type, { name }]) => `${type}.${name}`);
    expect(unsaid).toEqual([]);
  });

  it('has a benchmark for every weight above one row', () => {
    const ids = new Proxy({}, { get: () => 'id' }) as World;
    const measured = new Set(casesOf(ids).map(({ field }) => field.split(':')[0]));
    const guessed = Object.entries(WEIGHTS)
      .filter(
        ([name, { weight, cases }]) => !name.startsWith('Mutation.') && (weight > 1 || cases !== undefined),
      )
      .map(([name]) => name);
    expect(guessed.filter((name) => !measured.has(name))).toEqual([]);
  });
});

describe('a request', () => {
  const cost = (query: string, variableValues = {}) =>
    costOf({ schema, document: parse(query), variableValues });
  const YEAR = 'from: "2026-01-01T00:00:00Z", until: "2027-01-01T00:00:00Z"';

  it('with 30 reports exceeds the limit, and with one report is heavy', () => {
    const reports = (count: number) =>
      `{ ${Array.from({ length: count }, (_, at) => `a${at}: report(${YEAR}) { total { started } }`).join(' ')} }`;
    expect(cost(reports(30)).cost).toBeGreaterThan(MAX.cost);
    expect(cost(reports(1)).heaviest).toBeGreaterThanOrEqual(HEAVY_FROM.field);
    expect(cost(reports(1)).cost).toBeLessThan(MAX.cost / 2);
  });

  it.each([
    ['runs', '{ runs { nodes { ended } } }'],
    ['a filter ordered by STARTED', '{ conversations(filter: { awaiting: AGENT }) { nodes { id } } }'],
    ['a tag', '{ conversations(filter: { tag: "x" }, orderBy: { field: DUE }) { nodes { id } } }'],
    [
      'endConversations by tag',
      'mutation { endConversations(filter: { tag: "x" }, by: AGENT, limit: 1) { __typename } }',
    ],
  ])('with %s is heavy', (_what, query) => {
    expect(cost(query).heaviest).toBeGreaterThanOrEqual(HEAVY_FROM.field);
  });

  it.each([
    [
      'of the conversations of an agent ordered by DUE',
      '{ conversations(filter: { agentId: "x" }, orderBy: { field: DUE }) { nodes { id } } }',
    ],
    [
      'of all conversations',
      '{ conversations(first: 50) { nodes { id contact { address } channel { name } due { at } } } }',
    ],
    ['of events', '{ events(first: 200) { nodes { kind conversation { id } } } }'],
  ])('for a page %s is not heavy', (_what, query) => {
    const { cost: all, heaviest } = cost(query);
    expect([heaviest < HEAVY_FROM.field, all < HEAVY_FROM.query]).toEqual([true, true]);
  });

  it('has the same cost with a filter in a variable as with one in its text', () => {
    const query = 'query ($filter: ConversationFilter) { conversations(filter: $filter) { nodes { id } } }';
    expect(cost(query, { filter: { tag: 'x' } }).heaviest).toBe(9_500);
    expect(cost(query, { filter: {} }).heaviest).toBe(1);
    for (const filter of ['x', [], null, { tag: null }])
      expect(cost(query, { filter }).heaviest).toBeLessThan(2);
  });
});
