import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { conversationOf } from '../../src/db/rows/conversations.ts';
import { eventsOf } from '../../src/db/rows/events.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { OpenHours } from '../../src/domain/time/calendar.ts';
import { nextDue } from '../../src/domain/time/timers.ts';
import type { ServiceDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { fakeClock } from './clock.ts';
import type { Doing, Fields, Outage } from './due-situation.ts';
import { depsWith, type Engine, step } from './engine.ts';
import { changeRules, ensureChannel, scheduleAccountWakes, setPolicy, wakeLane } from './flows.ts';

const AUTHOR = { changedBy: 'test', why: null };

/** An account with one contact, whose newest conversation is looked at. */
export async function openDueWorld(engine: Engine, startMs: number) {
  const clock = fakeClock(new Date(startMs));
  const { sql } = engine.db;
  const deps: ServiceDeps = depsWith(
    engine,
    { clock },
    { scheduleAccount: (id) => step(() => scheduleAccountWakes(deps, id)) },
  );
  const accountId = await createAccount(deps, { name: 'due' });
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const ann = (await ensureAgents(deps, accountId, ['ann'])).get('ann') as string;
  const skills = await ensureSkills(deps, accountId, ['sales', 'care']);
  const nowMs = () => clock.now().getTime();

  /** The contact's newest conversation; null before the first. */
  async function newest() {
    const [row] =
      await sql`select * from conversation where account_id = ${accountId} order by id desc limit 1`;
    return row ? conversationOf(row) : null;
  }

  const world = {
    clock,

    async setTimes(hours: OpenHours | null, outages: readonly Outage[]) {
      await changeRules(deps, { accountId, author: AUTHOR }, async (tx) => {
        if (hours) {
          const id = deps.newId();
          await tx`insert into calendar ${tx({ account_id: accountId, id, name: 'hours', hours: tx.json(hours as never) })}`;
          await tx`update channel set calendar_id = ${id} where account_id = ${accountId}`;
        }
        for (const { kind, fromMs, forMs } of outages) {
          const since = new Date(startMs + fromMs);
          const until = forMs === null ? null : new Date(since.getTime() + forMs);
          const row = { account_id: accountId, id: deps.newId(), kind, channel_id: null, since, until };
          await tx`insert into outage ${tx(row)}`;
        }
        return { kind: 'CALENDAR', channelId, skillId: null, before: null, after: null };
      });
    },

    setPolicy: (fields: Fields) =>
      setPolicy(
        deps,
        accountId,
        {
          ...{ channelId: null, skillId: null, expectedVersion: null },
          fields: { ...fields, overflowSkillId: skills.get('care') },
        },
        AUTHOR,
      ),

    async takes({ what, gapMs, ageMs, thenDrain }: Doing) {
      clock.advance(gapMs);
      const action = actionOf(what);
      await recordActivities(deps, accountId, [
        { target: { channelId, address: 'somebody' }, action, at: new Date(nowMs() - ageMs) },
      ]);
      if (thenDrain) await world.drain();
    },

    /** Wakes every lane whose time has come, until there is none. */
    async drain() {
      for (;;) {
        const lanes =
          await sql`select id from lane where account_id = ${accountId} and wake_at <= ${clock.now()}`;
        if (lanes.length === 0) return;
        for (const { id } of lanes) await wakeLane(deps, { accountId, laneId: id, wakeAt: null });
      }
    },

    /** Wakes the conversation's lane, whether it is time or not. */
    async wakeIt() {
      const laneId = (await newest())?.laneId;
      if (laneId) await wakeLane(deps, { accountId, laneId, wakeAt: null });
    },

    /** What the API shows as its next due timer. */
    async shown() {
      const conversation = await newest();
      return conversation && nextDue(await deps.rules.newest(accountId), conversation);
    },

    async feed() {
      const conversation = await newest();
      return conversation ? await eventsOf(sql, accountId, [conversation.id]) : [];
    },

    ending: async () => (await newest())?.ending,
  };

  function actionOf(what: Doing['what']): Action {
    switch (what.kind) {
      case 'OUTBOUND':
        return { kind: 'OUTBOUND', sender: 'AGENT', agentId: ann };
      case 'ASSIGN':
        return { kind: 'ASSIGN', agentId: ann };
      case 'END':
        return { kind: 'END', by: 'AGENT' };
      case 'SKILL':
        return { kind: 'SKILL', skillId: what.skill && (skills.get(what.skill) ?? null) };
      case 'PROMISE':
        return { kind: 'MANUAL_RESPONSE_TIME', responseAt: what.given ? clock.now() : null };
      case 'HOLD':
        return { kind: 'HOLD', until: what.forMs === null ? null : new Date(nowMs() + what.forMs) };
      default:
        return { kind: what.kind };
    }
  }
  return world;
}
