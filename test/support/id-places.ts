import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedOutputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/** A place of the schema that takes an id, such as `Mutation.recordActivities(input.activities.agentId)`. */
export type IdPlace = {
  name: string;
  /** The name by which an error tells of it. */
  field: string;
  operation: 'query' | 'mutation' | 'subscription';
  /** What to send; it has a variable for each argument that has to be given, and for that of the id. */
  text: string;
  /** The variables: the id in this place, and elsewhere only what has to be there, ids by `idFor`. */
  variables: (id: string, idFor: (type: string) => string) => Record<string, unknown>;
};

type Input = GraphQLArgument | GraphQLInputField;
type Field = GraphQLField<unknown, unknown>;
type IdFor = (type: string) => string;
/** How an object is reached from its root: `account`, `conversations.nodes`. */
type Way = { operation: IdPlace['operation']; fields: string[] };

/** Every place of a schema that takes an id. @throws Error for one that this cannot reach */
export function idPlaces(schema: GraphQLSchema): IdPlace[] {
  const ways = waysTo(schema);
  return Object.values(schema.getTypeMap())
    .filter((type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((parent) => Object.values(parent.getFields()).map((field) => ({ parent, field })))
    .flatMap(({ parent, field }) =>
      field.args
        .flatMap((arg) => idsWithin(arg, [], []))
        .map((path) => placeAt(schema, ways.get(parent.name), parent, field, path)),
    );
}

function placeAt(
  schema: GraphQLSchema,
  way: Way | undefined,
  parent: GraphQLObjectType,
  field: Field,
  path: Input[],
): IdPlace {
  const name = `${parent.name}.${field.name}(${path.map((input) => input.name).join('.')})`;
  if (way === undefined) throw new Error(`no way to ${name}: say here how it is reached`);
  const args = field.args.filter((arg) => isGivenAlways(arg) || arg === path[0]);
  const declared = args.map((arg) => `$${arg.name}: ${arg.type}`).join(', ');
  const given = args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const asked = `${field.name}(${given}) ${selectionOf(schema, getNamedType(field.type), 4)}`;
  const opened = way.fields.map((each) => `{ ${each} `).join('');
  return {
    name,
    field: path.at(-1)?.name as string,
    operation: way.operation,
    text: `${way.operation} (${declared}) ${opened}{ ${asked} }${' }'.repeat(way.fields.length)}`,
    variables: (id, idFor) => withId(field.args, path, id, idFor),
  };
}

/** The ways to ids within an argument or a field of an input. */
function idsWithin(input: Input, before: Input[], seen: readonly string[]): Input[][] {
  const type = getNamedType(input.type);
  const path = [...before, input];
  if (type.name === 'ID') return [path];
  if (!isInputObjectType(type) || seen.includes(type.name)) return [];
  return Object.values(type.getFields()).flatMap((field) => idsWithin(field, path, [...seen, type.name]));
}

/** What has to be given of some inputs, and the id at the end of the path. */
function withId(
  inputs: readonly Input[],
  [next, ...rest]: readonly Input[],
  id: string,
  idFor: IdFor,
): Record<string, unknown> {
  const values = inputs.filter((input) => isGivenAlways(input) || input === next);
  return Object.fromEntries(
    values.map((input) => {
      const type = getNamedType(input.type);
      const within = input === next ? rest : [];
      if (input === next && rest.length === 0) return [input.name, listed(input.type, id)];
      if (!isInputObjectType(type)) return [input.name, listed(input.type, leafFor(input, idFor))];
      return [input.name, listed(input.type, withId(Object.values(type.getFields()), within, id, idFor))];
    }),
  );
}

function isRequired({ type, defaultValue }: Input): boolean {
  return isNonNullType(type) && defaultValue === undefined;
}

/** What a call cannot do without; and how many it is to give, so that what is asked of each may be much. */
function isGivenAlways(input: Input): boolean {
  return isRequired(input) || input.name === 'limit';
}

function listed(type: GraphQLInputType, value: unknown): unknown {
  const nullable = isNonNullType(type) ? type.ofType : type;
  return isListType(nullable) ? [listed(nullable.ofType, value)] : value;
}

const LEAVES: Record<string, unknown> = {
  String: 'x',
  Int: 1,
  Float: 1,
  Boolean: true,
  DateTime: '2030-01-01T00:00:00Z',
  Duration: 'PT1H',
};

function leafFor(input: Input, idFor: IdFor): unknown {
  const type = getNamedType(input.type);
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (type.name !== 'ID') return LEAVES[type.name] ?? {};
  const told = /\bid of an? ([A-Z]\w+)/.exec(input.description ?? '')?.[1];
  return idFor(told ?? `${input.name.charAt(0).toUpperCase()}${input.name.slice(1).replace(/Ids?$/, '')}`);
}

/** How each type of object is reached, by fields that need no argument; the shortest way. */
function waysTo(schema: GraphQLSchema): Map<string, Way> {
  const ways = new Map<string, Way>();
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  for (const [operation, root] of roots) if (root) ways.set(root.name, { operation, fields: [] });
  for (const [name, { operation, fields }] of ways) {
    const type = schema.getType(name);
    if (operation !== 'query' || !isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const next = getNamedType(field.type);
      if (!isObjectType(next) || ways.has(next.name) || field.args.some(isRequiredArgument)) continue;
      ways.set(next.name, { operation, fields: [...fields, field.name] });
    }
  }
  return ways;
}

const TELLING = ['id', 'name', 'code', 'message', 'field', 'address', 'conversationId'];

/** Selects what would give something away, and the errors, so many objects deep. */
function selectionOf(
  schema: GraphQLSchema,
  type: GraphQLNamedOutputType,
  depth: number,
  beside: readonly GraphQLObjectType[] = [],
): string {
  if (isLeafType(type)) return '';
  const selected = ['__typename'];
  if (isAbstractType(type))
    for (const each of schema.getPossibleTypes(type))
      selected.push(`... on ${each.name} ${selectionOf(schema, each, depth, schema.getPossibleTypes(type))}`);
  else
    for (const field of Object.values(type.getFields())) {
      const within = getNamedType(field.type);
      if (field.args.some(isRequiredArgument)) continue;
      const as = beside.some((other) => differsIn(other, field)) ? `${type.name}_${field.name}: ` : '';
      if (isLeafType(within) ? TELLING.includes(field.name) : depth > 1 && !/feed/.test(field.name))
        selected.push(`${as}${field.name} ${selectionOf(schema, within, depth - 1)}`);
    }
  return `{ ${selected.join(' ')} }`;
}

/** Whether another type has a field of that name and another type: they cannot both be asked for under it. */
function differsIn(other: GraphQLObjectType, { name, type }: Field): boolean {
  const same = other.getFields()[name];
  return same !== undefined && String(same.type) !== String(type);
}
