import type { Sql } from 'postgres';
import { expect } from 'vitest';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { openAfterCommit } from '../../src/after-commit.ts';
import { withRecording } from '../../src/app.ts';
import type { Alarm } from '../../src/db/rows/lanes.ts';
import type { TimerKind } from '../../src/domain/policy/channel-rules.ts';
import type { ActivityResult, ServiceDeps } from '../../src/engine.ts';
import { type RecordDeps, recordActivities } from '../../src/ingest/record-activities.ts';
import { reconcile } from '../../src/jobs/reconciler.ts';
import { createLog } from '../../src/log.ts';
import { openRulesCache } from '../../src/rules/rules-cache.ts';
import { openLaneDirectory } from '../../src/wake/lane-directory.ts';
import { fakeClock } from './clock.ts';
import { type Crash, crashable } from './crash.ts';
import { at, type Engine, step } from './engine.ts';
import { ensureChannel, scheduleAccountWakes, setPolicy, wakeLane } from './flows.ts';
import { createModel, type ModelActivity } from './model.ts';
import { checkFeed, checkLane, fieldsOf, type Row, stateOf } from './model-checks.ts';
import type { LayerChange } from './model-policy.ts';

const log = createLog({ logLevel: 'silent' });
/** A wake sleeps this long at least, so that what falls due within it may be as late. */
const REST_MS = 100;

/** A crash, and whether the process is a new one afterwards. */
export type Trouble = Crash & { restart: boolean };
export type World = Awaited<ReturnType<typeof openWorld>>;

