import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { behaviourList } from '../../scripts/behaviour-list.ts';
import { judge, parseBehaviours, parseRun, type RunTest } from '../../scripts/behaviour-proofs.ts';
import { root } from '../support/run.ts';

// No title here may name a behaviour: npm run behaviours would take the test for its proof.

/** A page with four rows, of which the last two need no proof. */
const PAGE = `# Behaviours
Tests name the ids they prove ('LP-9 so').

## LP: auto close
| id | behaviour |
|---|---|
| LP-1 | An idle one is closed. |
| SF-12 | An agent marks it. |

| id | behaviour | seen in |
|---|---|---|
| PE-13 | Matched count. | Zammad |
| LL-1 | Explain. |
`;
const behaviours = parseBehaviours(PAGE);
const test = (name: string, state: RunTest['state'] = 'passed'): RunTest => ({
  file: 'a.test.ts',
  name,
  state,
});
const both = [test('LP-1 closes'), test('SF-12 marks')];
const verdicts = (tests: RunTest[]) =>
  Object.fromEntries(judge(behaviours, tests).verdicts.map(({ id, verdict }) => [id, verdict]));

describe('the table of behaviours', () => {
  it('is read row by row, whatever columns follow', () => {
    expect(behaviours).toEqual([
      { id: 'LP-1', text: 'An idle one is closed.' },
      { id: 'SF-12', text: 'An agent marks it.' },
      { id: 'PE-13', text: 'Matched count.' },
      { id: 'LL-1', text: 'Explain.' },
    ]);
  });

  it('has rows without duplicates', () => {
    expect(() => parseBehaviours('# Behaviours\n')).toThrow('no row');
    expect(() => parseBehaviours(`${PAGE}| LP-1 | Again. |\n`)).toThrow('LP-1 stands twice');
  });

  it('of docs/behaviours.md has exactly the expected rows and requirements', () => {
    const count = { LP: 13, SF: 14, SP: 13, PE: 15, LL: 15 };
    const ids = Object.entries(count).flatMap(([kind, rows]) =>
      Array.from({ length: rows }, (_, index) => `${kind}-${index + 1}`),
    );
    const rows = parseBehaviours(readFileSync(join(root, 'docs/behaviours.md'), 'utf8'));
    expect(rows.map(({ id }) => id)).toEqual(ids);
    const required = judge(rows, []).verdicts.filter((row) => row.required);
    expect(required.map(({ id }) => id)).toEqual(ids.filter((id) => !id.startsWith('LL') && id !== 'PE-13'));
  });
});

describe('a behaviour', () => {
  it('is proven by the tests that passed and name it, including each case of a parametrised test', () => {
    const tests = [
      test('LP-1 closes a'),
      test('LP-1 closes b'),
      test('LP-1 closes c', 'failed'),
      test('other'),
    ];
    expect(judge(behaviours, tests).verdicts[0]).toEqual({
      id: 'LP-1',
      text: 'An idle one is closed.',
      required: true,
      verdict: 'PROVEN',
      proofs: tests.slice(0, 2),
      others: tests.slice(2, 3),
    });
  });

  it('is not proven by tests that failed or were skipped', () => {
    const failed = test('LP-1 closes', 'failed');
    const skipped = test('LP-1 closes again', 'skipped');
    expect(verdicts([failed, skipped])).toMatchObject({ 'LP-1': 'FAILING', 'SF-12': 'MISSING' });
    expect(verdicts([skipped])).toMatchObject({ 'LP-1': 'SKIPPED', 'SF-12': 'MISSING' });
    expect(verdicts([])).toMatchObject({ 'LP-1': 'MISSING', 'SF-12': 'MISSING' });
  });

  it.each(['SF-12, LP-1 both', 'both (LP-1/SF-12)', 'of LP-1: it ends SF-12', 'LP-1–SF-12'])(
    'is proven by a title that names several behaviours',
    (title) => expect(verdicts([test(title)])).toMatchObject({ 'LP-1': 'PROVEN', 'SF-12': 'PROVEN' }),
  );

  it.each(['LP-1b closes', 'XLP-1 closes', 'LP 1 closes', 'lp-1 closes', 'LP- 1 closes'])(
    'is named only by a whole word',
    (title) => {
      const { verdicts, unknown } = judge(behaviours, [test(title)]);
      expect(verdicts[0]?.verdict).toBe('MISSING');
      expect(unknown).toEqual([]);
    },
  );
});

