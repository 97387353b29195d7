import { type Command, Option } from 'commander';
import type { StoredConversation } from '../db/rows/conversations.ts';
import { STATUSES, type Status } from '../domain/conversation/conversation.ts';
import { type Due, nextDue } from '../domain/time/timers.ts';
import { readNewestConversations } from '../insight/command-reads.ts';
import { readContacts } from '../insight/reads/contacts.ts';
import { readNamed } from '../insight/reads/named.ts';
import type { Existing } from './open-existing.ts';
import { type Column, instantText, reading, readLimit, table } from './reading.ts';
import { print, printJson } from './terminal.ts';

type Options = { account: string; status?: Status[]; limit: string; json?: true };
type Listed = StoredConversation & {
  due: Due | null;
  channel: string;
  skill: string | null;
  address: string | null;
};

/** Adds `lull conversations`, which lists the newest and the next timer of each. */
export function addConversations(program: Command): void {
  program
    .command('conversations')
    .summary('list conversations and their next timers')
    .description(
      "Lists an account's conversations, newest first, with the next timer of each and when it is due. Read-only.",
    )
    .option('--account <name>', 'the account', 'default')
    .addOption(
      new Option('--status <status...>', 'list only conversations with these statuses').choices(STATUSES),
    )
    .option('--limit <count>', 'the maximum number of conversations, 1 to 1000', '20')
    .option('--json', 'print only JSON on stdout')
    .action(run);
}

async function run({ account, status = [], limit, json }: Options): Promise<void> {
  const count = readLimit(limit);
  await reading(account, async (existing, accountId) => {
    const rows = await list(existing, accountId, status, count);
    if (json) printJson(rows.map(jsonOf));
    else print(table(COLUMNS, rows));
  });
}

async function list(
  { rules: cache, db: { sql } }: Existing,
  accountId: string,
  statuses: readonly Status[],
  limit: number,
): Promise<Listed[]> {
  const conversations = await readNewestConversations(sql, accountId, statuses, limit);
  const rules = await cache.newest(accountId);
  const ids = (of: (row: StoredConversation) => string | null) =>
    conversations.flatMap((row) => of(row) ?? []);
  const names = new Map(
    [
      ...(await readNamed(
        sql,
        'channel',
        accountId,
        ids((row) => row.channelId),
      )),
      ...(await readNamed(
        sql,
        'skill',
        accountId,
        ids((row) => row.skillId),
      )),
    ].map(({ id, name }) => [id, name]),
  );
  const contacts = await readContacts(
    sql,
    accountId,
    ids((row) => row.contactId),
  );
  const addresses = new Map(contacts.map(({ id, address }) => [id, address]));
  return conversations.map((row) => ({
    ...row,
    due: row.laneId === null ? null : nextDue(rules, row),
    channel: names.get(row.channelId) ?? '',
    skill: row.skillId === null ? null : (names.get(row.skillId) ?? ''),
    address: addresses.get(row.contactId) ?? null,
  }));
}

const COLUMNS: readonly Column<Listed>[] = [
  { name: 'id', of: (row) => row.id },
  { name: 'status', of: (row) => row.status },
  { name: 'due', of: (row) => instantText(row.due?.at ?? null) },
  { name: 'timer', of: (row) => row.due?.timer.kind ?? row.ending?.reason ?? '–' },
  { name: 'awaiting', of: (row) => row.awaiting },
  { name: 'channel', of: (row) => row.channel },
  { name: 'skill', of: (row) => row.skill ?? '–' },
  { name: 'address', of: (row) => row.address ?? '–' },
];

function jsonOf({ id, status, awaiting, channel, skill, address, lastActivityAt, ending, due }: Listed) {
  return {
    id,
    status,
    awaiting,
    channel,
    skill,
    address,
    lastActivityAt,
    due: due && { at: due.at, timer: due.timer.kind },
    ended: ending && { at: ending.at, reason: ending.reason, by: ending.by },
  };
}
