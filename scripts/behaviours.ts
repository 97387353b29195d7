import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { behaviourList } from './behaviour-list.ts';
import { type Findings, judge, parseBehaviours, parseRun, type Run } from './behaviour-proofs.ts';

const root = join(import.meta.dirname, '..');
/** How many tests of a behaviour the list shows without --all. */
const FEW = 3;

const program = new Command('behaviours')
  .description(
    'Lists which passed tests prove each row of docs/behaviours.md; exits 1 where a required one has none.',
  )
  .option('--results <file>', "what vitest's JSON reporter wrote, instead of running all tests now")
  .option('--all', 'every test, not only the first few')
  .option('--json', 'the findings as JSON on stdout, and nothing else there')
  .parse();
const options = program.opts<{ results?: string; all?: true; json?: true }>();

// A reader that has seen enough, such as `head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const page = readFileSync(join(root, 'docs/behaviours.md'), 'utf8');
try {
  const run = options.results === undefined ? await runTests() : readRun(options.results);
  report(judge(parseBehaviours(page), run.tests), run);
} catch (error) {
  program.error(`error: ${(error as Error).message}`, { exitCode: 2 });
}

function report(findings: Findings, { notRun }: Run): void {
  for (const file of notRun) process.stderr.write(`could not be run: ${file}\n`);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ...findings, notRun }, null, 2)}\n`
      : behaviourList(findings, options.all ? Number.POSITIVE_INFINITY : FEW),
  );
  process.exitCode = findings.ok ? 0 : 1;
}

/** Runs all tests; what they print goes to stderr. A run with failures has results too. */
async function runTests(): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'lull-behaviours-'));
  const file = join(folder, 'results.json');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  try {
    const child = spawn(process.execPath, [vitest, 'run', ...reporters], {
      cwd: root,
      stdio: ['ignore', process.stderr, process.stderr],
    });
    // Ctrl-C reaches the child by itself; it ends first, and tidies up.
    process.on('SIGINT', () => {});
    process.on('SIGTERM', () => child.kill());
    await once(child, 'close');
    return readRun(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws Error naming the file, where it holds no results */
function readRun(file: string): Run {
  try {
    return parseRun(readFileSync(file, 'utf8'), root);
  } catch (error) {
    throw new Error(`${file} holds no results of vitest: ${(error as Error).message}`);
  }
}
