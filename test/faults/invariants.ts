/**
 * What has to be true of a database of Lull whatever broke, each as SQL that finds what it is not true of. Every
 * query may use the relations of `GIVEN`. None uses the code that it checks: due times are reckoned anew here.
 */
export type Invariant = {
  name: string;
  /** Selects `id` and `what` of each violation. */
  query: string;
};

/** The auditor's input: `asked` has the instant, the tolerated lateness of a close, and the outside observations. */
export const GIVEN = `
  asked as (select $1::timestamptz as now, $2::text::interval as grace, $3::text::jsonb as seen),
  acknowledged as (
    select row.* from asked, jsonb_to_recordset(seen -> 'acknowledged') as row (channel_id uuid, message_id text, at timestamptz)
  ),
  seen_ends as (
    select row.* from asked, jsonb_to_recordset(seen -> 'ends') as row (conversation_id uuid, revision int, seen_at timestamptz)
  ),
  taken as (
    select row.* from asked, jsonb_to_recordset(seen -> 'taken') as row (outbox_id uuid, times int)
  ),
  shown as (
    select row.* from asked, jsonb_to_recordset(seen -> 'shown') as row (channel_id uuid, address text, times int)
  ),
  effects as (
    select account_id, conversation_id as id, revision, effect,
      lag(effect) over (partition by account_id, conversation_id order by revision) as before
    from event where effect is not null
  ),
  newest as (
    select distinct on (account_id, conversation_id) account_id, conversation_id as id, revision, kind, status, awaiting
    from event order by account_id, conversation_id, revision desc
  ),
  last_end as (
    select distinct on (account_id, conversation_id) account_id, conversation_id as id, revision, kind, at
    from event where effect = 'ENDED' order by account_id, conversation_id, revision desc
  ),
  waiting as (
    -- Conversations that a threshold alone decides on, in accounts where time always counts.
    select conversation.*, conversation.last_activity_at + (
      select (fields ->> 'autoCloseAfter')::interval from policy_layer as layer
      where layer.account_id = conversation.account_id and fields ? 'autoCloseAfter'
        and coalesce(layer.channel_id, conversation.channel_id) = conversation.channel_id
        and (layer.skill_id is null or layer.skill_id = conversation.skill_id)
      order by layer.skill_id is not null desc, layer.channel_id is not null desc limit 1
    ) as due
    from conversation join account using (account_id)
    join channel on channel.account_id = conversation.account_id and channel.id = conversation.channel_id
    where status in ('WAITING', 'ACTIVE') and awaiting = 'CONSUMER' and lane_id is not null and not held
      and case_status is null and manual_response_at is null and not (tags && exempt_tags)
      and profile in ('LULL', 'LIVEPERSON') and account.calendar_id is null and channel.calendar_id is null
      and not exists (select 1 from outage where outage.account_id = conversation.account_id)
      and not exists (
        select 1 from policy_layer as layer where layer.account_id = conversation.account_id and fields ?|
          array['autoClose', 'autoCloseStatuses', 'autoCloseAwaiting', 'autoCloseThen', 'autoCloseCaseStatuses']
      )
  )`;

/** The threshold in force when a conversation was ended: `after`. */
const THRESHOLD = `
  join lateral (
    select (layer.after ->> 'autoCloseAfter')::interval as after from (
      select distinct on (channel_id, skill_id) channel_id, skill_id, rules_version.after from rules_version
      where rules_version.account_id = conversation.account_id and rules_version.kind = 'POLICY'
        and version <= conversation.rules_version
      order by channel_id, skill_id, version desc
    ) as layer
    where layer.after ? 'autoCloseAfter'
      and coalesce(layer.channel_id, conversation.channel_id) = conversation.channel_id
      and (layer.skill_id is null or layer.skill_id = conversation.skill_id)
    order by layer.skill_id is not null desc, layer.channel_id is not null desc limit 1
  ) as threshold on true`;

