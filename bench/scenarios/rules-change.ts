import { setPolicy } from '../../src/lifecycle/change-rules.ts';
import { rewriteStoredDeadlines } from '../baselines/stored-deadlines.ts';
import { median } from '../measure.ts';
import type { Findings } from '../report.ts';
import type { Account } from '../seed.ts';
import { type Stage, settled } from '../stage.ts';

const TIMES = 9;
/** Two thresholds under which nobody is due, so that the change alone is measured. */
const THRESHOLDS = ['P31D', 'P30D'];

/** How long a change of the threshold takes, and until it is in force in every lane; and what storing deadlines would cost. */
export async function rulesChange(stage: Stage): Promise<Findings> {
  const small = await change(stage, stage.small);
  const big = await change(stage, stage.big);
  const rewriteMs = await rewriteStoredDeadlines(stage);
  const named = (account: Account) => `${account.conversations.toLocaleString('en')} open`;
  const figures: Findings['figures'] = [];
  for (const [account, measured] of [
    [stage.small, small],
    [stage.big, big],
  ] as const)
    figures.push(
      {
        name: `mutation, median of ${TIMES}, ${named(account)}`,
        value: median(measured.mutationMs),
        unit: 'ms',
        atMost: 20,
      },
      { name: `mutation, slowest, ${named(account)}`, value: Math.max(...measured.mutationMs), unit: 'ms' },
      { name: `statements of the mutation, ${named(account)}`, value: measured.statements, unit: '' },
      {
        name: `in force in every lane, median, ${named(account)}`,
        value: median(measured.inForceMs),
        unit: 'ms',
        atMost: 1000,
      },
      {
        name: `in force in every lane, slowest, ${named(account)}`,
        value: Math.max(...measured.inForceMs),
        unit: 'ms',
      },
    );
  figures.push(
    { name: `stored deadlines rewritten, ${named(stage.big)}`, value: rewriteMs, unit: 'ms' },
    {
      name: 'stored deadlines / mutation',
      value: rewriteMs / median(big.mutationMs),
      unit: '×',
      atLeast: 200,
    },
    { name: 'stored deadlines / in force', value: rewriteMs / median(big.inForceMs), unit: '×' },
  );
  return { figures, failures: [] };
}

async function change(stage: Stage, account: Account) {
  const { deps, db } = stage.engine;
  const place = { channelId: null, skillId: null, expectedVersion: null };
  const mutationMs: number[] = [];
  const inForceMs: number[] = [];
  let statements = Number.POSITIVE_INFINITY;
  for (let time = 0; time < TIMES + 1; time++) {
    const fields = { autoCloseAfter: THRESHOLDS[time % THRESHOLDS.length] };
    const counted = countStatements(db.sql);
    const started = performance.now();
    await setPolicy(deps, account.accountId, { ...place, fields }, { changedBy: 'bench', why: null });
    const returned = performance.now();
    // The reconciler and the clock use the same client: the least is the mutation's own.
    statements = Math.min(statements, counted.stop());
    await settled(stage, account);
    // The first warms up; an even number of changes leaves the threshold as it was.
    if (time === 0) continue;
    mutationMs.push(returned - started);
    inForceMs.push(performance.now() - started);
  }
  return { mutationMs, inForceMs, statements };
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
