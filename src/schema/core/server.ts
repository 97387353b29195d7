import { createYoga, type Plugin } from 'graphql-yoga';
import type { Database } from '../../db/client.ts';
import { openChangedReader } from '../conversation/changed-reader.ts';
import { schema } from '../schema.ts';
import type { Caller } from './access.ts';
import { RESPONSE_SIZE } from './answer-size.ts';
import { createContext, type SchemaDeps } from './context.ts';
import { ERROR_CODES } from './error-codes.ts';
import { maskError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { MUTATION_READS } from './mutation-reads.ts';

/** Bytes of a request body. A call with 1,000 activities uses about a third of it. */
export const MAX_BODY_BYTES = 1_000_000;

/** What the HTTP server passes to the API with each request. */
export type RequestScope = {
  caller: Caller;
  /** Waits for a free slot once the body has been read; false if the request was answered or aborted meanwhile. */
  begin: () => Promise<boolean>;
  /**
   * Waits for a place for a heavy request and returns the connection that belongs to it.
   * @throws UnavailableError if no place becomes free in time
   */
  takePlace: () => Promise<Database>;
  /** Frees the slot: the response is ready, or the first event of a stream. */
  done: () => void;
};

const TURNS: Plugin<object, RequestScope> = {
  async onParams({ context, setResult }) {
    // Nobody receives this result: the response has been sent already.
    if (!(await (context as RequestScope).begin())) setResult({ errors: [] });
  },
  onResponse: ({ serverContext }) => serverContext?.done(),
};

/** Serves the API over HTTP to authenticated callers. The signal `stopping` ends their subscriptions. */
export function createGraphqlServer(deps: SchemaDeps, path: string, stopping: AbortSignal) {
  const readChanged = openChangedReader(deps);
  return createYoga<RequestScope>({
    schema,
    graphqlEndpoint: path,
    context: ({ caller }) => createContext(caller, deps, stopping, readChanged),
    maskedErrors: { maskError: maskError(deps.log) },
    plugins: [MUTATION_READS, ...LIMITS, RESPONSE_SIZE, ERROR_CODES, TURNS],
    maxRequestBodySize: MAX_BODY_BYTES,
    // Off: the API is for backends with a key. The HTTP server handles CORS; there are no uploads and no web pages.
    cors: false,
    multipart: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
}
