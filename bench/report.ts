/** One measured number. With a target it counts as reached or missed; `atMost` and `atLeast` are in its unit. */
export type Figure = {
  name: string;
  value: number;
  unit: 'ms' | 's' | '/s' | '×' | 'KiB' | 'MiB' | '';
  atMost?: number;
  atLeast?: number;
};

/** What a scenario found. `failures` are what must not be, whatever the machine: they make the exit code 1. */
export type Findings = { figures: Figure[]; failures: string[]; details?: Record<string, string | number>[] };

/** Findings with where they come from. `busyBefore`: the share of the machine that others used just before, 0 to 1. */
export type Result = Findings & { scenario: string; seconds: number; busyBefore: number };

/** Everything a run has to say, for people: a table of figures, then what did not go as it must. */
export function formatResults(results: readonly Result[]): string {
  const rows = results.flatMap(({ scenario, figures }) =>
    figures.map((figure, index) => [
      index === 0 ? scenario : '',
      figure.name,
      `${formatValue(figure.value)} ${figure.unit}`.trim(),
      targetOf(figure),
      verdictOf(figure),
    ]),
  );
  const parts = [formatTable(['scenario', 'figure', 'measured', 'target', ''], rows)];
  for (const { scenario, details } of results)
    if (details?.length) parts.push(`${scenario}\n${formatDetails(details)}`);
  const failures = results.flatMap(({ scenario, failures: own }) =>
    own.map((each) => `${scenario}: ${each}`),
  );
  if (failures.length > 0) parts.push(`FAILED\n${failures.map((each) => `  ${each}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}

/** Whether the figure meets its target; true without one. */
function isReached({ value, atMost, atLeast }: Figure): boolean {
  return value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
}

/** In a word; empty without a target. */
export function verdictOf(figure: Figure): string {
  if (figure.atMost === undefined && figure.atLeast === undefined) return '';
  return isReached(figure) ? 'reached' : 'MISSED';
}

/** What has to be reached, with its unit; empty without a target. */
export function targetOf({ atMost, atLeast, unit }: Figure): string {
  if (atMost !== undefined) return `≤ ${formatValue(atMost)} ${unit}`.trim();
  return atLeast === undefined ? '' : `≥ ${formatValue(atLeast)} ${unit}`.trim();
}

/** A table of what a scenario has to tell besides its figures. */
export function formatDetails(details: readonly Record<string, string | number>[]): string {
  const names = [...new Set(details.flatMap((detail) => Object.keys(detail)))];
  return formatTable(
    names,
    details.map((detail) =>
      names.map((name) => {
        const value = detail[name] ?? '';
        return typeof value === 'number' ? formatValue(value) : value;
      }),
    ),
  );
}

/** A table with its head, every column as wide as it has to be. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Three digits that count, whole from 100 on. */
export function formatValue(value: number): string {
  const fractions = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: fractions });
}