describe('the verdict', () => {
  it('is ok if every required behaviour is proven', () => {
    expect(judge(behaviours, both).ok).toBe(true);
    expect(judge(behaviours, [...both, test('LP-1 again', 'failed'), test('LL-1 a', 'failed')]).ok).toBe(
      true,
    );
  });

  it.each(['failed', 'skipped'] as const)(
    'is not ok if the only proof of a required behaviour %s',
    (state) => {
      expect(judge(behaviours, [both[0] as RunTest, test('SF-12 marks', state)]).ok).toBe(false);
    },
  );

  it('is not ok if a required behaviour has no test', () => {
    expect(judge(behaviours, both.slice(1)).ok).toBe(false);
  });

  it.each(['LP-2', 'LP-14', 'LL-01', 'SF-1'])(
    'is not ok if a test names an id that has no row (%#)',
    (id) => {
      const typo = test(`${id} closes`, 'skipped');
      const findings = judge(behaviours, [...both, typo]);
      expect(findings).toMatchObject({ ok: false, unknown: [{ id, tests: [typo] }] });
    },
  );

  it('ignores words that only resemble an id', () => {
    expect(judge(behaviours, [...both, test('reads UTF-8 and SHA-256')])).toMatchObject({
      ok: true,
      unknown: [],
    });
  });
});

describe('the report of vitest', () => {
  const result = (name: string, status: string, assertionResults: object[]) => ({
    name,
    status,
    assertionResults,
  });
  const one = (fullName: string, status: string) => ({ fullName, status });
  const json = (...testResults: object[]) => JSON.stringify({ testResults });

  it('is read with the titles of enclosing blocks, and with paths relative to the project', () => {
    const tests = [one(' LP-1 closes > when idle', 'passed'), one('b', 'failed'), one('c', 'skipped')];
    const report = json(
      result('/p/test/a.test.ts', 'failed', [...tests, one('d', 'pending'), one('e', 'todo')]),
      result('/p/test/broken.test.ts', 'failed', []),
      result('/p/test/empty.test.ts', 'passed', []),
    );
    const file = 'test/a.test.ts';
    expect(parseRun(report, '/p')).toEqual({
      tests: [
        { file, name: 'LP-1 closes > when idle', state: 'passed' },
        { file, name: 'b', state: 'failed' },
        ...['c', 'd', 'e'].map((name) => ({ file, name, state: 'skipped' })),
      ],
      notRun: ['test/broken.test.ts'],
    });
  });

  it.each(['', '{}', '[]', '{"testResults":[{}]}'])('is refused if it is %j', (text) => {
    expect(() => parseRun(text, '/p')).toThrow();
  });
});

describe('the printed list', () => {
  const findings = judge(behaviours, [
    test('LP-1 a'),
    test('LP-1 b'),
    test('LP-1 c', 'failed'),
    test('SF-12 d', 'skipped'),
    test('SF-13 e'),
  ]);

  it('shows a few tests for each behaviour, and what is missing or wrong', () => {
    expect(behaviourList(findings, 1)).toBe(`LP-1   2
       a.test.ts: LP-1 a
       and 2 more
SF-12  skipped
       skipped: a.test.ts: SF-12 d
PE-13  missing (not required)
LL-1   missing (not required)

SF-13 is not in docs/behaviours.md, but named by
  a.test.ts: SF-13 e
1 of 4 behaviours proven; to be proven: SF-12
`);
  });

  it('shows all tests if asked to', () => {
    expect(behaviourList(findings, Number.POSITIVE_INFINITY)).toContain(`LP-1   2
       a.test.ts: LP-1 a
       a.test.ts: LP-1 b
       failed: a.test.ts: LP-1 c
SF-12`);
  });

  it('states when nothing is missing', () => {
    expect(behaviourList(judge(behaviours, both), 1)).toMatch(
      /\n\n2 of 4 behaviours proven; nothing required is missing\n$/,
    );
  });
});
