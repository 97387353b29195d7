import { timed } from '../measure.ts';
import { type Account, AUTO_CLOSE_AFTER_MS } from '../seed.ts';
import type { Stage } from '../stage.ts';

/** How long it takes to write all deadlines anew, in milliseconds. */
export type Rewriting = {
  /** In one statement: in force all at once, with every row locked until then. */
  atOnceMs: number;
  /** In chunks that commit by themselves, two at a time: nobody waits long, and old and new hold side by side. */
  inChunksMs: number;
};

const CHUNK = 10_000;
const AT_ONCE = 2;

/**
 * What systems without a queue do: a deadline on every conversation, for a cron to sweep, rewritten when the
 * threshold changes. On a copy of an account's conversations alone, with the indexes they need: one for the sweep
 * in place of the clocks' own. Until the cron comes by is not counted.
 */
export async function rewriteStoredDeadlines(
  { admin }: Pick<Stage, 'admin'>,
  { accountId }: Account,
): Promise<Rewriting> {
  await admin`create unlogged table stored_deadline (like conversation)`;
  await admin`alter table stored_deadline add column due_at timestamptz(3)`;
  await admin`
    insert into stored_deadline
    select conversation.*, last_activity_at + ${AUTO_CLOSE_AFTER_MS} * interval '1 millisecond'
    from conversation where account_id = ${accountId} and status <> 'ENDED'`;
  await admin`alter table stored_deadline add primary key (account_id, id)`;
  await admin`create unique index on stored_deadline (account_id, contact_id) where status <> 'ENDED'`;
  await admin`create index on stored_deadline (account_id, agent_id) where status <> 'ENDED'`;
  await admin`create index on stored_deadline (due_at) where status <> 'ENDED'`;
  await admin`alter table stored_deadline set logged`;
  const inOrder = async () => {
    await admin`vacuum (analyze) stored_deadline`;
    await admin`checkpoint`;
  };
  try {
    await inOrder();
    const atOnce = await timed(
      () => admin`
        update stored_deadline set due_at = last_activity_at + interval '29 days'
        where account_id = ${accountId} and status <> 'ENDED'`,
    );
    await inOrder();
    const chunks = await chunksOf(admin, accountId);
    const inChunks = await timed(() => rewriteInChunks(admin, accountId, chunks));
    return { atOnceMs: atOnce.ms, inChunksMs: inChunks.ms };
  } finally {
    await admin`drop table stored_deadline`;
  }
}

type Chunk = { first: string; last: string };

async function chunksOf(admin: Stage['admin'], accountId: string): Promise<Chunk[]> {
  const rows = await admin<Chunk[]>`
    select min(id::text) as first, max(id::text) as last from (
      select id, (row_number() over (order by id) - 1) / ${CHUNK} as chunk from stored_deadline
      where account_id = ${accountId} and status <> 'ENDED'
    ) as numbered group by chunk`;
  return [...rows];
}

async function rewriteInChunks(admin: Stage['admin'], accountId: string, chunks: Chunk[]): Promise<void> {
  const rewriteOneByOne = async () => {
    for (let chunk = chunks.pop(); chunk; chunk = chunks.pop())
      await admin`
        update stored_deadline set due_at = last_activity_at + interval '28 days'
        where account_id = ${accountId} and id between ${chunk.first} and ${chunk.last} and status <> 'ENDED'`;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, rewriteOneByOne));
}
