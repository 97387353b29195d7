import {
  type ExecutionArgs,
  type GraphQLNamedType,
  getNamedType,
  getOperationAST,
  isInterfaceType,
  isObjectType,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { ForbiddenError } from '../../domain/errors.ts';
import type { Context } from './context.ts';
import { toGraphQLError } from './errors.ts';

const READ = 'conversations:read';

/**
 * Lets a key without `conversations:read` select only the object that its mutation changed. A selection that goes on to other
 * objects, such as the contact or the feed of a conversation, is refused before the mutation runs.
 */
export const MUTATION_READS: Plugin = {
  onExecute({ args, setResultAndStopExecution }) {
    const { scopes } = args.contextValue as unknown as Context;
    if (scopes.has(READ) || !readsOthers(args)) return;
    const error = new ForbiddenError(
      READ,
      `a mutation may select other objects than the one it changes only with the scope ${READ}: add the scope or remove those fields`,
    );
    setResultAndStopExecution({ errors: [toGraphQLError(error)] });
  },
};

/** Whether the operation is a mutation that selects another object or a list from within an object. */
function readsOthers({ schema, document, operationName }: ExecutionArgs): boolean {
  if (getOperationAST(document, operationName)?.operation !== OperationTypeNode.MUTATION) return false;
  const types = new TypeInfo(schema);
  let found = false;
  const isObject = (type: GraphQLNamedType | null | undefined) =>
    (isObjectType(type) || isInterfaceType(type)) &&
    (type.name === 'Node' || type.getInterfaces().some(({ name }) => name === 'Node'));
  const look = visitWithTypeInfo(types, {
    Field: {
      enter() {
        const type = types.getType();
        const of = type ? getNamedType(type) : null;
        if (isObject(types.getParentType()) && (isObject(of) || of?.name.endsWith('Connection')))
          found = true;
      },
    },
  });
  visit(document, look);
  return found;
}
