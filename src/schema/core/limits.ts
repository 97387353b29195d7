import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { type ExecutionArgs, GraphQLError, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { UnavailableError } from '../../domain/errors.ts';
import { type Context, readBy } from './context.ts';
import { type Cost, costOf } from './cost.ts';
import type { Asked } from './server.ts';

/** What a request may come to at most. */
export const MAX = {
  /** Fields within fields. */
  depth: 12,
  aliases: 30,
  /** Words and signs of the text; long lists belong in variables. */
  tokens: 2_000,
  /** Rows read by their keys that a request could take as long as: what is within a page counts as often as it says. */
  cost: 20_000,
  /** The same for each event of a subscription, and each conversation it tells of. */
  eventCost: 1_000,
} as const;

/**
 * What is heavy takes one of few places, and connections of its own: a query that costs more than `query`, a mutation whose
 * answer does, anything with a single field as heavy as `field`.
 */
export const HEAVY_FROM = { query: 2_000, mutation: 5_000, field: 500 } as const;
/** A request whose answer could have more rows than this waits for their turn; an event that costs more is costly. */
const MANY_ROWS = { request: 100, event: 50 };
/** What an event costs besides what it reads: it is carried out and sent. */
const EVENT_ITSELF = 4;

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
      context.eventCost = EVENT_ITSELF + cost.cost;
      context.isCostlyEvent = cost.cost > MANY_ROWS.event;
      if (context.isCostlyEvent) readBy(context, context.deps.heavy.events);
    },
  },
];

function tooCostly({ cost }: Cost, limit: 'cost' | 'eventCost'): GraphQLError | null {
  if (cost <= MAX[limit]) return null;
  const what = limit === 'cost' ? 'the request' : 'an event of the subscription';
  const message = `${what} could cost ${cost}; ${MAX[limit]} is allowed: ask for smaller pages or fewer fields`;
  return describe(new GraphQLError(message, { extensions: { http: { status: 400 } } }), limit);
}

/**
 * Has a request with many rows wait for their turn, and a heavy one for a place, from which it then reads. The error it is
 * answered where there is no place for it.
 */
async function takeTurn(args: ExecutionArgs, { cost, rows, heaviest }: Cost): Promise<GraphQLError | null> {
  const context = args.contextValue as Context & Asked;
  const operation = getOperationAST(args.document, args.operationName)?.operation;
  const isHeavy = cost > HEAVY_FROM[operation === 'mutation' ? 'mutation' : 'query'];
  if (isHeavy || heaviest >= HEAVY_FROM.field) return await takePlace(context);
  if (rows > MANY_ROWS.request && operation === 'query')
    await context.deps.turns.take(context.accountId, rows, 'REQUEST');
  return null;
}

async function takePlace(context: Context & Asked): Promise<GraphQLError | null> {
  try {
    readBy(context, await context.takePlace());
    return null;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    const { code, retryAfterSeconds = 1 } = error;
    const http = { status: 503, headers: { 'retry-after': String(retryAfterSeconds) } };
    return new GraphQLError(error.message, { extensions: { code, retryAfterSeconds, http } });
  }
}

/** Says in the error, for programs, which limit it is. */
function describe(error: GraphQLError, limit: keyof typeof MAX): GraphQLError {
  Object.assign(error.extensions, { code: 'TOO_COMPLEX', limit, max: MAX[limit] });
  return error;
}
