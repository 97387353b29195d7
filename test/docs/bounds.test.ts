import { readFileSync } from 'node:fs';
import { getTableColumns, is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import {
  buildSchema,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { expect, it } from 'vitest';
import { boundsPage } from '../../scripts/bounds-page.ts';
import * as accountTables from '../../src/db/tables/account.ts';
import * as conversationTables from '../../src/db/tables/conversation.ts';
import * as outboxTables from '../../src/db/tables/outbox.ts';
import { BOUNDS, type Bound } from '../../src/domain/bounds.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const bounds: readonly Bound[] = Object.values(BOUNDS);

it('docs/bounds.md is generated from the table of bounds (else: npm run generate)', () => {
  expect(read('docs/bounds.md')).toBe(boundsPage());
});

/** Inputs that cannot grow because only a few values or one form are valid, by type or field name. */
const OF_A_FORM = [
  ...[
    /\.(after|before)$/,
    /: Duration$/,
    /: \[(ConversationStatus|OpenStatus|ResettingActivity|Duration)\]$/,
  ],
  // whsec_ and 24 to 64 bytes in base64.
  /^UpdateWebhookEndpointInput\.secret:/,
  ...[/^OpenHoursInput\.timeZone:/, /^OpenTimeInput\.(from|until):/, /^CreateChannelInput\.adapterId:/],
];

/** Every text, list and object that the API accepts, with its type. */
function inputs(): { at: string; type: string }[] {
  const schema = buildSchema(read('schema.graphql'));
  const found: { at: string; type: string }[] = [];
  const look = (at: string, type: Parameters<typeof getNamedType>[0]) => {
    const bare = isNonNullType(type) ? type.ofType : type;
    const named = String(getNamedType(type));
    if (isListType(bare)) found.push({ at, type: `[${named}]` });
    else if (['String', 'JSONObject', 'Duration'].includes(named)) found.push({ at, type: named });
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) look(`${type.name}.${field.name}`, field.type);
    if (isObjectType(type))
      for (const field of Object.values(type.getFields()))
        for (const arg of field.args) look(`${type.name}.${field.name}.${arg.name}`, arg.type);
  }
  return found;
}

it('every text and list that the API accepts has a bound, and every bound belongs to an existing field', () => {
  const known = new Set(bounds.flatMap((each) => each.inputs));
  const isBounded = (at: string) => known.has(at) || known.has(at.replace(/^(Mutation)\.\w+\./, '$1.*.'));
  const all = inputs();
  const isOfAForm = (each: { at: string; type: string }) =>
    OF_A_FORM.some((form) => form.test(`${each.at}: ${each.type}`) || form.test(each.at));
  expect(all.filter((each) => !isBounded(each.at) && !isOfAForm(each))).toEqual([]);
  const there = new Set(all.map(({ at }) => at));
  const named = [...known].map((at) => at.replace(/\[\]$/, '')).filter((at) => !at.includes('*'));
  expect(named.filter((at) => !there.has(at))).toEqual([]);
});

it('the texts in every list of texts have a bound, too', () => {
  const known = new Set(bounds.flatMap((each) => each.inputs));
  const lists = inputs().filter(({ type }) => type === '[String]');
  // Only existing names are accepted in these lists.
  const named = ['events', 'scopes', 'holidays'];
  expect(
    lists.filter(({ at }) => !known.has(`${at}[]`) && !named.includes(at.split('.').at(-1) ?? '')),
  ).toEqual([]);
});

/** Columns that only Lull or its operator fills: constants, hashes and values derived from bounded input. */
const OF_LULL = [
  ...[/\.(kind|status|awaiting|consent|source|state|actor|timer|effect|type|profile|first_profile|adapter)$/],
  ...[/\.(hash|request_hash|secret|previous_secret|started_by|end_reason|ended_by|former_status)$/],
  ...[
    /^account\.name$/,
    /^operator_key\./,
    /^rules_version\.(before|after|changed_by)$/,
    /^idempotency\.result$/,
    ...[/^api_key\.made_by$/, /^circuit_breaker\.why$/],
  ],
  ...[/^outbox\.payload$/, /\.error$/, /^service_state\./, /^lane\.case_status$/],
];

it('every column that holds a text, a list or JSON has a bound or is filled by Lull alone', () => {
  const tables = [accountTables, conversationTables, outboxTables]
    .flatMap((module) => Object.values(module) as unknown[])
    .filter((each): each is PgTable => is(each, PgTable));
  const columns = tables.flatMap((each) => {
    const { name } = getTableConfig(each);
    return Object.values(getTableColumns(each))
      .filter((column) => /text|json|\[\]/.test(column.getSQLType()))
      .map((column) => `${name}.${column.name}`);
  });
  const known = new Set(bounds.flatMap((each) => each.columns));
  expect(columns.filter((each) => !known.has(each) && !OF_LULL.some((own) => own.test(each)))).toEqual([]);
  expect([...known].filter((each) => !columns.includes(each))).toEqual([]);
});
