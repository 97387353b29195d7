import { BOUNDS, type Bound } from '../src/domain/bounds.ts';
import { table } from './markdown.ts';

/** Renders docs/bounds.md: the bound of everything that can grow. */
export function boundsPage(): string {
  const bounds: readonly Bound[] = Object.values(BOUNDS);
  return `# Bounds

\`npm run generate\` writes this page from the table in \`src/domain/bounds.ts\`, and tests check each row. Everything that a call
or an account can make grow has a bound. The error names the field and the maximum. Characters are UTF-16 code units.

Data from before a bound existed may exceed it. It stays readable and can be reduced, but not extended.

${table(
  ['what', 'at most', 'above it'],
  bounds.map(({ what, max, unit, beyond }) => [what, `${max.toLocaleString('en-US')} ${unit}`, beyond]),
)}

A call as a whole is bounded too: its body has at most 1 MB, and a query has limits of depth, tokens and cost
([limits.md](limits.md)). Append-only data has no bound: a conversation's feed, the history of rules, revoked keys.

## Where each bound applies

${table(
  ['what', 'fields of the API', 'columns'],
  bounds
    .filter(({ inputs, columns }) => inputs.length + columns.length > 0)
    .map(({ what, inputs, columns }) => [what, named(inputs), named(columns)]),
)}
`;
}

function named(all: readonly string[]): string {
  return all.length === 0 ? '–' : all.map((each) => `\`${each}\``).join(', ');
}
