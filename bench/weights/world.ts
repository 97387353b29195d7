import { v7 } from 'uuid';
import { encodeId, type NodeType } from '../../src/schema/core/ids.ts';
import type { Stage } from '../stage.ts';

/** What the big account is given besides its open conversations: tables as long as those, in the shapes that cost the most. */
export type World = Record<NodeType, string> & { otherChannel: string };

/** Fills the tables that the seed leaves empty; ids are as the API gives them. */
export async function fillTables({ admin, big, engine }: Stage, rows: number): Promise<World> {
  const { accountId } = big;
  const [conversation] = await admin`
    select id, contact_id, channel_id, agent_id from conversation
    where account_id = ${accountId} and agent_id is not null order by id limit 1`;
  const [other] = await admin`
    select id from channel where account_id = ${accountId} and id <> ${conversation?.channel_id} limit 1`;
  const [skill] = await admin`select id from skill where account_id = ${accountId} limit 1`;
  const [calendar, outage, effect, endpoint, delivery, key] = Array.from({ length: 6 }, () => v7());
  const now = engine.clock.now();
  await admin`
    insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, status, awaiting)
    select ${accountId}, ${conversation?.id}, number, 'COMMENT', ${now}, ${now}, 'AGENT', ${conversation?.channel_id}, 'ACTIVE', 'AGENT'
    from generate_series(2, ${rows}::int) as number`;
  await admin`update conversation set revision = ${rows} where account_id = ${accountId} and id = ${conversation?.id}`;
  const hours = { timeZone: 'UTC', weekly: [{ day: 1, from: '09:00', until: '17:00' }], holidays: [] };
  await admin`insert into calendar (account_id, id, name, hours) values (${accountId}, ${calendar as string}, 'open', ${admin.json(hours)})`;
  await admin`insert into outage (account_id, id, kind, channel_id, since, until)
    values (${accountId}, ${outage as string}, 'OUTAGE', ${conversation?.channel_id}, ${now}, ${now})`;
  await admin`
    insert into outbox (account_id, id, kind, conversation_id, revision, channel_id, payload, state, attempts, due_at, created_at, done_at)
    select ${accountId}, uuidv7(), 'DELIVER_MESSAGE', ${conversation?.id}, 1, ${conversation?.channel_id}, '{}', 'DEAD', 1, ${now}, ${now}, ${now}
    from generate_series(2, ${rows}::int) as number`;
  await admin`
    insert into outbox (account_id, id, kind, conversation_id, revision, channel_id, payload, state, attempts, due_at, created_at, done_at)
    values (${accountId}, ${effect as string}, 'DELIVER_MESSAGE', ${conversation?.id}, 1, ${conversation?.channel_id}, '{}', 'DEAD', 1, ${now}, ${now}, ${now})`;
  await admin`
    insert into webhook_endpoint (account_id, id, url, secret, events, created_at, disabled_at)
    values (${accountId}, ${endpoint as string}, 'https://hooks.example', 'sealed', '{conversation.ended}', ${now}, ${now})`;
  await admin`
    insert into webhook_delivery (account_id, endpoint_id, id, outbox_id, type, at, took_ms, status)
    select ${accountId}, ${endpoint as string}, uuidv7(), ${effect as string}, 'conversation.ended', ${now}, 5, 200
    from generate_series(2, ${rows}::int) as number`;
  await admin`
    insert into webhook_delivery (account_id, endpoint_id, id, outbox_id, type, at, took_ms, status)
    values (${accountId}, ${endpoint as string}, ${delivery as string}, ${effect as string}, 'conversation.ended', ${now}, 5, 200)`;
  await admin`
    insert into consent_change (account_id, id, contact_id, consent, source, at, recorded_at)
    select ${accountId}, uuidv7(), ${conversation?.contact_id}, 'OPTED_IN', 'KEYWORD', ${now}, ${now} from generate_series(1, 1000)`.catch(
    () => {},
  );
  await admin`vacuum (analyze) event, outbox, webhook_delivery`;
  const raw: Record<NodeType, string> = {
    ...{ Account: accountId, Agent: conversation?.agent_id, ApiKey: key as string },
    ...{ Calendar: calendar as string, Channel: conversation?.channel_id, Contact: conversation?.contact_id },
    ...{ Conversation: conversation?.id, Effect: effect as string, Outage: outage as string },
    ...{
      Skill: skill?.id,
      WebhookDelivery: delivery as string,
      WebhookEndpoint: endpoint as string,
    },
  };
  const ids = Object.fromEntries(
    Object.entries(raw).map(([type, id]) => [type, encodeId(type as NodeType, id)]),
  );
  return { ...(ids as Record<NodeType, string>), otherChannel: encodeId('Channel', other?.id) };
}

/** Ends half of the conversations, as if rules had: what `runs` and a report read. */
export async function endHalf({ admin, big, engine }: Stage): Promise<void> {
  const now = engine.clock.now();
  await admin`
    update conversation set status = 'ENDED', lane_id = null, ended_at = ${now}, end_reason = 'AUTO_CLOSE', ended_by = 'SYSTEM',
      rules_version = 1 + hashtext(id::text)::bigint % 20 + 20, lateness_ms = 5, awaiting_since = null
    where account_id = ${big.accountId} and hashtext(id::text) % 2 = 0`;
  await admin`vacuum (analyze) conversation`;
}
