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
    .summary('play a recorded timeline into the database')
    .description(
      'Plays a timeline into the database as if Lull had been there, up to now: conversations start, close and reopen at their instants, and nobody outside hears of it. What is open at its end closes when its time comes. Importing the same file again adds nothing. Writes: it migrates the database, and makes what is not there.',
    )
    .argument('<file>', 'a CSV file with the columns conversation, at, from, agent and skill')
    .option('--account <name>', 'the account, made if there is none of that name', 'default')
    .option('--channel <name>', 'its channel, made on the web adapter if there is none of that name', 'web')
    .option('--shift-to-now', 'move the whole timeline so that its last message lies at now')
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
  const left = played.ahead > 0 ? `, ${played.ahead} left out as they lie ahead of now` : '';
  print(
    `${played.added} messages added, ${played.known} known already${left}: account ${cell(options.account)}, channel ${cell(options.channel)}, ${seconds.toFixed(1)} s, ${perSecond} rows/s\n`,
  );
}

/** The command's own output replaces informational log lines. */
function quieter(
  level: ReturnType<typeof readConfig>['logLevel'],
): ReturnType<typeof readConfig>['logLevel'] {
  return level === 'info' ? 'warn' : level;
}
