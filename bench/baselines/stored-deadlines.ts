import { timed } from '../measure.ts';
import { AUTO_CLOSE_AFTER_MS } from '../seed.ts';
import type { Stage } from '../stage.ts';

/**
 * What most systems do: a deadline on every conversation, with an index for the sweep, rewritten when the
 * threshold changes. On a copy of the conversations with the other indexes they need. Answers in milliseconds.
 */
export async function rewriteStoredDeadlines({ admin, big }: Stage): Promise<number> {
  await admin`create unlogged table stored_deadline (like conversation)`;
  await admin`alter table stored_deadline add column due_at timestamptz(3)`;
  await admin`
    insert into stored_deadline
    select conversation.*, last_activity_at + ${AUTO_CLOSE_AFTER_MS} * interval '1 millisecond'
    from conversation where account_id = ${big.accountId} and status <> 'ENDED'`;
  await admin`alter table stored_deadline add primary key (account_id, id)`;
  await admin`create unique index on stored_deadline (account_id, contact_id) where status <> 'ENDED'`;
  await admin`create index on stored_deadline (account_id, agent_id) where status <> 'ENDED'`;
  await admin`create index on stored_deadline (due_at) where status <> 'ENDED'`;
  await admin`alter table stored_deadline set logged`;
  await admin`vacuum (analyze) stored_deadline`;
  await admin`checkpoint`;
  const { ms } = await timed(
    () => admin`
      update stored_deadline set due_at = last_activity_at + interval '29 days'
      where account_id = ${big.accountId} and status <> 'ENDED'`,
  );
  await admin`drop table stored_deadline`;
  return ms;
}
