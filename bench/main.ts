import { Command, InvalidArgumentError } from 'commander';
import { busyShare, describeMachine } from './machine.ts';
import { timed } from './measure.ts';
import { type Findings, formatResults, type Result } from './report.ts';
import { closeDue } from './scenarios/close.ts';
import { explain } from './scenarios/explain.ts';
import { ingest } from './scenarios/ingest.ts';
import { lateness } from './scenarios/lateness.ts';
import { reads } from './scenarios/reads.ts';
import { rulesChange } from './scenarios/rules-change.ts';
import { openStage, type Stage, tidy } from './stage.ts';

type Options = { rows: number; only?: string[]; json?: true; redis?: string; seconds: number };

/** In the order in which they run: closing comes last, for it takes conversations away. */
const SCENARIOS: Record<string, (stage: Stage, options: Options) => Promise<Findings>> = {
  explain,
  reads,
  'rules-change': rulesChange,
  ingest,
  lateness: (stage, { seconds }) => lateness(stage, seconds),
  close: closeDue,
};

const program = new Command('bench')
  .description('Measures Lull against what Postgres itself can do, on a database of its own that it removes.')
  .option('--rows <count>', 'open conversations', wholeNumber, 1_000_000)
  .option('--only <names>', `of ${Object.keys(SCENARIOS).join(', ')}, with commas between`, scenarioNames)
  .option('--json', 'every figure as JSON on stdout, instead of a table')
  .option('--redis <url>', 'the queue on this Redis instead of on Postgres')
  .option('--seconds <count>', 'how long lateness is measured', wholeNumber, 60)
  .parse();
const options = program.opts<Options>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await run();

async function run(): Promise<number> {
  const busyAtStart = await busyShare();
  say(`filling the database with ${options.rows.toLocaleString('en')} open conversations`);
  const opened = await timed(() => openStage(options.rows, options.redis));
  const stage = opened.result;
  say(`  ${(opened.ms / 1000).toFixed(1)} s`);
  try {
    const machine = await describeMachine(stage.admin, stage.engine.queues.kind);
    const results: Result[] = [];
    for (const [scenario, play] of Object.entries(SCENARIOS)) {
      if (options.only && !options.only.includes(scenario)) continue;
      await tidy(stage);
      const busyBefore = await busyShare();
      say(scenario);
      const { ms, result } = await timed(() => play(stage, options));
      say(`  ${(ms / 1000).toFixed(1)} s`);
      results.push({ scenario, seconds: ms / 1000, busyBefore, ...result });
    }
    const about = { ...machine, rows: options.rows, lanes: stage.big.lanes.length, busyAtStart };
    process.stdout.write(
      options.json ? `${JSON.stringify({ about, results }, null, 2)}\n` : formatRun(about, results),
    );
    return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await stage.close();
  }
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
