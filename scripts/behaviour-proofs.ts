import { z } from 'zod';

/** A row of docs/behaviours.md. */
export type Behaviour = { id: string; text: string };
/** A test of a run: `name` begins with the titles of what it stands in. Only a passed one proves anything. */
export type RunTest = { file: string; name: string; state: 'passed' | 'failed' | 'skipped' };
/** What vitest made of its files; `notRun` could not be run at all, so that their tests are not known. */
export type Run = { tests: readonly RunTest[]; notRun: readonly string[] };

/** A behaviour with the tests that name it. FAILING and SKIPPED: no test passed, and these did not help. */
export type Verdict = Behaviour & {
  /** Whether the release needs it proven. */
  required: boolean;
  verdict: 'PROVEN' | 'FAILING' | 'SKIPPED' | 'MISSING';
  proofs: readonly RunTest[];
  /** Tests that name it and failed or were skipped. */
  others: readonly RunTest[];
};
/** An id that tests name and the table does not have. */
export type UnknownId = { id: string; tests: readonly RunTest[] };
/** `ok`: every required behaviour is proven, and no test names an unknown id. */
export type Findings = { ok: boolean; verdicts: readonly Verdict[]; unknown: readonly UnknownId[] };

/** What need not be proven: what no peer has (LL), and PE-13, a count that comes with LL-4's preview. */
const NOT_REQUIRED = /^(LL-\d+|PE-13)$/;

const ROW = /^\| ([A-Z]+-\d+) \| (.*?) \|/gm;

/** The rows of the page's tables, in their order. @throws Error without any, or where an id stands twice */
export function parseBehaviours(page: string): Behaviour[] {
  const rows = [...page.matchAll(ROW)].map(([, id = '', text = '']) => ({ id, text }));
  const twice = rows.find(({ id }, index) => rows.findIndex((row) => row.id === id) < index);
  if (rows.length === 0) throw new Error('the page has no row of a behaviour');
  if (twice) throw new Error(`${twice.id} stands twice in the page`);
  return rows;
}

const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

/**
 * Reads what vitest's JSON reporter wrote. Files are named from `root`, the project's folder.
 * @throws Error where it is something else
 */
export function parseRun(json: string, root: string): Run {
  const { testResults } = Report.parse(JSON.parse(json));
  const files = testResults.map(({ name, ...rest }) => ({
    ...rest,
    file: name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name,
  }));
  return {
    tests: files.flatMap(({ file, assertionResults }) =>
      assertionResults.map(({ fullName, status }) => ({
        file,
        name: fullName.trim(),
        state: status === 'passed' || status === 'failed' ? status : 'skipped',
      })),
    ),
    notRun: files
      .filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0)
      .map(({ file }) => file),
  };
}

/** Holds the tests of a run against the behaviours that their names speak of, as whole words. */
export function judge(behaviours: readonly Behaviour[], tests: readonly RunTest[]): Findings {
  const naming = testsById(behaviours, tests);
  const verdicts = behaviours.map((behaviour) => verdictOf(behaviour, naming.get(behaviour.id) ?? []));
  const known = new Set(behaviours.map(({ id }) => id));
  const unknown = [...naming].filter(([id]) => !known.has(id)).map(([id, tests]) => ({ id, tests }));
  const ok = unknown.length === 0 && verdicts.every(isSettled);
  return { ok, verdicts, unknown };
}

/** Whether nothing more is needed of it. */
export function isSettled({ required, verdict }: Verdict): boolean {
  return verdict === 'PROVEN' || !required;
}

/** The tests by the ids in their names; an id is the kind of a row (`LP`) and a number, whether there is one or not. */
function testsById(behaviours: readonly Behaviour[], tests: readonly RunTest[]): Map<string, RunTest[]> {
  const kinds = new Set(behaviours.map(({ id }) => id.split('-')[0]));
  const ids = new RegExp(`\\b(?:${[...kinds].join('|')})-\\d+\\b`, 'g');
  const naming = new Map<string, RunTest[]>();
  for (const test of tests)
    for (const id of new Set(test.name.match(ids))) naming.set(id, [...(naming.get(id) ?? []), test]);
  return naming;
}

function verdictOf(behaviour: Behaviour, tests: readonly RunTest[]): Verdict {
  const proofs = tests.filter(({ state }) => state === 'passed');
  const others = tests.filter(({ state }) => state !== 'passed');
  const without = others.length === 0 ? 'MISSING' : 'SKIPPED';
  const unproven = others.some(({ state }) => state === 'failed') ? 'FAILING' : without;
  return {
    ...behaviour,
    required: !NOT_REQUIRED.test(behaviour.id),
    verdict: proofs.length > 0 ? 'PROVEN' : unproven,
    proofs,
    others,
  };
}
