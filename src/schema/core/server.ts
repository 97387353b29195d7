import { createYoga, type Plugin } from 'graphql-yoga';
import type { Database } from '../../db/client.ts';
import { openChangedReader } from '../conversation/changed-reader.ts';
import { schema } from '../schema.ts';
import type { Caller } from './access.ts';
import { BOUNDED } from './answer-size.ts';
import { createContext, type SchemaDeps } from './context.ts';
import { CODED } from './error-codes.ts';
import { maskError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { MUTATION_READS } from './mutation-reads.ts';

/** A request's body may be this long: a call of 1,000 activities is about a third of it. */
export const MAX_BODY_BYTES = 1_000_000;

/** A request, as the API is handed it. */
export type Asked = {
  caller: Caller;
  /** Waits for its turn, once all of it has been read; false where it has been answered meanwhile. */
  begin: () => Promise<boolean>;
  /**
   * Waits for a place among requests that read much, and gives what it reads by there.
   * @throws UnavailableError where there is none
   */
  takePlace: () => Promise<Database>;
  /** Its work is done: the answer is there, or the first of many. */
  done: () => void;
};

const TURNS: Plugin<object, Asked> = {
  async onParams({ context, setResult }) {
    // What is not sent any more need not say anything.
    if (!(await (context as Asked).begin())) setResult({ errors: [] });
  },
  onResponse: ({ serverContext }) => serverContext?.done(),
};

/** Serves the API over HTTP to callers who are known; `stopping` ends their subscriptions. */
export function createGraphqlServer(deps: SchemaDeps, path: string, stopping: AbortSignal) {
  const readChanged = openChangedReader(deps);
  return createYoga<Asked>({
    schema,
    graphqlEndpoint: path,
    context: ({ caller }) => createContext(caller, deps, stopping, readChanged),
    maskedErrors: { maskError: maskError(deps.log) },
    plugins: [MUTATION_READS, ...LIMITS, BOUNDED, CODED, TURNS],
    maxRequestBodySize: MAX_BODY_BYTES,
    // Off, since a browser has no business here but with a key: other origins, uploads, pages that load from a CDN.
    cors: false,
    multipart: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
}
