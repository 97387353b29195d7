import type { Command } from 'commander';
import type { StoredConversation } from '../db/rows/conversations.ts';
import { readConversations } from '../db/rows/conversations-by-id.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { describeDuration, formatDuration, fromMilliseconds } from '../domain/time/duration.ts';
import { isUuid } from '../domain/uuid.ts';
import { type Explanation, explain, instantsOf, type TimerExplanation } from '../insight/explain.ts';
import { readSteps } from '../insight/feed.ts';
import { type Column, instantText, reading, table } from './reading.ts';
import { print, printJson } from './terminal.ts';

/** Adds `lull explain`, which explains when and why a conversation will end (LL-1). */
export function addExplain(program: Command): void {
  program
    .command('explain')
    .summary('show when and why a conversation will end')
    .description(
      'Shows every timer of a conversation: when it is due, the clock that it counts from, the policy that sets its duration, and its failing guards. Read-only.',
    )
    .argument('<id>', "the conversation's id, from `lull conversations` or the API")
    .option('--account <name>', "the conversation's account", 'default')
    .option('--json', 'print only JSON on stdout')
    .action(run);
}

async function run(text: string, { account, json }: { account: string; json?: true }): Promise<void> {
  const id = readId(text);
  await reading(account, async ({ rules: cache, db: { sql } }, accountId) => {
    const [conversation] = await readConversations(sql, accountId, [id]);
    if (!conversation) throw new NotFoundError('id', `conversation in the account ${account}`);
    const rules = await cache.newest(accountId);
    const request = { conversationId: id, instants: instantsOf(conversation) };
    const [steps = []] = await readSteps(sql, accountId, [request]);
    const explanation = explain(rules, conversation, steps);
    if (json) printJson(jsonOf(conversation, explanation));
    else print(page(conversation, explanation));
  });
}

/** Reads a plain id, or the global id of the API. */
function readId(text: string): string {
  const id = isUuid(text)
    ? text
    : /^Conversation:(.*)$/.exec(Buffer.from(text, 'base64').toString('utf8'))?.[1];
  if (id === undefined || !isUuid(id))
    throw new InvalidInputError(
      'id',
      'the id of a conversation is allowed, from `lull conversations` or the API',
    );
  return id.toLowerCase();
}

function page(conversation: StoredConversation, { due, timers }: Explanation): string {
  const { id, status, awaiting, ending } = conversation;
  const [next] = timers;
  const head = ending
    ? [
        `${id} has ended`,
        '',
        `  ended      ${instantText(ending.at)}`,
        `  reason     ${ending.reason}, by ${ending.by}`,
        `  rules      version ${ending.rulesVersion}`,
      ]
    : [`${id} is ${status}, awaiting ${awaiting}`, ''];
  if (due && next)
    head.push(
      `  due        ${instantText(due.at)}: ${due.timer.kind}, ${due.timer.action.does}`,
      `  counts     ${describeDuration(fromMilliseconds(due.timer.afterMs))} from ${due.timer.clock}, ${instantText(next.clockAt)}`,
      `  moved by   ${movedBy(next)}`,
      `  set by     ${originText(next)}`,
    );
  else if (!ending) head.push('  due        never, unless the conversation or its rules change');
  return `${head.join('\n')}\n${ending ? '' : `\n${table(COLUMNS, timers)}`}`;
}

const COLUMNS: readonly Column<TimerExplanation>[] = [
  { name: 'timer', of: ({ timer }) => timer.kind },
  { name: 'due', of: ({ dueAt }) => instantText(dueAt) },
  { name: 'failing guards', of: (row) => failing(row).join(', ') || '–' },
  {
    name: 'passing guards',
    of: ({ guards }) => guards.flatMap(({ name, passes }) => (passes ? name : [])).join(', '),
  },
];

function failing({ guards }: TimerExplanation): string[] {
  return guards.flatMap(({ name, passes }) => (passes ? [] : name));
}

function movedBy({ movedBy }: TimerExplanation): string {
  return movedBy === null
    ? 'an event that is no longer in the feed'
    : `${movedBy.kind} by ${movedBy.actor} at ${instantText(movedBy.at)}, revision ${movedBy.revision}`;
}

function originText({ timer: { origin } }: TimerExplanation): string {
  if (origin === null) return 'no policy';
  const version = origin.version === null ? 'default' : `version ${origin.version}`;
  return `${origin.scope}, ${version}${origin.clamped ? ", limited to the channel's bound" : ''}`;
}

function jsonOf({ id, status, awaiting }: StoredConversation, { due, timers }: Explanation) {
  return {
    id,
    status,
    awaiting,
    due: due && { at: due.at, timer: due.timer.kind },
    timers: timers.map(({ timer, clockAt, movedBy, dueAt, guards }) => ({
      timer: timer.kind,
      dueAt,
      clock: timer.clock,
      clockAt,
      after: formatDuration(fromMilliseconds(timer.afterMs)),
      origin: timer.origin,
      movedBy: movedBy && {
        kind: movedBy.kind,
        actor: movedBy.actor,
        at: movedBy.at,
        revision: movedBy.revision,
      },
      guards,
    })),
  };
}
