import { createYoga } from 'graphql-yoga';
import type { Caller } from './access.ts';
import { createContext, type SchemaDeps } from './context.ts';
import { maskError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { schema } from './schema.ts';

/** A request's body may be this long: a call of 1,000 activities is about a third of it. */
export const MAX_BODY_BYTES = 1_000_000;

/** Serves the API over HTTP to callers who are known; `stopping` ends their subscriptions. */
export function createGraphqlServer(deps: SchemaDeps, path: string, stopping: AbortSignal) {
  return createYoga<{ caller: Caller }>({
    schema,
    graphqlEndpoint: path,
    context: ({ caller }) => createContext(caller, deps, stopping),
    maskedErrors: { maskError: maskError(deps.log) },
    plugins: LIMITS,
    maxRequestBodySize: MAX_BODY_BYTES,
    // Off, since a browser has no business here but with a key: other origins, uploads, pages that load from a CDN.
    cors: false,
    multipart: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
}
