import type { Command } from 'commander';
import { type Lane, lanesOn } from '../db/rows/lanes.ts';
import { countOpenByLane, readNames } from '../insight/command-reads.ts';
import { type Column, instantText, reading, table } from './reading.ts';
import { print, printJson } from './terminal.ts';

type Listed = Lane & { channel: string; skill: string | null; open: number | null };

/** Adds `lull lanes`, which lists the lanes with their facts and alarms. */
export function addLanes(program: Command): void {
  program
    .command('lanes')
    .summary('list lanes and when each one wakes')
    .description(
      'Lists the lanes of an account, the next to wake first: its wake time, the facts that its conversations share, and its floor, the earliest clock that it can contain. Read-only.',
    )
    .option('--account <name>', 'the account', 'default')
    .option('--counts', 'count the open conversations of each lane; reads all of them')
    .option('--json', 'print only JSON on stdout')
    .action(run);
}

async function run({
  account,
  counts,
  json,
}: {
  account: string;
  counts?: true;
  json?: true;
}): Promise<void> {
  await reading(account, async ({ db: { sql } }, accountId) => {
    const channels = await readNames(sql, 'channel', accountId);
    const skills = await readNames(sql, 'skill', accountId);
    const lanes = await lanesOn(sql, accountId, [...channels.keys()]);
    const open = counts ? await countOpenByLane(sql, accountId) : null;
    const never = Number.MAX_SAFE_INTEGER;
    const rows = lanes
      .sort((a, b) => (a.wakeAt?.getTime() ?? never) - (b.wakeAt?.getTime() ?? never))
      .map(
        (lane): Listed => ({
          ...lane,
          channel: channels.get(lane.facts.channelId) ?? '',
          skill: lane.facts.skillId === null ? null : (skills.get(lane.facts.skillId) ?? ''),
          open: open === null ? null : (open.get(lane.id) ?? 0),
        }),
      );
    if (json) printJson(rows.map(jsonOf));
    else
      print(
        table(
          COLUMNS.filter(({ name }) => counts || name !== 'open'),
          rows,
        ),
      );
  });
}

const COLUMNS: readonly Column<Listed>[] = [
  { name: 'wakes', of: (row) => instantText(row.wakeAt) },
  { name: 'open', of: (row) => String(row.open) },
  { name: 'channel', of: (row) => row.channel },
  { name: 'skill', of: (row) => row.skill ?? '–' },
  { name: 'status', of: (row) => row.facts.status },
  { name: 'awaiting', of: (row) => row.facts.awaiting },
  { name: 'other facts', of: (row) => otherFacts(row).join(', ') || '–' },
  { name: 'floor', of: (row) => instantText(row.floor) },
  { name: 'id', of: (row) => row.id },
];

/** The facts that few lanes have. */
function otherFacts({ facts }: Listed): string[] {
  return [
    facts.held ? 'held' : [],
    facts.exempt ? 'exempt' : [],
    facts.manualResponseTime ? 'promised' : [],
    facts.overflowed ? 'overflowed' : [],
    facts.stage > 0 ? `warned ${facts.stage}` : [],
    facts.caseStatus === null ? [] : `case ${facts.caseStatus}`,
  ].flat();
}

function jsonOf({ id, facts, channel, skill, wakeAt, floor, open }: Listed) {
  const { channelId: _channelId, skillId: _skillId, ...rest } = facts;
  return { id, channel, skill, ...rest, wakeAt, floor, ...(open === null ? {} : { open }) };
}
