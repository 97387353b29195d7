import type { World } from './world.ts';

/** Finds violations of the invariants in everything that the soak recorded; empty if there are none. */
export async function audit(
  { admin, account }: World,
  acknowledged: readonly number[],
): Promise<{ checked: number; faults: string[] }> {
  const { accountId } = account;
  const faults: string[] = [];
  const check = (count: number | undefined, what: string) => {
    if (count === undefined || count > 0) faults.push(`${count} ${what}`);
  };

  const ids = await admin<{ number: number; times: number }[]>`
    select substr(message_id, 6)::int as number, count(*)::int as times from event
    where account_id = ${accountId} and message_id like 'soak %' group by 1`;
  const times = new Map(ids.map((row) => [row.number, row.times]));
  check(acknowledged.filter((number) => !times.has(number)).length, 'acknowledged activities are missing');
  check([...times.values()].filter((each) => each > 1).length, 'activities are there twice');

  const [early] = await admin<{ count: number }[]>`
    select count(*)::int as count from event where account_id = ${accountId} and at < (data ->> 'due')::timestamptz`;
  check(early?.count, 'timers acted early');
  const [ends] = await admin<{ count: number }[]>`
    select count(*)::int as count from conversation left join lateral (
      select effect from event where event.account_id = ${accountId} and conversation_id = conversation.id and effect is not null
      order by revision desc limit 1
    ) as newest on true
    where conversation.account_id = ${accountId} and (status = 'ENDED') is distinct from (newest.effect = 'ENDED')`;
  check(ends?.count, 'conversations stand otherwise than their feed says');
  const [gaps] = await admin<{ count: number }[]>`
    select count(*)::int as count from conversation where account_id = ${accountId}
      and revision <> (select count(*) from event where event.account_id = ${accountId} and conversation_id = conversation.id)`;
  check(gaps?.count, 'conversations have gaps in their feed');
  const [open] = await admin<{ count: number }[]>`
    select count(*)::int as count from (
      select contact_id from conversation where account_id = ${accountId} and status <> 'ENDED' group by 1 having count(*) > 1
    ) as twice`;
  check(open?.count, 'contacts have two open conversations');
  return { checked: acknowledged.length, faults };
}

/** Lively conversations that are open though they fell due so long ago. */
export async function overdue({ admin, account, engine }: World, quietMs: number): Promise<number> {
  const [row] = await admin<{ count: number }[]>`
    select count(*)::int as count from conversation join contact on contact.account_id = conversation.account_id and contact.id = contact_id
    where conversation.account_id = ${account.accountId} and status <> 'ENDED'
      and (starts_with(address, 'regular ') or starts_with(address, 'stranger ') or starts_with(address, 'single '))
      and last_activity_at < ${new Date(engine.clock.now().getTime() - quietMs)}`;
  return row?.count ?? 0;
}
