import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { type ExecutionArgs, GraphQLError, getOperationAST, type ValidationContext } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { UnavailableError } from '../../domain/errors.ts';
import { type Context, readBy } from './context.ts';
import { type Cost, costOf } from './cost.ts';
import { toGraphQLError } from './errors.ts';
import type { RequestScope } from './server.ts';

/** The limits of one request. */
export const MAX = {
  /** Levels of nested fields. */
  depth: 12,
  aliases: 30,
  /** Lexical tokens of the query text. Pass long lists as variables. */
  tokens: 2_000,
  /** The cost of a request, in rows read by key; the fields within a page count once for each of its rows. */
  cost: 20_000,
  /** The cost of a subscription for each event and each conversation in it. */
  eventCost: 1_000,
} as const;

/**
 * The cost from which a request is heavy: it then needs one of few places and reads by a connection of its own. A query or
 * mutation is heavy above its cost, and any request with one field of the weight `field` or more.
 */
export const HEAVY_FROM = { query: 2_000, mutation: 5_000, field: 500 } as const;
/** A request with more rows waits for its turn; a subscription event with a higher cost counts as costly. */
const MANY_ROWS = { request: 100, event: 50 };
/** The cost of executing and sending an event, beyond the rows it reads. */
const EVENT_OVERHEAD = 4;

/** Refuses a request that exceeds `MAX`, before anything is read. */
export const LIMITS: Plugin[] = [
  maxTokensPlugin({ n: MAX.tokens, onReject: [(_context, error) => describe(error, 'tokens')] }),
  maxDepthPlugin({ n: MAX.depth, flattenFragments: true, ...reporting('depth') }),
  maxAliasesPlugin({ n: MAX.aliases, ...reporting('aliases') }),
  {
    // Not a validation rule: those know no variables, and Yoga caches their result by query text.
    async onExecute({ args, setResultAndStopExecution }) {
      const cost = costOf(args);
      const error = tooCostly(cost, 'cost') ?? (await takeTurn(args, cost));
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const cost = costOf(args);
      const error = tooCostly(cost, 'eventCost');
      if (error !== null) return setResultAndStopExecution({ errors: [error] });
      const context = args.contextValue as unknown as Context;
      context.eventCost = EVENT_OVERHEAD + cost.cost;
      context.isCostlyEvent = cost.cost > MANY_ROWS.event;
      if (context.isCostlyEvent) readBy(context, context.deps.heavy.events);
    },
  },
];

function tooCostly({ cost }: Cost, limit: 'cost' | 'eventCost'): GraphQLError | null {
  if (cost <= MAX[limit]) return null;
  const what = limit === 'cost' ? 'the request' : 'each event of the subscription';
  const message = `${what} has a cost of up to ${cost}; at most ${MAX[limit]} is allowed: use smaller pages or fewer fields`;
  return describe(new GraphQLError(message, { extensions: { http: { status: 400 } } }), limit);
}

/** Makes a heavy request wait for a place and one with many rows for its turn. Returns an error if no place is free. */
async function takeTurn(args: ExecutionArgs, { cost, rows, heaviest }: Cost): Promise<GraphQLError | null> {
  const context = args.contextValue as Context & RequestScope;
  const operation = getOperationAST(args.document, args.operationName)?.operation;
  const isHeavy = cost > HEAVY_FROM[operation === 'mutation' ? 'mutation' : 'query'];
  if (isHeavy || heaviest >= HEAVY_FROM.field) return await takePlace(context);
  if (rows > MANY_ROWS.request && operation === 'query')
    await context.deps.turns.take(context.accountId, rows, 'REQUEST');
  return null;
}

async function takePlace(context: Context & RequestScope): Promise<GraphQLError | null> {
  try {
    readBy(context, await context.takePlace());
    return null;
  } catch (error) {
    if (error instanceof UnavailableError) return toGraphQLError(error);
    throw error;
  }
}

/** Makes a validation plugin report its error with the name of the limit. */
function reporting(limit: 'depth' | 'aliases') {
  const report = (context: ValidationContext | null, error: GraphQLError) =>
    context?.reportError(describe(error, limit));
  return { propagateOnRejection: false, onReject: [report] };
}

/** Adds the code, the name of the limit and its maximum to the error. */
function describe(error: GraphQLError, limit: keyof typeof MAX): GraphQLError {
  Object.assign(error.extensions, { code: 'TOO_COMPLEX', limit, max: MAX[limit] });
  return error;
}
