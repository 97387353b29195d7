import fc from 'fast-check';
import {
  type GraphQLField,
  type GraphQLNamedOutputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { chance, type Give, type IdsOf, pick, valueFor } from './values.ts';

/** A call as clients make it. */
export type Call = {
  operation: 'query' | 'mutation' | 'subscription';
  query: string;
  variables: Record<string, unknown>;
};

const MAX_FIELDS = 60;

/** Calls of these operations, well formed: any fields of the schema, with arguments that it takes and that it must not. */
export function calls(
  schema: GraphQLSchema,
  ids: IdsOf,
  operations: readonly Call['operation'][],
): fc.Arbitrary<Call> {
  return fc.gen().map((give) => {
    const operation = pick(give, operations);
    const root = schema.getRootType(operation as never) as GraphQLObjectType;
    const document: Writing = { give, schema, ids, declared: [], variables: {}, fields: 0, aliases: 0 };
    const count = operation === 'subscription' ? 1 : pick(give, [1, 1, 2, 3]);
    const fields = Object.values(root.getFields());
    const asked = Array.from({ length: count }, () => fieldText(document, pick(give, fields), 0));
    const declared = document.declared.length > 0 ? `(${document.declared.join(', ')})` : '';
    return {
      operation,
      query: `${operation} ${declared} { ${asked.join(' ')} }`,
      variables: document.variables,
    };
  });
}

type Writing = {
  give: Give;
  schema: GraphQLSchema;
  ids: IdsOf;
  declared: string[];
  variables: Record<string, unknown>;
  fields: number;
  aliases: number;
};

/** Every field has an alias of its own, or two of one name with other arguments would not be valid. */
function fieldText(document: Writing, field: GraphQLField<unknown, unknown>, depth: number): string {
  const { give } = document;
  document.fields++;
  const args = field.args.flatMap((arg) => {
    const isNeeded = isNonNullType(arg.type) && arg.defaultValue === undefined;
    if (!isNeeded && !chance(give, 50)) return [];
    const name = `v${document.declared.length}`;
    document.declared.push(`$${name}: ${arg.type}`);
    document.variables[name] = valueFor(give, arg.type, arg.name, document.ids);
    return [`${arg.name}: $${name}`];
  });
  const alias = args.length > 0 && document.aliases < 28 ? `a${document.aliases++}: ` : '';
  const given = args.length > 0 ? `(${args.join(', ')})` : '';
  const directive = chance(give, 3) ? ' @include(if: true)' : '';
  return `${alias}${field.name}${given}${directive} ${selectionText(document, getNamedType(field.type), depth + 1)}`;
}

function selectionText(document: Writing, type: GraphQLNamedOutputType, depth: number): string {
  if (isLeafType(type)) return '';
  const { give, schema } = document;
  const parts = ['__typename'];
  if (isObjectType(type) || isInterfaceType(type))
    for (const field of Object.values(type.getFields())) {
      const isLeaf = isLeafType(getNamedType(field.type));
      const odds = isLeaf ? 60 : depth < 5 ? 35 : 0;
      if (document.fields < MAX_FIELDS && chance(give, odds) && isSafe(document, type, field))
        parts.push(fieldText(document, field, depth));
    }
  if (isAbstractType(type))
    for (const each of schema.getPossibleTypes(type)) {
      const isError = each.getInterfaces().some(({ name }) => name === 'Error');
      if (isError) parts.push(`... on ${each.name} { code message }`);
      else if (isUnionType(type) || chance(give, 40))
        parts.push(`... on ${each.name} ${selectionText(document, each, depth)}`);
    }
  return `{ ${parts.join(' ')} }`;
}

/** Fields of several types in one place have to agree; only those are asked for there that do. */
function isSafe(
  { schema }: Writing,
  type: GraphQLNamedOutputType,
  field: GraphQLField<unknown, unknown>,
): boolean {
  const others = Object.values(schema.getTypeMap()).filter(isObjectType);
  const named = others.filter((other) => other !== type && other.getFields()[field.name] !== undefined);
  return (
    !isLeafType(getNamedType(field.type)) ||
    named.every((other) => String(other.getFields()[field.name]?.type) === String(field.type))
  );
}

/** Bytes with some of them changed, as a broken or hostile client would. */
export function mutated(original: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.constantFrom(0, 0, 1, 1, 2, 10),
    put: fc.oneof(
      fc.constantFrom(
        '',
        '{',
        '}',
        '"',
        '\\',
        '\0',
        '$',
        '@',
        '...',
        ':',
        '[',
        '!',
        '\ufeff',
        '\u2028',
        '"""',
        '\\ud800',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    raw: fc.option(fc.uint8Array({ minLength: 1, maxLength: 3 }), { freq: 4 }),
  });
  return fc.tuple(original, fc.array(edit, { minLength: 1, maxLength: 6 })).map(([text, edits]) => {
    let bytes = Buffer.from(text);
    for (const { at, drop, put, raw } of edits) {
      const from = Math.floor(at * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, from), raw ?? Buffer.from(put), bytes.subarray(from + drop)]);
    }
    return bytes;
  });
}
