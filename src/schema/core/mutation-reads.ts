import {
  type ExecutionArgs,
  GraphQLError,
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

const READ = 'conversations:read';

/**
 * Keeps a mutation's answer to what it changed: from there to other objects, such as the contact or the feed of a
 * conversation, only keys that may read get. It is refused before anything is done.
 */
export const MUTATION_READS: Plugin = {
  onExecute({ args, setResultAndStopExecution }) {
    const { scopes } = args.contextValue as unknown as Context;
    if (scopes.has(READ) || !readsOthers(args)) return;
    const { message, code, scope } = new ForbiddenError(
      READ,
      `a mutation's answer may hold other objects than the one it changed only with the scope ${READ}`,
    );
    setResultAndStopExecution({ errors: [new GraphQLError(message, { extensions: { code, scope } })] });
  },
};

/** Whether a request is a mutation, and goes from an object that it changes to another one, or to a list. */
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