export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'no timer acts before it is due',
    query: `
      select conversation_id as id, timer || ' acted at ' || at || ' and was due at ' || (data ->> 'due') as what
      from event where kind = 'TIMER' and at < (data ->> 'due')::timestamptz`,
  },
  {
    name: 'no timer acts by a clock that is ahead',
    query: `
      select conversation_id as id, timer || ' acted at ' || at || ', and it is ' || now as what
      from event, asked where kind = 'TIMER' and at > now`,
  },
  {
    name: 'no conversation closes sooner after its last message than the threshold in force',
    query: `
      select conversation.id, 'ended at ' || ended_at || ', last message at ' || message.at || ', threshold ' || after as what
      from conversation join last_end using (account_id, id)
      join lateral (
        select max(event.at) as at from event
        where event.account_id = conversation.account_id and event.conversation_id = conversation.id
          and event.revision < last_end.revision
          and (event.kind = 'INBOUND' or (event.kind = 'OUTBOUND' and event.actor = 'AGENT'))
      ) as message on true
      ${THRESHOLD}
      where conversation.status = 'ENDED' and end_reason = 'AUTO_CLOSE' and ended_at < message.at + after`,
  },
  {
    name: 'no customer sees a close sooner after a message was sent than the threshold in force',
    query: `
      select conversation.id, 'seen ended at ' || seen_at || ', last message sent at ' || message.at || ', threshold ' || after as what
      from conversation join last_end using (account_id, id)
      join seen_ends on seen_ends.conversation_id = conversation.id and seen_ends.revision = last_end.revision
      join lateral (
        select max(acknowledged.at) as at from event join acknowledged using (channel_id, message_id)
        where event.account_id = conversation.account_id and event.conversation_id = conversation.id
          and event.revision < last_end.revision
          and (event.kind = 'INBOUND' or (event.kind = 'OUTBOUND' and event.actor = 'AGENT'))
      ) as message on true
      ${THRESHOLD}
      where conversation.status = 'ENDED' and end_reason = 'AUTO_CLOSE' and seen_at < message.at + after - interval '50 ms'`,
  },
  {
    name: 'no end has a timestamp later than the moment it was seen',
    query: `
      select conversation_id as id, 'seen at ' || seen_at || ', dated ' || at as what
      from seen_ends join event using (conversation_id, revision) where at > seen_at + interval '50 ms'`,
  },
  {
    name: 'no conversation that is due stays open',
    query: `select id, 'due at ' || due || ' and open' as what from waiting, asked where due < now - grace`,
  },
  {
    name: "every lane's alarm is before the due time of its conversations",
    query: `
      select lane.id, 'its alarm of ' || wake_at || ' is over' as what from lane, asked where wake_at < now - grace
      union all
      select waiting.id, 'due at ' || due || ', its lane sleeps until ' || coalesce(wake_at::text, 'for ever') from waiting
      join lane on lane.account_id = waiting.account_id and lane.id = lane_id
      join account on account.account_id = waiting.account_id and scheduled_version = account.rules_version, asked
      where due < coalesce(wake_at, 'infinity') and coalesce(wake_at, 'infinity') > now + interval '1 second'`,
  },
  {
    name: 'no conversation is ended twice, and nothing happens in it after its end',
    query: `
      select id, effect || ' after ' || coalesce(before, 'nothing') as what from effects
      where case effect when 'STARTED' then before is not null
        when 'ENDED' then coalesce(before, 'ENDED') = 'ENDED' else before is distinct from 'ENDED' end`,
  },
  {
    name: 'each end has one event',
    query: `
      select id, status || ' with ' || ends || ' ends and ' || backs || ' returns' as what from conversation
      join lateral (
        select count(*) filter (where effect = 'ENDED') as ends,
          count(*) filter (where effect in ('REOPENED', 'REVOKED')) as backs
        from effects where effects.account_id = conversation.account_id and effects.id = conversation.id
      ) as counted on true
      where ends - backs <> case status when 'ENDED' then 1 else 0 end
      union all
      select id, 'ended at ' || coalesce(ended_at::text, 'no time') || ', by its event at ' || at from conversation join last_end using (account_id, id)
      where status = 'ENDED' and (ended_at is distinct from at or (lateness_ms is not null) <> (kind = 'TIMER'))`,
  },
  {
    name: 'the events of a conversation are numbered without a gap',
    query: `
      select conversation_id as id, count(*) || ' events, numbered ' || min(revision) || ' to ' || max(revision) as what
      from event group by account_id, conversation_id having min(revision) <> 1 or max(revision) <> count(*)`,
  },
  {
    name: "a conversation's row agrees with its newest event",
    query: `
      select conversation.id, concat_ws(' ', 'it is', conversation.status, conversation.awaiting, conversation.revision,
        'by its feed', newest.status, newest.awaiting, newest.revision) as what
      from conversation left join newest using (account_id, id)
      where (conversation.status, conversation.awaiting, conversation.revision)
        is distinct from (newest.status, newest.awaiting, newest.revision)`,
  },
  {
    name: 'every acknowledged message is in the feed once',
    query: `
      select message_id as id, count(event.message_id) || ' times in the feed' as what
      from acknowledged left join event using (channel_id, message_id)
      group by channel_id, message_id having count(event.message_id) <> 1`,
  },
  {
    name: 'a conversation is in the lane of its facts',
    query: `
      select conversation.id, 'its lane has other facts' as what from conversation join account using (account_id)
      left join lane on lane.account_id = conversation.account_id and lane.id = lane_id
      where lane_id is not null
        and not exists (select 1 from exemption_backfill where exemption_backfill.account_id = conversation.account_id and done_at is null)
        and (lane.channel_id, lane.skill_id, lane.status, lane.awaiting, lane.case_status, lane.held,
          lane.manual_response_time, lane.exempt, lane.stage, lane.overflowed)
        is distinct from (conversation.channel_id, conversation.skill_id, conversation.status, conversation.awaiting,
          conversation.case_status, conversation.held, manual_response_at is not null, tags && exempt_tags,
          conversation.stage, conversation.overflowed)`,
  },
  {
    name: 'an open conversation is in a lane or set aside, an ended one in none',
    query: `
      select id, conversation.status || case when lane_id is null then ' in no lane' else ' in a lane' end as what
      from conversation left join newest using (account_id, id)
      where (conversation.status = 'ENDED') = (lane_id is not null) and newest.kind is distinct from 'SET_ASIDE'`,
  },
  {
    name: 'a contact has at most one open conversation',
    query: `
      select contact_id as id, count(*) || ' are open' as what from conversation where status <> 'ENDED'
      group by account_id, contact_id having count(*) > 1`,
  },
  {
    name: 'each subscriber has one effect for an event',
    query: `
      select conversation_id as id, count(*) || ' of one effect' as what from outbox
      group by account_id, conversation_id, revision, kind, endpoint_id, payload having count(*) > 1
      union all
      select event.conversation_id, 'its end is owed to a subscriber, and is not in the outbox' from event
      join webhook_endpoint as endpoint on endpoint.account_id = event.account_id
        and coalesce(endpoint.channel_id, event.channel_id) = event.channel_id and disabled_at is null
        and created_at < recorded_at and 'conversation.ended' = any(events), asked
      where effect = 'ENDED' and recorded_at > now - interval '1 hour' and not exists (
        select 1 from outbox where outbox.account_id = event.account_id and outbox.conversation_id = event.conversation_id
          and outbox.revision = event.revision and endpoint_id = endpoint.id)`,
  },
  {
    name: 'no effect stays in the outbox without being sent',
    query: `
      select id, 'due at ' || due_at || ' after ' || attempts || ' attempts' as what from outbox, asked
      where state = 'PENDING' and due_at < now - grace and not exists (
        -- Where the destination does not answer, its messages wait for the next attempt to find out.
        select 1 from circuit_breaker where circuit_breaker.account_id = outbox.account_id
          and destination_id = coalesce(endpoint_id, channel_id) and retry_at >= now - grace)`,
  },
  {
    name: 'every effect marked as sent was received, and nothing else was',
    query: `
      select outbox.id, concat_ws(' ', kind, payload, 'sent after', attempts, 'attempts, and never taken') as what from outbox, asked
      where state = 'SENT' and done_at < now - interval '5 seconds' and (kind = 'SEND_WEBHOOK' or payload ? 'part') and seen ? 'taken'
        and channel_id not in (select channel_id from shown)
        and not exists (select 1 from taken where outbox_id = outbox.id)
      union all
      select outbox_id, 'taken, and never owed' from taken where not exists (select 1 from outbox where id = outbox_id)`,
  },
  {
    name: 'a channel that delivers repeated messages gets each message once',
    query: `
      select coalesce(owed.address, shown.address) as id,
        concat(coalesce(times, 0), ' taken, ', coalesce(sent, 0), ' sent, ', coalesce(unknown, 0), ' unknown: ', states) as what
      from shown full join (
        select outbox.channel_id, contact.address, count(*) filter (where state = 'SENT') as sent,
          string_agg(concat_ws(' ', state, attempts, begun_at, error), ', ') as states,
          count(*) filter (where state = 'SENT' and done_at < now - interval '5 seconds') as settled,
          count(*) filter (where state = 'UNCONFIRMED' or (state = 'PENDING' and begun_at is not null)) as unknown
        from outbox
        join conversation on conversation.account_id = outbox.account_id and conversation.id = outbox.conversation_id
        join contact on contact.account_id = conversation.account_id and contact.id = contact_id, asked
        where outbox.channel_id in (select channel_id from shown) and payload ? 'part'
        group by outbox.channel_id, contact.address
      ) as owed using (channel_id, address)
      where coalesce(times, 0) < coalesce(settled, 0) or coalesce(times, 0) > coalesce(sent, 0) + coalesce(unknown, 0)`,
  },
];
