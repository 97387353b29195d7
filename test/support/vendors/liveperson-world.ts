import { createAccount, ensureAgents, ensureSkills } from '../../../src/accounts/setup.ts';
import type { Action } from '../../../src/domain/conversation/activity.ts';
import { fromMilliseconds } from '../../../src/domain/time/duration.ts';
import type { ServiceDeps } from '../../../src/engine.ts';
import { recordActivities } from '../../../src/ingest/record-activities.ts';
import { fakeClock } from '../clock.ts';
import { at, depsWith, type Engine, step } from '../engine.ts';
import { ensureChannel, scheduleAccountWakes, setExemptTags, setPolicy, wakeLane } from '../flows.ts';
import type { Chat, Deed } from './liveperson-model.ts';

const AUTHOR = { changedBy: 'test', why: null };

/** A fresh account with profile LIVEPERSON on the engine, and a clock of its own. */
export async function openLivePersonWorld(engine: Engine) {
  const clock = fakeClock(at('12:00'));
  const deps: ServiceDeps = depsWith(
    engine,
    { clock },
    { scheduleAccount: (id) => step(() => scheduleAccountWakes(deps, id)) },
  );
  const { sql } = engine.db;
  const accountId = await createAccount(deps, { name: 'model', profile: 'LIVEPERSON' });
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const names = new Map([
    ...(await ensureAgents(deps, accountId, ['ann', 'bob'])),
    ...(await ensureSkills(deps, accountId, ['sales', 'care'])),
  ]);
  const idOf = (name: string) => names.get(name) as string;
  const idOrNull = (name: string | null) => (name === null ? null : idOf(name));
  await setExemptTags(deps, { accountId, author: AUTHOR }, ['vip']);
  await sql`update account set case_statuses = '{open,solved}' where account_id = ${accountId}`;

  const setFields = (skill: string | null, fields: Record<string, unknown>) =>
    setPolicy(
      deps,
      accountId,
      { channelId: null, skillId: idOrNull(skill), expectedVersion: null, fields },
      AUTHOR,
    );

  function actionOf(deed: Deed): Action {
    if ('by' in deed) {
      const skillId = idOrNull(deed.skill);
      if (deed.by === 'CONSUMER') return { kind: 'INBOUND', skillId };
      if (deed.by === 'BOT') return { kind: 'OUTBOUND', sender: 'BOT', skillId };
      return { kind: 'OUTBOUND', sender: 'AGENT', agentId: idOf(deed.agent), skillId };
    }
    if ('ends' in deed) return { kind: 'END', by: deed.ends };
    if ('looks' in deed) return { kind: deed.looks === 'COMMENT' ? 'COMMENT' : 'TRANSCRIPT_VIEWED' };
    switch (deed.meta) {
      case 'READER':
        return { kind: 'READER_JOINED' };
      case 'CASE_STATUS':
        return { kind: 'CASE_STATUS', caseStatus: 'open' };
      case 'TAG':
        return { kind: 'TAG', add: ['seen'], remove: [] };
      case 'EXEMPT':
        return { kind: 'TAG', add: deed.on ? ['vip'] : [], remove: deed.on ? [] : ['vip'] };
      case 'PROMISE':
        return { kind: 'MANUAL_RESPONSE_TIME', responseAt: deed.on ? clock.now() : null };
      case 'ASSIGN':
        return { kind: 'ASSIGN', agentId: idOf(deed.agent) };
      case 'SKILL':
        return { kind: 'SKILL', skillId: idOrNull(deed.skill) };
      case 'TO_QUEUE':
        return { kind: 'TO_QUEUE' };
    }
  }

  return {
    nowMs: () => clock.now().getTime(),
    do: (deeds: readonly { customer: string; deed: Deed }[]) =>
      recordActivities(
        deps,
        accountId,
        deeds.map(({ customer, deed }) => ({
          target: { channelId, address: customer },
          action: actionOf(deed),
        })),
      ),
    setThreshold: (skill: string | null, after: number | null) =>
      setFields(skill, { autoCloseAfter: after === null ? null : fromMilliseconds(after) }),
    setPromisesExempt: (on: boolean) => setFields(null, { exemptManualResponseTime: on }),

    /** Lets time run on, every lane with anything in it woken at the time it asked for. */
    async passTo(instantMs: number) {
      const until = new Date(instantMs);
      for (;;) {
        const [next] = await sql<{ id: string; wake_at: Date }[]>`
          select id, wake_at from lane where account_id = ${accountId} and wake_at <= ${until} and exists (
            select from conversation where account_id = ${accountId} and lane_id = lane.id)
          order by wake_at, id limit 1`;
        if (!next) break;
        clock.advance(Math.max(0, next.wake_at.getTime() - clock.now().getTime()));
        await wakeLane(deps, { accountId, laneId: next.id, wakeAt: next.wake_at });
      }
      clock.advance(instantMs - clock.now().getTime());
    },

    /** What became of everybody's conversations, in the model's terms. */
    async chats() {
      const rows = await sql`
        select conversation.*, contact.address, agent.name as agent, skill.name as skill from conversation
        join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
        left join agent on agent.account_id = conversation.account_id and agent.id = conversation.agent_id
        left join skill on skill.account_id = conversation.account_id and skill.id = conversation.skill_id
        where conversation.account_id = ${accountId} order by conversation.id`;
      return rows.map((row) => {
        const own = rows.filter(({ address }) => address === row.address);
        const numberOf = (id: string) => own.findIndex((each) => each.id === id) + 1;
        const chat: Omit<Chat, 'isCustomers' | 'isExempt'> = {
          customer: row.address,
          number: numberOf(row.id),
          linkedTo: row.previous_id === null ? null : numberOf(row.previous_id),
          agent: row.agent,
          skill: row.skill,
          awaits: row.awaiting,
          isPromised: row.manual_response_at !== null,
          lastActivity: row.last_activity_at.getTime(),
          end: row.ended_at && { by: row.ended_by, at: row.ended_at.getTime(), why: row.end_reason },
        };
        return { ...chat, status: row.status as string };
      });
    },
  };
}
