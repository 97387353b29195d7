import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import { percentile } from '../measure.ts';

/** An account that does little, and minds how long that takes. */
export type Quiet = { accountId: string; channelId: string; url: string; headers: Record<string, string> };

/** How long its calls took, how late its conversations closed, and how many of either came to nothing. */
export type Felt = { ms: number[]; lateMs: number[]; refused: number };

const EVERY_MS = 25;
const THRESHOLD_MS = 60_000;
/** How soon a conversation is due that was made to be. */
const DUE_IN_MS = 500;
/** A close later than this is given up. */
const PATIENCE_MS = 3_000;

const RECORD = 'mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { __typename } }';
const PAGE =
  '{ conversations(first: 20, orderBy: { field: DUE }) { nodes { id status endsAt agent { name } closing { survey } } } }';

/** Calls for so long, a message and a list in turns; each fourth message makes a conversation due in half a second. */
export async function feel(quiet: Quiet, admin: Sql, phase: string, forMs: number): Promise<Felt> {
  const felt: Felt = { ms: [], lateMs: [], refused: 0 };
  const until = performance.now() + forMs;
  for (let at = 0; performance.now() < until; at++) {
    const isDue = at % 4 === 0;
    const address = isDue ? `${phase} ${at}` : `${phase} ${at % 40}`;
    const sentAt = new Date(Date.now() - (isDue ? THRESHOLD_MS - DUE_IN_MS : 0)).toISOString();
    const activity = { kind: 'INBOUND', channelId: quiet.channelId, address, at: sentAt };
    const body =
      at % 2 === 0
        ? JSON.stringify({ query: RECORD, variables: { input: { activities: [activity] } } })
        : JSON.stringify({ query: PAGE });
    const began = performance.now();
    if (!(await ask(quiet, body))) felt.refused++;
    felt.ms.push(performance.now() - began);
    await sleep(EVERY_MS);
  }
  await sleep(PATIENCE_MS);
  felt.lateMs = await latenessOf(admin, quiet.accountId, phase);
  return felt;
}

/** The 50th or 99th of a hundred. */
export const p = (values: readonly number[], share: number) => percentile(values, share);

export async function ask({ url, headers }: Pick<Quiet, 'url' | 'headers'>, body: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    return response.status === 200 && !text.includes('"errors"');
  } catch {
    return false;
  }
}

/** How late those closed that were due; those that are still open, up to now. */
async function latenessOf(admin: Sql, accountId: string, phase: string): Promise<number[]> {
  const rows = await admin<{ ms: number }[]>`
    select coalesce(lateness_ms, extract(epoch from clock_timestamp() - last_activity_at) * 1000 - ${THRESHOLD_MS})::float8 as ms
    from conversation join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
    where conversation.account_id = ${accountId} and starts_with(contact.address, ${`${phase} `})
      and last_activity_at < clock_timestamp() - ${THRESHOLD_MS} * interval '1 millisecond'`;
  return rows.map(({ ms }) => ms);
}
