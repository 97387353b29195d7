import {
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getVariableValues,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type TypeNode,
  type VariableDefinitionNode,
} from 'graphql';
import { rowsOf, weightOf } from './cost-table.ts';

/** The page size of a list without a default in the schema, when neither `first` nor `last` is given. */
const DEFAULT_PAGE = 20;

type Variables = Record<string, unknown>;
type Reading = {
  schema: GraphQLSchema;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  variables: Variables;
  /** The costs of fragments: each is computed once, so nested fragments cannot make it exponential. */
  known: Map<string, Sum>;
  /** The weight of the heaviest field so far. */
  heaviest: number;
};

/** The maximum cost of a request, the maximum number of objects in its response, and the weight of its heaviest field. */
export type Cost = Sum & { heaviest: number };
type Sum = { cost: number; rows: number };

const NOTHING: Cost = { cost: 0, rows: 0, heaviest: 0 };

/**
 * Computes the maximum cost of a valid request, in rows read by key. A field costs its weight in the table; other fields cost
 * 1 if they have a selection, else 0. A selection counts `first` or `last` times, or as often as the longest list among the
 * arguments. The cost is 0 if the variables are invalid, because the request will not be executed.
 */
export function costOf({ schema, document, operationName, variableValues }: ExecutionArgs): Cost {
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      (!operationName || definition.name?.value === operationName),
  );
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return NOTHING;
  const variables = variablesOf(schema, operation, variableValues ?? {});
  if (variables === null) return NOTHING;
  const fragments = new Map(
    document.definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((definition) => [definition.name.value, definition]),
  );
  const reading: Reading = { schema, fragments, variables, known: new Map(), heaviest: 0 };
  const sum = costWithin(operation.selectionSet, root, reading);
  return { ...sum, heaviest: reading.heaviest };
}

/**
 * The coerced variables; null if they are invalid. Input objects stay uncoerced: coercing them is much of the work of a large
 * call, and only the length of their lists matters here.
 */
function variablesOf(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Variables,
): Variables | null {
  const isPlain = ({ type, variable }: VariableDefinitionNode) =>
    !Object.hasOwn(given, variable.name.value) || !isInputObjectType(namedTypeOf(schema, type));
  const plain = variableDefinitions.filter(isPlain);
  // One error is enough: a request body could cause many thousands.
  const { coerced } = getVariableValues(schema, plain, given, { maxErrors: 1 });
  if (coerced === undefined) return null;
  for (const { variable } of variableDefinitions.filter((each) => !isPlain(each)))
    coerced[variable.name.value] = given[variable.name.value];
  return coerced;
}

function namedTypeOf(schema: GraphQLSchema, type: TypeNode): GraphQLNamedType | undefined {
  return type.kind === Kind.NAMED_TYPE ? schema.getType(type.name.value) : namedTypeOf(schema, type.type);
}

function costWithin(selected: SelectionSetNode, parent: GraphQLNamedType, reading: Reading): Sum {
  const sum = { cost: 0, rows: 0 };
  for (const selection of selected.selections) {
    const { cost, rows } = costOfSelection(selection, parent, reading);
    sum.cost += cost;
    sum.rows += rows;
  }
  return sum;
}

function costOfSelection(selection: SelectionNode, parent: GraphQLNamedType, reading: Reading): Sum {
  if (selection.kind === Kind.FIELD) return costOfField(selection, parent, reading);
  if (selection.kind === Kind.FRAGMENT_SPREAD) return costOfFragment(selection.name.value, reading);
  const narrowed = selection.typeCondition?.name.value;
  const type = narrowed === undefined ? parent : (reading.schema.getType(narrowed) ?? parent);
  return costWithin(selection.selectionSet, type, reading);
}

function costOfFragment(name: string, reading: Reading): Sum {
  const known = reading.known.get(name);
  if (known !== undefined) return known;
  const fragment = reading.fragments.get(name);
  const type = fragment && reading.schema.getType(fragment.typeCondition.name.value);
  const sum = fragment && type ? costWithin(fragment.selectionSet, type, reading) : NOTHING;
  reading.known.set(name, sum);
  return sum;
}

/** Introspection costs nothing: GraphQL's own validation rules limit its depth. */
function costOfField(node: FieldNode, parent: GraphQLNamedType, reading: Reading): Sum {
  if (!(isObjectType(parent) || isInterfaceType(parent))) return NOTHING;
  const field = parent.getFields()[node.name.value];
  if (field === undefined) return NOTHING;
  const args = argumentsOf(field, node, reading.variables);
  const weight = weightOf(parent.name, field.name, args) ?? (node.selectionSet ? 1 : 0);
  reading.heaviest = Math.max(reading.heaviest, weight);
  if (!node.selectionSet) return { cost: weight, rows: 0 };
  const times = Math.max(1, rowsOf(parent.name, field.name, args) ?? timesOf(field, args));
  const { cost, rows } = costWithin(node.selectionSet, getNamedType(field.type), reading);
  return { cost: weight + times * cost, rows: 1 + times * rows };
}

function timesOf(field: GraphQLField<unknown, unknown>, args: Variables): number {
  const isPage = field.args.some(({ name }) => name === 'first');
  const page = isPage ? Number(args.first ?? args.last ?? DEFAULT_PAGE) : 1;
  return Math.max(page, longestList(args));
}

/** Empty if they are invalid: the field will not be resolved. */
function argumentsOf(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: Variables,
): Variables {
  try {
    return getArgumentValues(field, node, variables);
  } catch {
    return {};
  }
}

/** Without recursion, because input can be nested deeper than the call stack. */
function longestList(given: unknown): number {
  let longest = 0;
  const left = [given];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) longest = Math.max(longest, value.length);
    for (const each of Object.values(value)) left.push(each);
  }
  return longest;
}
