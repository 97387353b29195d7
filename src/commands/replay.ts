import { styleText } from 'node:util';
import type { Command } from 'commander';
import { PROFILES, profileNamed } from '../domain/policy/profiles.ts';
import { checkBounds, parseDuration } from '../domain/time/duration.ts';
import { type ReplaySettings, replay } from '../insight/replay/replay.ts';
import { countGaps, replayReport } from '../insight/replay/replay-report.ts';
import { readTimeline } from '../insight/replay/timeline.ts';
import { withProgress } from './progress.ts';
import { printJson, printStyled } from './terminal.ts';

type Options = { after?: string; reopenWithin?: string; profile: string; json?: true };

/** Adds `lull replay`, which evaluates settings on a recorded timeline (LL-12). */
export function addReplay(program: Command): void {
  program
    .command('replay')
    .summary('test a close threshold on a recorded timeline')
    .description(
      'Plays a timeline through the rules in virtual time. Prints how many conversations would have closed, ' +
        'and how many of these closes were premature: the consumer replied within the reopen window. Needs no ' +
        'server and no database, and changes nothing.',
    )
    .argument('<file>', 'a CSV file with the columns conversation, at, from, agent and skill')
    .option('--after <duration>', "close after this much silence (default: the profile's, P90D for LULL)")
    .option(
      '--reopen-within <duration>',
      "reopen on a reply within this time after a close (default: the profile's, P4D for LULL)",
    )
    .option(
      '--profile <name>',
      `the profile that sets bounds and defaults: ${Object.keys(PROFILES).join(', ')}`,
      'LULL',
    )
    .option('--json', 'print only the counts on stdout, as JSON')
    .addHelpText(
      'after',
      `
Durations are ISO 8601, such as PT25M, PT2H or P7D.

Examples:
  $ lull replay examples/support-timeline.csv --after PT2H
  $ lull replay examples/support-timeline.csv --after P7D --reopen-within P14D --json`,
    )
    .action(run);
}

async function run(file: string, options: Options): Promise<void> {
  const settings = readSettings(options);
  const rows = await withProgress('Reading', (onProgress) => readTimeline(file, onProgress));
  const result = await withProgress('Replaying', (onProgress) => replay(rows, settings, onProgress));
  if (options.json) printJson(result);
  else printStyled(replayReport(settings, result, countGaps(rows), (text) => styleText('bold', text)));
}

function readSettings(options: Options): ReplaySettings {
  const profile = profileNamed(options.profile, '--profile');
  const { autoCloseAfter, reopenWithin } = profile.defaults;
  const settings = {
    profile,
    after: options.after === undefined ? autoCloseAfter : parseDuration(options.after, '--after'),
    reopenWithin:
      options.reopenWithin === undefined
        ? reopenWithin
        : parseDuration(options.reopenWithin, '--reopen-within'),
  };
  checkBounds(settings.after, profile.bounds.autoCloseAfter, '--after');
  checkBounds(settings.reopenWithin, profile.bounds.reopenWithin, '--reopen-within');
  return settings;
}
