import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printedSchema } from '../src/schema/schema.ts';
import { clientTypes } from './client-types.ts';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Writes schema.graphql, which is under review and which a test holds against the code, and the example's types. */
writeFileSync(at('schema.graphql'), printedSchema());
writeFileSync(at('examples/client/graphql-env.d.ts'), clientTypes());
