import { type Findings, isSettled, type RunTest, type Verdict } from './behaviour-proofs.ts';

/** The findings as lines for people: each behaviour with at most `most` of its tests, then what is wrong. */
export function behaviourList({ verdicts, unknown }: Findings, most: number): string {
  const lines = [
    ...verdicts.flatMap((verdict) => linesOf(verdict, most)),
    '',
    ...unknown.flatMap(({ id, tests }) => [
      `${id} is not in docs/behaviours.md, but named by`,
      ...tests.map((test) => `  ${testText(test)}`),
    ]),
    summary(verdicts),
  ];
  return `${lines.join('\n')}\n`;
}

function linesOf({ id, verdict, proofs, others, required }: Verdict, most: number): string[] {
  const state = verdict === 'PROVEN' ? String(proofs.length) : verdict.toLowerCase();
  const head = `${id.padEnd(5)}  ${state}${required || verdict === 'PROVEN' ? '' : ' (not required)'}`;
  const tests = [...proofs, ...others];
  const left = tests.length - most;
  return [
    head,
    ...tests.slice(0, most).map((test) => `       ${testText(test)}`),
    ...(left > 0 ? [`       and ${left} more`] : []),
  ];
}

function testText({ file, name, state }: RunTest): string {
  return `${state === 'passed' ? '' : `${state}: `}${file}: ${name}`;
}

function summary(verdicts: readonly Verdict[]): string {
  const proven = verdicts.filter(({ verdict }) => verdict === 'PROVEN').length;
  const wanting = verdicts.filter((verdict) => !isSettled(verdict)).map(({ id }) => id);
  const rest = wanting.length === 0 ? 'nothing required is missing' : `to be proven: ${wanting.join(', ')}`;
  return `${proven} of ${verdicts.length} behaviours proven; ${rest}`;
}
