import { BOUNDS, type Bound } from '../src/domain/bounds.ts';
import { table } from './markdown.ts';

/** docs/bounds.md: how much of everything there may be. */
export function boundsPage(): string {
  const bounds: readonly Bound[] = Object.values(BOUNDS);
  return `# Bounds

Made from the table in \`src/domain/bounds.ts\`; \`npm run generate\` writes it, and tests walk it. Everything that a call or
an account can make grow has a bound. An error names the field and the maximum. Characters are UTF-16 code units.

What an account has more of, from before there was a bound, stays readable and can be reduced. It cannot be added to.

${table(
  ['of', 'at most', 'beyond it'],
  bounds.map(({ what, max, unit, beyond }) => [what, `${max.toLocaleString('en-US')} ${unit}`, beyond]),
)}

A call as a whole is bounded too: its body is at most 1 MB, and a query has limits of depth, words and cost
([security.md](security.md)). What is append-only has no bound: a conversation's feed, the history of rules, revoked keys.

## Where each holds

${table(
  ['of', 'fields of the API', 'columns'],
  bounds
    .filter(({ inputs, columns }) => inputs.length + columns.length > 0)
    .map(({ what, inputs, columns }) => [what, named(inputs), named(columns)]),
)}
`;
}

function named(all: readonly string[]): string {
  return all.length === 0 ? '–' : all.map((each) => `\`${each}\``).join(', ');
}
