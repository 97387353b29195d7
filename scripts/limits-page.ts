import { MAX_ANSWER_BYTES } from '../src/db/rows/bounded.ts';
import { WEIGHTS, type Weight } from '../src/schema/core/cost-table.ts';
import { HEAVY_FROM, MAX } from '../src/schema/core/limits.ts';
import { table } from './markdown.ts';

/** docs/limits.md: what a request may come to, and what each field costs. */
export function limitsPage(): string {
  const number = (value: number) => value.toLocaleString('en');
  return `# Limits

Made from \`src/schema/core/cost-table.ts\` and \`src/schema/core/limits.ts\`; \`npm run generate\` writes it.

A request is weighed before anything is read. Beyond a limit it is answered \`TOO_COMPLEX\`, with the \`limit\` and its \`max\`.

${table(
  ['limit', 'max', 'of'],
  [
    ['`depth`', number(MAX.depth), 'fields within fields'],
    ['`aliases`', number(MAX.aliases), 'aliases'],
    ['`tokens`', number(MAX.tokens), 'words and signs of the text; long lists belong in variables'],
    ['`cost`', number(MAX.cost), 'the cost of the whole request'],
    ['`eventCost`', number(MAX.eventCost), 'the cost of an event of a subscription, for each conversation'],
  ],
)}

An answer, or an event, of more than ${number(MAX_ANSWER_BYTES)} bytes is \`TOO_LARGE\` (\`max\`): ask for smaller pages or fewer fields.

## Cost

The unit is one row read by its key. A field costs its weight, and what is asked for within it counts as often as its page
is long (\`first\` or \`last\`), as a list may be, or as many items as its arguments bring. A field that has fields of its own and is not in
the table costs 1, any other nothing.

Weights are measured by \`node bench/weights.ts\`, each within the process and at a million rows, as multiples of what one row by its
key takes (about half a millisecond on two shared cores), and rounded up. So a request of ${number(MAX.cost)}, the most that is allowed,
takes some 10 s of the database at a million rows.

## Heavy requests

A query is heavy that costs more than ${number(HEAVY_FROM.query)}, a mutation of more than ${number(HEAVY_FROM.mutation)}, and whatever has a field of ${number(HEAVY_FROM.field)} or more.
Heavy requests have few places (\`LULL_HEAVY_READS\`, half of them for one account) and connections of their own. They wait 10 s at
most, accounts in turns, and then are \`UNAVAILABLE\` with \`retryAfterSeconds\`: nothing was done for them. Each statement of theirs has 8 s
(a report and \`runs\` 10 s), and after 20 s they begin no further one.

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
