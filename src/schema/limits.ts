import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { costOf } from './cost.ts';

/** What a request may come to at most. */
export const MAX = {
  /** Fields within fields. */
  depth: 12,
  aliases: 30,
  /** Words and signs of the text; long lists belong in variables. */
  tokens: 2_000,
  /** Objects that a request could read: what is within a page counts as often as its `first` or `last` says. */
  cost: 20_000,
} as const;

/** Refuses, before anything is read, a request that would come to more than `MAX`. */
export const LIMITS: Plugin[] = [
  maxTokensPlugin({ n: MAX.tokens, onReject: [(_context, error) => describe(error, 'tokens')] }),
  maxDepthPlugin({
    n: MAX.depth,
    flattenFragments: true,
    propagateOnRejection: false,
    onReject: [(context, error) => context?.reportError(describe(error, 'depth'))],
  }),
  maxAliasesPlugin({
    n: MAX.aliases,
    propagateOnRejection: false,
    onReject: [(context, error) => context?.reportError(describe(error, 'aliases'))],
  }),
  {
    // A rule of validation knows no variables, and its result is kept for the next request with the same text.
    onExecute: ({ args, setResultAndStopExecution }) => {
      const error = tooCostly(args);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const error = tooCostly(args);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
  },
];

function tooCostly(args: ExecutionArgs): GraphQLError | null {
  const cost = costOf(args);
  if (cost <= MAX.cost) return null;
  const message = `the request could read ${cost} objects; ${MAX.cost} are allowed: ask for smaller pages`;
  return describe(new GraphQLError(message, { extensions: { http: { status: 400 } } }), 'cost');
}

/** Says in the error, for programs, which limit it is. */
function describe(error: GraphQLError, limit: keyof typeof MAX): GraphQLError {
  Object.assign(error.extensions, { code: 'TOO_COMPLEX', limit, max: MAX[limit] });
  return error;
}
