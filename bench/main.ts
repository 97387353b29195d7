import { Command, InvalidArgumentError } from 'commander';
import { withProgress } from '../src/commands/progress.ts';
import type { Progress } from '../src/insight/replay/timeline.ts';
import { busyShare, describeMachine } from './machine.ts';
import { timed } from './measure.ts';
import { type Findings, formatResults, type Result } from './report.ts';
import { burst } from './scenarios/burst.ts';
import { closeDue } from './scenarios/close.ts';
import { explain } from './scenarios/explain.ts';
import { footprint } from './scenarios/footprint.ts';
import { ingest } from './scenarios/ingest.ts';
import { ingestHttp } from './scenarios/ingest-http.ts';
import { lateness } from './scenarios/lateness.ts';
import { lists } from './scenarios/lists.ts';
import { neighbours } from './scenarios/neighbours.ts';
import { reads } from './scenarios/reads.ts';
import { rulesChange } from './scenarios/rules-change.ts';
import { snapshotProbe } from './scenarios/snapshot-probe.ts';
import { start } from './scenarios/start.ts';
import { openStage, type Stage, tidy } from './stage.ts';

type Options = { rows: number; only?: string[]; json?: true; redis?: string | true; seconds: number };

/** Plays on the stage and tells how far it is, in steps of its own. */
type Scenario = (stage: Stage, options: Options, onProgress: Progress) => Promise<Findings>;

/** In the order in which they run: those that take conversations away come last. */
const SCENARIOS: Record<string, Scenario> = {
  start: (_stage, { seconds }, onProgress) => start(seconds, onProgress),
  explain,
  lists,
  reads: (stage, { seconds }, onProgress) => reads(stage, seconds, onProgress),
  'rules-change': (stage, _options, onProgress) => rulesChange(stage, onProgress),
  footprint,
  ingest: (stage, _options, onProgress) => ingest(stage, onProgress),
  'ingest-http': (stage, _options, onProgress) => ingestHttp(stage, onProgress),
  lateness: (stage, { seconds }) => lateness(stage, seconds),
  'snapshot-probe': (stage, { seconds }, onProgress) => snapshotProbe(stage, 2 * seconds, onProgress),
  close: closeDue,
  burst: (stage, _options, onProgress) => burst(stage, onProgress),
  neighbours: (stage, _options, onProgress) => neighbours(stage, onProgress),
};

/** Those for which all has to have been quiet for as long as at first: the database is filled anew for each. */
const ON_A_NEW_STAGE = ['close', 'burst', 'neighbours'];

const program = new Command('bench')
  .description('Measures Lull against what Postgres itself can do, on a database of its own that it removes.')
  .option('--rows <count>', 'open conversations', wholeNumber, 1_000_000)
  .option('--only <names>', `of ${Object.keys(SCENARIOS).join(', ')}, with commas between`, scenarioNames)
  .option('--json', 'every figure as JSON on stdout, instead of a table')
  .option('--redis [url]', 'the queue on this Redis instead of on Postgres; without a URL on one of its own')
  .option('--seconds <count>', 'how long lateness is measured, and reads at most', wholeNumber, 60)
  .parse();
const options = program.opts<Options>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await run();

async function run(): Promise<number> {
  const busyAtStart = await busyShare();
  let stage = await filled();
  try {
    const machine = await describeMachine(stage.admin, stage.engine.queues.kind);
    const results: Result[] = [];
    for (const [scenario, play] of Object.entries(SCENARIOS)) {
      if (options.only && !options.only.includes(scenario)) continue;
      if (ON_A_NEW_STAGE.includes(scenario) && results.length > 0) {
        await stage.close();
        stage = await filled();
      }
      await tidy(stage);
      const busyBefore = await busyShare();
      say(scenario);
      const { ms, result } = await timed(() =>
        withProgress(scenario, (onProgress) => play(stage, options, onProgress)),
      );
      say(`  ${(ms / 1000).toFixed(1)} s`);
      results.push({ scenario, seconds: ms / 1000, busyBefore, ...result });
    }
    const about = {
      command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
      date: new Date().toISOString().slice(0, 10),
      ...machine,
      rows: options.rows,
      lanes: stage.big.lanes.length,
      busyAtStart,
    };
    process.stdout.write(
      options.json ? `${JSON.stringify({ about, results }, null, 2)}\n` : formatRun(about, results),
    );
    return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await stage.close();
  }
}

async function filled(): Promise<Stage> {
  say(`filling the database with ${options.rows.toLocaleString('en')} open conversations`);
  const { ms, result } = await timed(() => openStage(options.rows, options.redis));
  say(`  ${(ms / 1000).toFixed(1)} s`);
  return result;
}

function formatRun(about: Record<string, string | number>, results: readonly Result[]): string {
  const lines = Object.entries(about).map(([name, value]) => `${name.padEnd(12)} ${value}`);
  const load = results.map(({ scenario, busyBefore }) => `${scenario} ${Math.round(busyBefore * 100)} %`);
  return `${lines.join('\n')}\nbusy before  ${load.join(', ')}\n\n${formatResults(results)}`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is allowed');
  return Number(text);
}

function scenarioNames(text: string): string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !Object.hasOwn(SCENARIOS, name));
  if (unknown !== undefined) throw new InvalidArgumentError(`there is no ${unknown}`);
  return names;
}
