import { createServer } from 'node:http';
import { buildSchema, type GraphQLSchema, isScalarType, printSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { listen } from '../../src/http/listen.ts';
import { createLog } from '../../src/log.ts';
import { maskError } from '../../src/schema/core/errors.ts';
import { LIMITS } from '../../src/schema/core/limits.ts';
import { MAX_BODY_BYTES } from '../../src/schema/core/server.ts';
import { schema as ours } from '../../src/schema/schema.ts';
import type { Page } from '../http/ready-made.ts';

/**
 * The floor of reads: the same server, yoga, limits and schema, whose rows are in memory as its resolvers want them,
 * so that all that is left to do is GraphQL's own work. It knows no accounts, and asks no database.
 */
process.once('message', async (page: Page) => {
  const path = '/graphql';
  const yoga = createYoga({
    schema: withReadyMade(page),
    graphqlEndpoint: path,
    maskedErrors: { maskError: maskError(createLog({ logLevel: 'silent' })) },
    // Of what a request is handed, the limits look at turns among accounts alone, and here is nobody else.
    context: { deps: { turns: { take: async () => {} } } },
    plugins: LIMITS,
    maxRequestBodySize: MAX_BODY_BYTES,
    cors: false,
    multipart: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
  const server = createServer({ requestTimeout: 30_000 }, yoga);
  process.send?.(`${await listen(server, '127.0.0.1', 0)}${path}`);
});
process.once('disconnect', () => process.exit(0));

/** The schema as it is printed, with the scalars that the API has, and no resolver but that of the page. */
function withReadyMade(page: Page): GraphQLSchema {
  const schema = buildSchema(printSchema(ours));
  for (const type of Object.values(schema.getTypeMap())) {
    const own = ours.getType(type.name);
    if (isScalarType(type) && isScalarType(own)) Object.assign(type, { serialize: own.serialize });
  }
  const field = schema.getQueryType()?.getFields().conversations;
  if (!field) throw new Error('the schema has no conversations');
  const ready = withDates(page.conversations);
  Object.assign(field, { resolve: () => ready });
  return schema;
}

/** Instants as a database gives them. */
function withDates(value: unknown): unknown {
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? new Date(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withDates);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withDates(each)]));
}
