import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import type { Engine } from '../../src/app.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Activity, ActivityResult } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { changeRules, ensureChannel, setPolicy } from './flows.ts';

const AUTHOR = { changedBy: 'test', why: null };
/** What the channel's messages are signed with. */
export const CHANNEL_SECRET = 'known to these tests alone';

/** A conversation, as far as these tests look at it. */
export type Row = {
  id: string;
  contact_id: string;
  channel_id: string;
  lane_id: string | null;
  status: string;
  revision: number;
  placed_at: Date;
  /** Null while it is open, as the two after it are. */
  ended_at: Date;
  lateness_ms: string;
  rules_version: string;
};

/** An account of its own with a web channel, on which nothing else happens. */
export type Tenant = Awaited<ReturnType<typeof openTenant>>;

/** Makes an account and sets its policy. It acts through the engine and looks through `sql`. */
export async function openTenant(
  { deps, clock }: Engine,
  sql: postgres.Sql,
  policy: Record<string, unknown>,
  settings: Record<string, unknown> = {},
) {
  const accountId = await createAccount(deps, { name: 'live' });
  const channel = { name: 'web', adapter: 'web', settings: { secret: CHANNEL_SECRET, ...settings } };
  const channelId = await ensureChannel(deps, accountId, channel);
  const ann = (await ensureAgents(deps, accountId, ['ann'])).get('ann') as string;
  const skills = await ensureSkills(deps, accountId, ['care', 'sales']);

  const tenant = {
    accountId,
    channelId,
    ann,
    skill: (name: string) => skills.get(name) as string,
    /** The instant so many milliseconds from now. */
    in: (ms: number) => new Date(clock.now().getTime() + ms),
    until: (at: Date) => sleep(at.getTime() - clock.now().getTime()),
    setPolicy(fields: Record<string, unknown>, skillId: string | null = null, through = deps) {
      const place = { channelId: null, skillId, expectedVersion: null };
      return setPolicy(through, accountId, { ...place, fields }, AUTHOR);
    },
    /** Applies one activity to whoever is at an address, now or as of an instant. */
    async does(address: string, action: Action, at?: Date, through = deps): Promise<ActivityResult> {
      const activity = { target: { channelId, address }, action, at: at ?? null };
      const [result] = await recordActivities(through, accountId, [activity]);
      if (result?.outcome !== 'APPLIED') throw result?.error ?? new Error(result?.outcome);
      return result;
    },
    /** Customers wrote and ann answered them, at an instant: from then on it is their turn. */
    async answered(
      addresses: readonly string[],
      at: Date,
      skillOf: (address: string) => string | null = () => null,
    ): Promise<void> {
      const written = new Date(at.getTime() - 1_000);
      const activities = addresses.flatMap((address): Activity[] => {
        const target = { channelId, address };
        return [
          { target, at: written, action: { kind: 'INBOUND', skillId: skillOf(address) } },
          { target, at, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: ann } },
        ];
      });
      for (let first = 0; first < activities.length; first += 1_000)
        await recordActivities(deps, accountId, activities.slice(first, first + 1_000));
    },
    /** Lets nothing with a tag close by itself. */
    exempt: (tag: string) => sql`
      update account set exempt_tags = array[${tag}], rules_version = rules_version + 1, scheduled_version = rules_version + 1
      where account_id = ${accountId}`,
    /** Adds a subscriber to ends; returns its secret. */
    async subscribe(url: string): Promise<string> {
      const secret = `whsec_${randomBytes(32).toString('base64')}`;
      await changeRules(deps, { accountId, author: AUTHOR }, async (tx) => {
        const row = { account_id: accountId, id: deps.newId(), url, secret, events: ['conversation.ended'] };
        await tx`insert into webhook_endpoint ${tx({ ...row, created_at: clock.now() })}`;
        return { kind: 'ENDPOINT', channelId: null, skillId: null, before: null, after: { url } };
      });
      return secret;
    },

    /** The conversations of an address, oldest first. */
    conversations: (address: string) => sql<Row[]>`
      select conversation.* from conversation
      join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
      where conversation.account_id = ${accountId} and contact.address = ${address} order by conversation.id`,
    async latest(address: string): Promise<Row> {
      return (await tenant.conversations(address)).at(-1) as Row;
    },
    open: () => sql<Row[]>`select * from conversation where account_id = ${accountId} and status <> 'ENDED'`,
    /** Those that a timer has ended, and that still are. */
    ended: () => sql<Row[]>`
      select * from conversation where account_id = ${accountId} and status = 'ENDED' and lateness_ms is not null`,
    /** Messages from customers who had written before: what each came to, and the newest end before it. */
    replies: () => sql<{ at: Date; effect: string | null; ended_at: Date | null }[]>`
      select event.at, event.effect, (
        select closed.at from event as closed where closed.effect = 'ENDED' and (
          (closed.conversation_id = event.conversation_id and closed.revision < event.revision)
          or (closed.conversation_id = conversation.previous_id and event.effect = 'STARTED')
        ) order by closed.revision desc limit 1
      ) as ended_at
      from event join conversation on conversation.id = event.conversation_id
      where event.account_id = ${accountId} and event.kind = 'INBOUND'
        and (event.revision > 1 or conversation.previous_id is not null)`,
    /** The alarms of its lanes up to an instant. */
    alarms: (upTo: Date) => sql<{ wake_at: Date }[]>`
      select wake_at from lane where account_id = ${accountId} and wake_at <= ${upTo}`,
    /** What it owes or owed the world, and to whom. */
    effects: () => sql<{ address: string; state: string; attempts: number }[]>`
      select contact.address, outbox.state, outbox.attempts from outbox
      join conversation on conversation.account_id = outbox.account_id and conversation.id = outbox.conversation_id
      join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
      where outbox.account_id = ${accountId} order by contact.address, outbox.attempts`,
  };
  await tenant.setPolicy(policy);
  return tenant;
}

/** What subscribers to ends are told of a conversation that has just auto closed. */
export function toldOfClose({ id, contact_id, channel_id, revision, ended_at }: Row): object {
  return {
    ...{ type: 'conversation.ended', at: ended_at.toISOString(), revision },
    conversationId: encodeId('Conversation', id),
    channelId: encodeId('Channel', channel_id),
    contactId: encodeId('Contact', contact_id),
    ...{ status: 'ENDED', reason: 'AUTO_CLOSE', endedBy: 'SYSTEM' },
  };
}