/** An account of its own on the engine, the model beside it, and the test in the queue's place. */
export async function openWorld(engine: Engine, other: Sql) {
  const clock = fakeClock(at('12:00'));
  const nowMs = () => clock.now().getTime();
  const { sql, plan, stop } = crashable(engine.db.sql, other);
  const core: RecordDeps = { ...engine.deps, db: { ...engine.db, sql }, clock };
  let alarms: Alarm[] = [];
  /** Every alarm that was given to the queue. */
  const armed = new Set<string>();
  const nameOf = (alarm: Alarm) => `${alarm.laneId}-${alarm.wakeAt.getTime()}`;
  const deps: ServiceDeps = withRecording(
    core,
    openAfterCommit({
      ...engine.steps,
      scheduleWakes: (more) =>
        step(() => {
          alarms.push(...more);
          for (const alarm of more) armed.add(nameOf(alarm));
        }),
      scheduleAccount: (id) => step(() => scheduleAccountWakes(deps, id)),
    }),
  );
  restart();

  const accountId = await createAccount(deps, { name: 'model' });
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const agents = await ensureAgents(deps, accountId, ['ann', 'bob']);
  const skills = await ensureSkills(deps, accountId, ['sales', 'care']);
  const [ann, bob] = [agents.get('ann'), agents.get('bob')] as [string, string];
  const [sales, care] = [skills.get('sales'), skills.get('care')] as [string, string];
  await engine.db.sql`update agent set online = false where account_id = ${accountId} and id = ${bob}`;
  const model = createModel([sales, care], new Set([ann]), nowMs());
  /** The rules that all lanes were last armed for. */
  let inForce = { version: '', since: nowMs() };

  function restart() {
    alarms = [];
    for (const each of [core, deps]) {
      each.rules = openRulesCache(sql, deps.rulesOfAdapter);
      each.lanes = openLaneDirectory(deps.newId);
    }
  }

  /** Does something during which the connection or the process may die. Returns whether it did. */
  async function risking(trouble: Trouble | null, work: () => Promise<unknown>): Promise<boolean> {
    plan(trouble);
    let failure: unknown;
    await work().catch((error: unknown) => {
      failure = error;
    });
    const died = stop();
    if (!died && failure !== undefined) throw failure;
    if (died && trouble?.restart) restart();
    // What died could not arm: these lanes are the reconciler's.
    if (died) for (const alarm of await alarmsSet()) armed.add(nameOf(alarm));
    return died;
  }

  /** What the lanes' alarms stand at. */
  async function alarmsSet(): Promise<Alarm[]> {
    const rows = await engine.db
      .sql`select id, wake_at from lane where account_id = ${accountId} and wake_at is not null`;
    return rows.map((row) => ({ accountId, laneId: row.id, wakeAt: row.wake_at }));
  }

  async function rulesVersion() {
    const [row] = await engine.db
      .sql`select rules_version, rules_version = scheduled_version as is_armed from account where account_id = ${accountId}`;
    return { version: row?.rules_version as string, isArmed: row?.is_armed as boolean };
  }

  /** Whether a call that died had committed. */
  async function hasLanded() {
    const [row] = await engine.db
      .sql`select count(*)::int as events from event where account_id = ${accountId}`;
    const known = [...model.contacts.values()].flat().map(({ log }) => log.length);
    return row?.events > known.reduce((sum, length) => sum + length, 0);
  }

  const world = {
    accountId,
    clock,
    nowMs,
    model,
    ids: { ann, bob, sales, care },
    advance: (ms: number) => clock.advance(ms),
    /** When conversations are due, those that are. */
    dues: () =>
      [...model.contacts.values()]
        .flatMap((own) => own.map(({ state }) => model.dueAt(state)))
        .filter((dueAt) => dueAt < Number.POSITIVE_INFINITY),

    /** Reports activities as a client does: until there is an answer. */
    async report(activities: readonly ModelActivity[], trouble: Trouble | null) {
      const call = () =>
        recordActivities(
          deps,
          accountId,
          activities.map(({ address, action, at, messageId }) => ({
            target: { channelId, address },
            action,
            at: new Date(at),
            messageId,
          })),
        );
      /** What the model answers: each contact's in order of time. */
      const answers = () => {
        const outcomes: string[] = [];
        const actsAt = ({ at }: ModelActivity) => Math.min(at, nowMs());
        const inOrder = [...activities.entries()].sort(([, a], [, b]) => actsAt(a) - actsAt(b));
        for (const [index, activity] of inOrder) outcomes[index] = model.deliver(activity, nowMs());
        return outcomes;
      };
      let results: ActivityResult[] = [];
      const died = await risking(trouble, async () => {
        results = await call();
      });
      if (died) {
        if (await hasLanded()) answers();
        await world.check();
        results = await call();
      }
      expect(results.map(({ outcome }) => outcome)).toEqual(answers());
    },

    async setPolicy(skillId: string | null, change: LayerChange, trouble: Trouble | null) {
      const { version } = await rulesVersion();
      const died = await risking(trouble, () =>
        setPolicy(
          deps,
          accountId,
          { channelId: null, skillId, expectedVersion: null, fields: fieldsOf(change) },
          { changedBy: 'test', why: null },
        ),
      );
      const done = (await rulesVersion()).version !== version;
      expect(done || died).toBe(true);
      if (done) model.setPolicy(skillId, change, nowMs());
    },

    /** Plays the queue with one of its alarms, a due one if there is any. */
    async deliver(pick: number, how: 'DELIVER' | 'TWICE' | 'KEEP' | 'DROP', trouble: Trouble | null) {
      const due = alarms.filter((each) => each.wakeAt.getTime() <= nowMs());
      const some = due.length > 0 ? due : alarms;
      const alarm = some[pick % some.length];
      if (!alarm) return;
      if (how !== 'KEEP') alarms = alarms.filter((each) => each !== alarm);
      for (let times = { DELIVER: 1, TWICE: 2, KEEP: 1, DROP: 0 }[how]; times > 0; times--)
        await risking(trouble, () => wakeLane(deps, alarm));
    },

    reconcile: async (trouble: Trouble | null) => void (await risking(trouble, () => reconcile(deps, log))),

    /** Wakes every lane whose time has come, without the queue, until there is none. */
    async drain() {
      await scheduleAccountWakes(deps, accountId);
      const woken = new Set<string>();
      for (;;) {
        const due = (await alarmsSet()).filter((alarm) => alarm.wakeAt.getTime() <= nowMs());
        if (due.length === 0) break;
        for (const { laneId } of due) {
          woken.add(laneId);
          await wakeLane(deps, { accountId, laneId, wakeAt: null });
        }
      }
      await world.check(woken);
      expect(Math.min(...world.dues())).toBeGreaterThan(nowMs() - REST_MS);
    },

    /** Lets time run on with every alarm in time. */
    async run(ms: number) {
      const untilMs = nowMs() + ms;
      for (;;) {
        await world.drain();
        const nextMs = Math.min(
          ...world.dues().map((dueAt) => (dueAt <= nowMs() ? nowMs() + REST_MS : dueAt)),
        );
        if (nextMs > untilMs) break;
        clock.advance(nextMs - nowMs());
      }
      clock.advance(untilMs - nowMs());
    },

    /** Compares what is stored with the model, having told it which timers acted. `woken`: lanes woken just now. */
    async check(woken: ReadonlySet<string> = new Set()) {
      const [rows, events, lanes, { version, isArmed }] = await Promise.all([
        engine.db.sql`
          select conversation.*, contact.address, to_jsonb(lane) as lane, lane.wake_at from conversation
          join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
          left join lane on lane.account_id = conversation.account_id and lane.id = conversation.lane_id
          where conversation.account_id = ${accountId} order by contact.address, conversation.id`,
        engine.db.sql`select * from event where account_id = ${accountId} order by conversation_id, revision`,
        alarmsSet(),
        rulesVersion(),
      ]);
      if (isArmed && version !== inForce.version) inForce = { version, since: nowMs() };
      const stored = Map.groupBy(rows, (row) => row.address as string);
      expect([...stored.keys()].sort()).toEqual([...model.contacts.keys()].sort());
      for (const [address, own] of stored) {
        const known = model.contacts.get(address) ?? [];
        expect(own.length, `conversations of ${address}`).toBe(known.length);
        for (const [index, conversation] of known.entries()) {
          const row = own[index] as Row;
          const feed = events.filter((event) => event.conversation_id === row.id);
          for (const event of feed.slice(conversation.log.length))
            model.acted(conversation, event.timer as TimerKind, event.at.getTime());
          checkFeed(row, feed, conversation.log.length);
          expect(stateOf(row), `${address} after ${feed.length}`).toEqual(conversation.state);
          checkLane(row);
          const { placedAt } = conversation.state;
          const dueAt = Math.max(model.dueAt(conversation.state), placedAt, inForce.since);
          if (isArmed && row.wake_at !== null)
            expect(row.wake_at.getTime()).toBeLessThanOrEqual(dueAt + REST_MS);
          if (woken.has(row.lane_id)) expect(model.dueAt(conversation.state)).toBeGreaterThan(nowMs());
          if (isArmed && row.wake_at === null) expect(dueAt).toBe(Number.POSITIVE_INFINITY);
        }
      }
      expect(lanes.map(nameOf).filter((name) => !armed.has(name))).toEqual([]);
    },

    /** Leaves nothing that the next world's reconciler would wake. */
    async close() {
      await engine.db.sql`delete from lane where account_id = ${accountId}`;
      await engine.db
        .sql`update account set scheduled_version = rules_version where account_id = ${accountId}`;
    },
  };
  return world;
}
