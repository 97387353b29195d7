import { withProgress } from '../../src/commands/progress.ts';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import { setPolicy } from '../../test/support/flows.ts';
import { type Rewriting, rewriteStoredDeadlines } from '../baselines/stored-deadlines.ts';
import { median } from '../measure.ts';
import type { Figure, Findings } from '../report.ts';
import { type Account, seedAccount } from '../seed.ts';
import { type Stage, settled } from '../stage.ts';

const MIDDLE = 100_000;
const TIMES = 11;
/** Two thresholds under which nobody is due, so that the change alone is measured. */
const THRESHOLDS = ['P31D', 'P30D'];
/** How much longer stored deadlines are to take, for a million conversations; for fewer, as much less. */
const TIMES_AS_LONG = 200 / 1_000_000;
/** Flat, allowing for what else happens: at most so many times as long for a hundred times the conversations. */
const FLAT = 1.5;

type Measured = { account: Account; mutationMs: number[]; inForceMs: number[]; statements: number };

/**
 * How long a change of the threshold takes, and until it is in force in every lane, however many conversations
 * there are; and what it takes to write stored deadlines anew. From the commit of the change nothing ends by the
 * old threshold any more; in force is when every lane knows its next alarm too.
 */
export async function rulesChange(stage: Stage, onProgress: Progress): Promise<Findings> {
  const accounts = [stage.small, ...(await middle(stage)), stage.big];
  const measured = accounts.map(
    (account): Measured => ({
      ...{ account, mutationMs: [], inForceMs: [] },
      statements: Number.POSITIVE_INFINITY,
    }),
  );
  // In turns, so that whatever else the machine does meets all alike; an even number leaves the threshold as it was.
  for (let time = 0; time < TIMES + 1; time++) {
    for (const each of measured) await change(stage, each, time);
    onProgress(time + 1, TIMES + 1);
  }
  const figures: Figure[] = [];
  for (const each of measured) {
    figures.push(...figuresOf(each));
    const rewriting = await rewriteStoredDeadlines(stage, each.account);
    figures.push(...comparedWith(rewriting, each, each.account === stage.big));
  }
  const [few, many] = [measured.at(0), measured.at(-1)];
  figures.push({
    ...{ name: `mutation, ${named(many?.account)} / ${named(few?.account)}`, unit: '×', atMost: FLAT },
    value: median(many?.mutationMs ?? []) / median(few?.mutationMs ?? []),
  });
  return { figures, failures: [] };
}

/** An account between the two, where they lie far enough apart. */
async function middle({ engine, big }: Stage): Promise<Account[]> {
  if (big.conversations <= MIDDLE) return [];
  return [
    await withProgress('Filling middle', (onProgress) => seedAccount(engine, 'middle', MIDDLE, onProgress)),
  ];
}

async function change(stage: Stage, measured: Measured, time: number): Promise<void> {
  const { deps, db } = stage.engine;
  const { account } = measured;
  const place = { channelId: null, skillId: null, expectedVersion: null };
  const fields = { autoCloseAfter: THRESHOLDS[time % THRESHOLDS.length] };
  await settled(stage, account);
  const counted = countStatements(db.sql);
  const started = performance.now();
  await setPolicy(deps, account.accountId, { ...place, fields }, { changedBy: 'bench', why: null });
  const returned = performance.now();
  // The reconciler and the clock use the same client: the least is the mutation's own.
  measured.statements = Math.min(measured.statements, counted.stop());
  await settled(stage, account);
  // The first warms up.
  if (time === 0) return;
  measured.mutationMs.push(returned - started);
  measured.inForceMs.push(performance.now() - started);
}

function figuresOf({ account, mutationMs, inForceMs, statements }: Measured): Figure[] {
  const what = named(account);
  return [
    {
      ...{ name: `mutation, median of ${TIMES}, ${what}`, unit: 'ms', atMost: 20 },
      value: median(mutationMs),
    },
    { name: `mutation, slowest, ${what}`, value: Math.max(...mutationMs), unit: 'ms' },
    { name: `statements of the mutation, ${what}`, value: statements, unit: '' },
    {
      ...{ name: `in force in every lane, median, ${what}`, unit: 'ms', atMost: 1000 },
      value: median(inForceMs),
    },
    { name: `in force in every lane, slowest, ${what}`, value: Math.max(...inForceMs), unit: 'ms' },
  ];
}

/** The better of the two ways counts. */
function comparedWith({ atOnceMs, inChunksMs }: Rewriting, measured: Measured, isBiggest: boolean): Figure[] {
  const what = named(measured.account);
  const rewriteMs = Math.min(atOnceMs, inChunksMs);
  const atLeast = TIMES_AS_LONG * measured.account.conversations;
  return [
    { name: `stored deadlines rewritten at once, ${what}`, value: atOnceMs, unit: 'ms' },
    { name: `stored deadlines rewritten in chunks, ${what}`, value: inChunksMs, unit: 'ms' },
    {
      ...{ name: `stored deadlines / mutation, ${what}`, unit: '×', ...(isBiggest && { atLeast }) },
      value: rewriteMs / median(measured.mutationMs),
    },
    {
      ...{ name: `stored deadlines / in force, ${what}`, unit: '×' },
      value: rewriteMs / median(measured.inForceMs),
    },
  ];
}

function named(account: Account | undefined): string {
  return `${account?.conversations.toLocaleString('en')} open`;
}

/** Counts what a client sends, the begin and commit of a transaction included. */
function countStatements(sql: Stage['admin']): { stop(): number } {
  const options = sql.options as { debug?: unknown };
  let count = 0;
  options.debug = () => count++;
  return {
    stop() {
      options.debug = false;
      return count;
    },
  };
}
