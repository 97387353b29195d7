import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { withProgress } from '../src/commands/progress.ts';
import { encodeId } from '../src/schema/core/ids.ts';
import { describeMachine } from './machine.ts';
import { median } from './measure.ts';
import { formatTable, formatValue } from './report.ts';
import { audit, overdue } from './soak/audit.ts';
import { openListeners } from './soak/listeners.ts';
import { openSamples } from './soak/samples.ts';
import { KINDS, type Kind, startTraffic, type Tally } from './soak/traffic.ts';
import { judge, RULE, type Verdict } from './soak/verdict.ts';
import { openWorld, QUIET_SECONDS, type World } from './soak/world.ts';

type Options = {
  minutes: number;
  rows: number;
  rate: number;
  subscriptions: number;
  redis?: true;
  json?: true;
};
type Asked = Record<Kind, Tally>;

const SAMPLE_MS = 5_000;
/** Conversations that subscriptions and queries name. */
const NAMED = 1_000;
/** After the traffic, until nothing may be overdue any more: the longest threshold, and a reconciler's round. */
const SETTLES_WITHIN_MS = (QUIET_SECONDS + 5 + 20) * 1_000;

const program = new Command('soak')
  .description(
    'Lets mixed traffic run over a real API and worker for minutes, and says whether anything of them grows that should not. Everything is removed afterwards.',
  )
  .option('--minutes <count>', 'how long', wholeNumber, 10)
  .option('--rows <count>', 'open conversations that are there before', wholeNumber, 100_000)
  .option(
    '--rate <count>',
    'activities a second, in calls of 500; a twelfth more in calls of one',
    wholeNumber,
    500,
  )
  .option('--subscriptions <count>', 'that stay open; others come and go', wholeNumber, 300)
  .option('--redis', 'the queue on a Redis of its own instead of on Postgres')
  .option('--json', 'every figure and sample as JSON on stdout, instead of tables')
  .parse();
const options = program.opts<Options>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await run(options);

async function run({ minutes, rows, rate, subscriptions, redis, json }: Options): Promise<number> {
  const world = await openWorld(rows, redis === true);
  try {
    const machine = await describeMachine(world.admin, world.engine.queues.kind);
    const named = await namedConversations(world);
    const samples = openSamples(world);
    const listeners = await openListeners(world, subscriptions, named);
    const traffic = startTraffic(world, rate, named);
    const asked: Asked[] = [];
    const unseen: string[] = [];
    await withProgress(`Soaking for ${minutes} min`, async (onProgress) => {
      const started = performance.now();
      const totalMs = minutes * 60_000;
      for (let next = started; next - started < totalMs; next += SAMPLE_MS) {
        onProgress(Math.round((next - started) / 1_000), totalMs / 1_000);
        await sleep(Math.max(0, next + SAMPLE_MS - performance.now()));
        await samples.take().catch((error) => unseen.push(`nothing was to be seen: ${error}`));
        asked.push(traffic.take());
      }
    });
    await traffic.stop();
    const late = await settle(world);
    const { open, heard, lost } = listeners;
    const listening = { open: open(), heard: heard(), lost: lost() };
    await listeners.stop();
    const calls = world.calls();
    const stopFaults = await world.stop();
    const { checked, faults } = await audit(world, traffic.acknowledged);
    const failures = [
      ...faults,
      ...stopFaults,
      ...(late > 0 ? [`${late} conversations were not closed in time`] : []),
      ...(listening.lost > 0 ? [`${listening.lost} subscriptions ended by themselves or were refused`] : []),
      ...traffic.faults,
      ...unseen.slice(0, 10),
    ];
    const series = samples.series();
    const verdicts = series.map(judge);
    const about = {
      ...machine,
      ...{ minutes, rows, 'activities a second': rate, acknowledged: checked },
      ...{ 'live updates': listening.heard, subscriptions: listening.open, 'webhooks sent': calls },
    };
    const totals = totalsOf(asked);
    process.stdout.write(
      json
        ? `${JSON.stringify({ about, rule: RULE, verdicts, requests: totals, failures, series }, null, 2)}\n`
        : format(about, verdicts, totals, failures),
    );
    return failures.length > 0 || verdicts.some(({ verdict }) => verdict === 'GROWS') ? 1 : 0;
  } finally {
    await world.close();
  }
}

async function namedConversations({ admin, account }: World): Promise<string[]> {
  const rows = await admin<{ id: string }[]>`
    select id from conversation where account_id = ${account.accountId} order by id limit ${NAMED}`;
  return rows.map(({ id }) => encodeId('Conversation', id));
}

/** Waits for whatever is open to fall due and be closed; how many are not. */
async function settle(world: World): Promise<number> {
  const until = performance.now() + SETTLES_WITHIN_MS;
  for (;;) {
    const open = await overdue(world, 0);
    if (open === 0 || performance.now() > until) return open;
    await sleep(1_000);
  }
}

function totalsOf(asked: readonly Asked[]): (Tally & { kind: Kind })[] {
  return KINDS.map((kind) => {
    const all = asked.map((each) => each[kind]);
    const sum = (name: 'asked' | 'failed' | 'busy' | 'skipped') =>
      all.reduce((total, each) => total + each[name], 0);
    const busy = all.filter((each) => each.asked > 0);
    return {
      kind,
      ...{ asked: sum('asked'), failed: sum('failed'), busy: sum('busy'), skipped: sum('skipped') },
      p50Ms: median(busy.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(busy.map(({ p99Ms }) => p99Ms)),
    };
  });
}

function format(
  about: Record<string, string | number>,
  verdicts: readonly Verdict[],
  totals: readonly (Tally & { kind: Kind })[],
  failures: readonly string[],
): string {
  const lines = Object.entries(about).map(([name, value]) => `${name.padEnd(20)} ${value}`);
  const requests = totals.map(({ kind, asked, failed, busy, skipped, p50Ms, p99Ms }) =>
    [kind, asked, failed, busy, skipped, p50Ms, p99Ms].map(show),
  );
  const rows = verdicts.map(({ name, unit, first, last, trend, verdict }) => [
    name,
    `${formatValue(first)} ${unit}`.trim(),
    `${formatValue(last)} ${unit}`.trim(),
    trend.toFixed(2),
    verdict,
  ]);
  return [
    lines.join('\n'),
    formatTable(['requests', 'asked', 'failed', 'busy', 'left out', 'p50 ms', 'p99 ms'], requests),
    formatTable(['figure', 'first quarter', 'last quarter', 'trend', ''], rows),
    RULE,
    failures.length === 0 ? 'nothing is missing, early or twice' : `FAILED\n  ${failures.join('\n  ')}`,
    '',
  ].join('\n\n');
}

function show(value: string | number): string {
  return typeof value === 'number' ? formatValue(value) : value;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 is allowed');
  return Number(text);
}
