import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { accountNamed, createAccount } from '../accounts/setup.ts';
import type { Engine } from '../app.ts';
import { readConfig } from '../config.ts';
import { readTimeline, type TimelineRow } from '../insight/replay/timeline.ts';
import { createLog } from '../log.ts';
import { ensureChannel } from '../rules/ensure-channel.ts';
import { play } from './play.ts';
import { withProgress } from './progress.ts';
import { readNewName } from './reading.ts';
import { cell, print } from './terminal.ts';

type Options = { account: string; channel: string; shiftToNow?: true };

/** Adds `lull import`, which plays a recorded timeline into an account. */
export function addImport(program: Command): void {
  program
    .command('import')
    .summary('import a recorded timeline into the database')
    .description(
      'Imports a timeline as if Lull had been running at the time: conversations start, close and reopen at their recorded instants, and nothing is sent. Conversations that are still open afterwards close when they are due. Importing the same file again adds nothing. Writes: migrates the database, and creates the database, account and channel if they do not exist.',
    )
    .argument('<file>', 'a CSV file with the columns conversation, at, from, agent and skill')
    .option('--account <name>', 'the account; created if it does not exist', 'default')
    .option('--channel <name>', 'the channel; created on the web adapter if it does not exist', 'web')
    .option('--shift-to-now', 'shift the whole timeline so that its last message is at the current time')
    .action(run);
}

async function run(file: string, options: Options): Promise<void> {
  const rows = await withProgress('Reading', (onProgress) => readTimeline(file, onProgress));
  for (const name of ['account', 'channel'] as const) readNewName(options[name], `--${name}`);
  const { openEngine } = await import('../app.ts');
  const config = readConfig();
  const engine = await openEngine(config, createLog({ ...config, logLevel: quieter(config.logLevel) }));
  try {
    await importRows(engine, rows, options);
  } finally {
    await engine.close();
  }
}

async function importRows(engine: Engine, rows: readonly TimelineRow[], options: Options): Promise<void> {
  const { deps, clock, settings: store } = engine;
  const accountId =
    (await accountNamed(deps, options.account)) ?? (await createAccount(deps, { name: options.account }));
  const settings = store.toStore('web', { secret: randomBytes(32).toString('base64url') });
  const channelId = await deps.afterCommit(
    ensureChannel(deps, accountId, { name: options.channel, adapter: 'web', settings }),
  );
  const newest = rows.reduce((latest, row) => Math.max(latest, row.at.getTime()), 0);
  const shiftMs = options.shiftToNow ? clock.now().getTime() - newest : 0;
  const started = clock.now().getTime();
  const played = await withProgress('Importing', (onProgress) =>
    play(deps, { accountId, channelId, messages: rows, shiftMsOf: () => shiftMs }, (done) =>
      onProgress(done, rows.length),
    ),
  );
  const seconds = (clock.now().getTime() - started) / 1000;
  const perSecond = Math.round(played.messages / Math.max(seconds, 0.001)).toLocaleString('en');
  const left = played.ahead > 0 ? `, ${played.ahead} skipped because they are in the future` : '';
  print(
    `${played.added} messages added, ${played.known} already known${left}: account ${cell(options.account)}, channel ${cell(options.channel)}, ${seconds.toFixed(1)} s, ${perSecond} rows/s\n`,
  );
}

/** The command's own output replaces informational log lines. */
function quieter(
  level: ReturnType<typeof readConfig>['logLevel'],
): ReturnType<typeof readConfig>['logLevel'] {
  return level === 'info' ? 'warn' : level;
}
