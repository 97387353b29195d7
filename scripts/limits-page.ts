import { MAX_ANSWER_BYTES } from '../src/db/rows/bounded.ts';
import { WEIGHTS, type Weight } from '../src/schema/core/cost-table.ts';
import { HEAVY_FROM, MAX } from '../src/schema/core/limits.ts';
import { table } from './markdown.ts';

/** Renders docs/limits.md: the limits of a request and the cost of each field. */
export function limitsPage(): string {
  const number = (value: number) => value.toLocaleString('en');
  return `# Limits

\`npm run generate\` writes this page from \`src/schema/core/cost-table.ts\` and \`src/schema/core/limits.ts\`.

Lull computes the cost of each request before it reads anything. A request above a limit gets \`TOO_COMPLEX\` with the \`limit\` and
its \`max\`.

${table(
  ['limit', 'max', 'what it limits'],
  [
    ['`depth`', number(MAX.depth), 'levels of nested fields'],
    ['`aliases`', number(MAX.aliases), 'aliases'],
    ['`tokens`', number(MAX.tokens), 'lexical tokens of the query; pass long lists as variables'],
    ['`cost`', number(MAX.cost), 'the cost of a query or mutation'],
    [
      '`eventCost`',
      number(MAX.eventCost),
      'the cost of a subscription, for each event and each conversation in it',
    ],
  ],
)}

A response or event of more than ${number(MAX_ANSWER_BYTES)} bytes is answered \`TOO_LARGE\` with the \`max\`: use smaller pages or fewer fields.

## Cost

The unit is one row read by its key. A field costs its weight. Its selection counts once for each row of a page (\`first\` or
\`last\`), for each entry that a list can have, or for each item in its arguments. A field that is not in the table costs 1 if it
has a selection, else nothing.

\`node bench/weights.ts\` measures the weights at a million rows, within the process, as multiples of the time for one row by its
key (about 0.5 ms on two shared cores), rounded up. A request at the limit of ${number(MAX.cost)} takes about 10 s of the
database at a million rows.

## Heavy requests

A request is heavy if it is a query that costs more than ${number(HEAVY_FROM.query)}, a mutation that costs more than ${number(HEAVY_FROM.mutation)}, or if one of its fields
has a weight of ${number(HEAVY_FROM.field)} or more. Heavy requests share \`LULL_HEAVY_READS\` places with a connection each; one account gets at most
half of them, and accounts take turns. A request waits up to 10 s for a place and is then answered \`UNAVAILABLE\` with
\`retryAfterSeconds\`; it has changed nothing. Each of its statements has 8 s (10 s for \`report\` and \`runs\`). After 20 s it
begins no further statement.

## What fields cost

${table(['field', 'weight', 'rows', 'reads'], Object.entries(WEIGHTS).flatMap(rowsOf))}
`;
}

function rowsOf([field, { weight, reads, cases = [], rows }]: [string, Weight]): string[][] {
  const within = rows === undefined ? '' : typeof rows === 'function' ? '`limit`' : String(rows);
  return [
    [`\`${field}\``, weight.toLocaleString('en'), within, reads],
    ...cases.map((each) => ['', each.weight.toLocaleString('en'), '', each.when]),
  ];
}
