import postgres from 'postgres';
import { createAccount, ensureAgents, ensureSkills } from '../src/accounts/setup.ts';
import type { Engine } from '../src/app.ts';
import { type DatabaseAddress, postgresOptions } from '../src/db/address.ts';
import { insertLanes } from '../src/db/rows/lanes.ts';
import { inTransaction } from '../src/db/transaction.ts';
import type { Awaiting, LaneFacts, OpenStatus } from '../src/domain/conversation/conversation.ts';
import type { Progress } from '../src/insight/replay/timeline.ts';
import { ensureChannel, setPolicy } from '../test/support/flows.ts';

/** An account full of open conversations. */
export type Account = { accountId: string; agentIds: string[]; conversations: number; lanes: Lane[] };
export type Lane = { id: string; facts: LaneFacts };

const CHANNELS = 5;
const SETTINGS = { secret: 'a secret for the bench' };
const SKILLS = 8;
const AGENTS = 100;
/** How a conversation can stand; with the channels and skills they make 200 lanes. */
const STANDINGS: readonly { status: OpenStatus; awaiting: Awaiting }[] = [
  { status: 'NEW', awaiting: 'CONSUMER' },
  { status: 'WAITING', awaiting: 'AGENT' },
  { status: 'ACTIVE', awaiting: 'CONSUMER' },
  { status: 'ACTIVE', awaiting: 'AGENT' },
  { status: 'INACTIVE', awaiting: 'CONSUMER' },
];
const CHUNK = 20_000;

/** How long ago at most a seeded conversation was last active; they lie evenly over that time. */
export const QUIET_MS = 10 * 86_400_000;
/** The account's threshold at the start: nothing is due, and nothing will be during a run. */
export const AUTO_CLOSE_AFTER_MS = 30 * 86_400_000;
/** Every lane ends by AUTO_CLOSE, and has the other timers of its status beside it, further off. */
const POLICY = {
  autoCloseAfter: 'P30D',
  autoCloseStatuses: [...new Set(STANDINGS.map(({ status }) => status))],
  autoCloseAwaiting: 'ANYBODY',
  endUnansweredAfter: 'P60D',
  endInactiveAfter: 'P60D',
};

/** Makes an account with 200 lanes and so many open conversations, each with its contact and its first event. */
export async function seedAccount(
  { deps, clock, db }: Engine,
  name: string,
  conversations: number,
  onProgress: Progress,
): Promise<Account> {
  const accountId = await createAccount(deps, { name });
  const numbered = (what: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${what} ${index + 1}`);
  const skillIds = [...(await ensureSkills(deps, accountId, numbered('skill', SKILLS))).values()];
  const agentIds = [...(await ensureAgents(deps, accountId, numbered('agent', AGENTS))).values()];
  const channelIds: string[] = [];
  for (const channel of numbered('channel', CHANNELS))
    channelIds.push(
      await ensureChannel(deps, accountId, { name: channel, adapter: 'web', settings: SETTINGS }),
    );

  const lanes = channelIds.flatMap((channelId) =>
    skillIds.flatMap((skillId) =>
      STANDINGS.map((standing) => ({ id: deps.newId(), facts: factsOf(channelId, skillId, standing) })),
    ),
  );
  await inTransaction(db.sql, (sql) => insertLanes(sql, accountId, lanes, clock.now()));
  const account = { accountId, agentIds, conversations, lanes };
  await fill(db.address, account, clock.now(), onProgress);

  const place = { channelId: null, skillId: null, expectedVersion: null };
  await setPolicy(deps, accountId, { ...place, fields: POLICY }, { changedBy: 'bench', why: null });
  return account;
}

/** The facts of a plain conversation's lane. */
export function factsOf(
  channelId: string,
  skillId: string | null,
  standing: { status: OpenStatus; awaiting: Awaiting },
): LaneFacts {
  return {
    channelId,
    skillId,
    ...standing,
    caseStatus: null,
    held: false,
    manualResponseTime: false,
    exempt: false,
    stage: 0,
    overflowed: false,
  };
}

/** Writes past the foreign keys' triggers: whatever a row refers to is there. */
async function fill(address: DatabaseAddress, account: Account, now: Date, onProgress: Progress) {
  const connection = { session_replication_role: 'replica', synchronous_commit: 'off', TimeZone: 'UTC' };
  const sql = postgres({ ...postgresOptions(address), max: 1, connection, onnotice: () => {} });
  try {
    await sql`select setseed(0.5)`;
    for (let from = 0; from < account.conversations; from += CHUNK) {
      await fillChunk(sql, account, now, from, Math.min(from + CHUNK, account.conversations) - 1);
      onProgress(Math.min(from + CHUNK, account.conversations), account.conversations);
    }
    await sql`vacuum (analyze) contact, conversation, event, lane`;
    await sql`checkpoint`;
  } finally {
    await sql.end();
  }
}

async function fillChunk(sql: postgres.Sql, account: Account, now: Date, from: number, to: number) {
  const laneIds = account.lanes.map(({ id }) => id);
  await sql`
    with quiet as materialized (
      select number, random() * ${QUIET_MS} * interval '1 millisecond' as quiet from generate_series(${from}::int, ${to}::int) as number
    ), made as materialized (
      select number, ${now}::timestamptz - quiet as at, uuidv7(-quiet - interval '1 hour') as id, uuidv7(-quiet - interval '1 day') as contact_id,
        (${laneIds}::uuid[])[number % ${laneIds.length} + 1] as lane_id,
        (${account.agentIds}::uuid[])[number / ${laneIds.length} % ${account.agentIds.length} + 1] as agent_id
      from quiet
    ), row as materialized (
      select made.*, lane.channel_id, lane.skill_id, lane.status, lane.awaiting
      from made join lane on lane.account_id = ${account.accountId} and lane.id = made.lane_id
    ), contacts as (
      insert into contact (account_id, id, channel_id, address, latest_conversation_id)
      select ${account.accountId}::uuid, contact_id, channel_id, 'contact ' || number, id from row
    ), events as (
      insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, message_id, effect, status, awaiting)
      select ${account.accountId}::uuid, id, 1, 'START', at, at, 'AGENT', channel_id, 'seed ' || number, 'STARTED', status, awaiting from row
    )
    insert into conversation (account_id, id, contact_id, channel_id, skill_id, lane_id, status, awaiting, agent_id, held, tags, stage,
      overflowed, started_by, started_at, last_activity_at, awaiting_since, status_since, newest_at, placed_at, revision)
    select ${account.accountId}::uuid, id, contact_id, channel_id, skill_id, lane_id, status, awaiting,
      case when status in ('ACTIVE', 'INACTIVE') then agent_id end, false, '{}', 0,
      false, 'AGENT', at, at, case when awaiting = 'CONSUMER' then at end, at, at, at, 1
    from row`;
}
