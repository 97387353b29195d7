import { introspectionFromSchema } from 'graphql';
import { schema } from '../src/schema/schema.ts';

/** examples/client/graphql-env.d.ts: the schema as a type, by which gql.tada types every document of the example. */
export function clientTypes(): string {
  const { __schema } = introspectionFromSchema(schema, { descriptions: false, specifiedByUrl: false });
  const { queryType, mutationType, subscriptionType } = __schema;
  const types = __schema.types.map((type) =>
    JSON.stringify(type, (name, value) =>
      name === 'isDeprecated' || name === 'deprecationReason' ? undefined : value,
    ),
  );
  const roots = JSON.stringify({ queryType, mutationType, subscriptionType }).slice(1, -1);
  return `// biome-ignore-all format: made from the schema by \`npm run generate\`
export type introspection = { "__schema": { ${roots}, "directives": [], "types": [
${types.join(',\n')}
] } };
`;
}
