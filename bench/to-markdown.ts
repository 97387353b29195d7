import { readFileSync } from 'node:fs';
import { ABOUT } from './about.ts';
import { type Figure, formatDetails, formatValue, type Result, targetOf, verdictOf } from './report.ts';

/**
 * Writes the page of benchmarks from what runs have said in JSON, one file a run:
 * `node bench/to-markdown.ts results.json [more.json] > docs/benchmarks.md`.
 */
type Run = { about: Record<string, string | number>; results: Result[] };

const INTRO = `# Benchmarks

Made by \`bench/to-markdown.ts\` from runs of \`npm run bench -- --json\`; not to be edited by hand. Every scenario measures
Lull and what it is compared with in the same run and on the same database, in turns, so the ratios say more than the
rates: those are of the machine. A target is what has to be reached; a figure without one is there to be read.
`;

const runs = process.argv.slice(2).map((path): Run => JSON.parse(readFileSync(path, 'utf8')));
if (runs.length === 0) {
  process.stderr.write('usage: node bench/to-markdown.ts results.json [more.json] > docs/benchmarks.md\n');
  process.exit(64);
}
process.stdout.write([INTRO, ...runs.map(section)].join('\n'));

function section({ about, results }: Run, index: number): string {
  const { command, date, ...machine } = about;
  const title = runs.length > 1 ? `## Run ${index + 1}` : '## The run';
  const intro = `${title}\n\n\`${command}\`, on ${date}:\n`;
  const described = table(
    ['', ''],
    Object.entries(machine).map(([name, value]) => [
      name,
      typeof value === 'number' ? formatValue(value) : value,
    ]),
  );
  return [intro, described, ...results.map(scenarioOf)].join('\n');
}

function scenarioOf({ scenario, figures, failures, details, busyBefore }: Result): string {
  const parts = [`### ${scenario}\n`];
  const about = ABOUT[scenario];
  if (about !== undefined) parts.push(`${about}\n`);
  parts.push(
    table(['figure', 'measured', 'target', ''], figures.map(rowOf)),
    `Others used ${Math.round(busyBefore * 100)} % of the machine just before.\n`,
  );
  if (details?.length) parts.push(`\`\`\`\n${formatDetails(details)}\n\`\`\`\n`);
  if (failures.length > 0) parts.push(`**Failed:** ${failures.join('; ')}\n`);
  return parts.join('\n');
}

function rowOf(figure: Figure): string[] {
  return [
    figure.name,
    `${formatValue(figure.value)} ${figure.unit}`.trim(),
    targetOf(figure),
    verdictOf(figure),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
