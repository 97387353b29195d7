import { v7 } from 'uuid';
import { createIdentifierHash } from '../../src/accounts/identifier-hash.ts';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { channelSetup } from '../../src/adapters/adapter.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import {
  type AfterCommitSteps,
  type Infallible,
  infallible,
  openAfterCommit,
} from '../../src/after-commit.ts';
import { withRecording } from '../../src/app.ts';
import type { DatabaseAddress } from '../../src/db/address.ts';
import type { Alarm } from '../../src/db/rows/lanes.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Activity, ActivityResult, Changed, ServiceDeps } from '../../src/engine.ts';
import { type RecordDeps, recordActivities } from '../../src/ingest/record-activities.ts';
import { createLog } from '../../src/log.ts';
import { openRulesCache } from '../../src/rules/rules-cache.ts';
import { openLaneDirectory } from '../../src/wake/lane-directory.ts';
import type { WakeReport } from '../../src/wake/wake-lane.ts';
import { fakeClock } from './clock.ts';
import { createTestDatabase } from './database.ts';
import { ensureChannel, scheduleAccountWakes, setPolicy, wakeLane } from './flows.ts';

/** A step after a commit, as the tests replace it. */
export const step = (run: () => unknown): Infallible =>
  infallible(createLog({ logLevel: 'silent' }), 'a step failed', async () => run());

/**
 * The deps of an engine with some of them, and some steps after a commit, replaced. Recording uses the replaced ones. A step
 * that is not replaced here is the engine's, also if a test replaces it there later.
 */
export const depsWith = (
  { deps, steps }: Pick<Engine, 'deps' | 'steps'>,
  replaced: Partial<RecordDeps> = {},
  replacedSteps: Partial<AfterCommitSteps> = {},
): ServiceDeps =>
  withRecording(
    { ...deps, ...replaced },
    openAfterCommit(Object.assign(Object.create(steps), replacedSteps)),
  );

/** An instant of the day most tests play on. */
export const at = (time: string) => new Date(`2026-03-02T${time.length === 5 ? `${time}:00` : time}Z`);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The whole engine on a real database, with a clock that stands until it is moved, and no queue: the test is the queue. */
export type Engine = Awaited<ReturnType<typeof openEngine>>;

/** `prepare` is given the database before there is anything in it. */
export async function openEngine(
  start: Date = at('12:00'),
  {
    profile = 'LULL',
    prepare,
  }: { profile?: string; prepare?: (address: DatabaseAddress) => Promise<unknown> } = {},
) {
  const { database: db, drop, address } = await createTestDatabase();
  await prepare?.(address);
  const clock = fakeClock(start);
  const registry = createRegistry(BUILT_IN);
  const rulesOfAdapter = (adapter: string, settings: unknown) =>
    channelSetup(registry.get(adapter), settings);
  const rules = openRulesCache(db.sql, rulesOfAdapter);
  const armed: Alarm[] = [];
  const told: Changed[] = [];
  /** The steps after a commit; a test may replace them. */
  const steps: AfterCommitSteps = {
    scheduleWakes: (alarms) => step(() => void armed.push(...alarms)),
    publish: (changed) => step(() => void told.push(changed)),
    nudgeSender: () => step(() => {}),
    scheduleAccount: (accountId) => step(() => scheduleAccountWakes(deps, accountId)),
  };
  const core = {
    db,
    clock,
    rules,
    newId: () => v7(),
    identifierHash: createIdentifierHash(Buffer.alloc(32, 7)),
    lanes: openLaneDirectory(() => v7()),
    rulesOfAdapter,
  };
  const deps: ServiceDeps = withRecording(core, openAfterCommit(steps));
  const accountId = await createAccount(deps, { name: 'test', profile });
  await db.sql`update account set case_statuses = '{open,pending,solved}' where account_id = ${accountId}`;
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const agents = await ensureAgents(deps, accountId, ['ann', 'bob']);
  const skills = await ensureSkills(deps, accountId, ['sales', 'care']);
  const named = (map: Map<string, string>, name: string) => map.get(name) as string;

  const engine = {
    db,
    address,
    drop,
    clock,
    deps,
    steps,
    armed,
    told,
    accountId,
    channelId,
    ann: named(agents, 'ann'),
    bob: named(agents, 'bob'),
    sales: named(skills, 'sales'),
    care: named(skills, 'care'),
    apply: (...activities: Activity[]) => recordActivities(deps, accountId, activities),
    /** Applies one activity to whoever is at an address, now or at an instant. */
    async does(address: string, action: Action, when: Partial<Activity> = {}): Promise<ActivityResult> {
      const [result] = await recordActivities(deps, accountId, [
        { target: { channelId, address }, action, ...when },
      ]);
      return result as ActivityResult;
    },
    writes: (address: string, when: Partial<Activity> & { skillId?: string } = {}) =>
      engine.does(address, { kind: 'INBOUND', ...(when.skillId ? { skillId: when.skillId } : {}) }, when),
    answers: (address: string, when: Partial<Activity> = {}) =>
      engine.does(address, { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann }, when),
    policy: (fields: Record<string, unknown>, where: { channelId?: string; skillId?: string } = {}) =>
      setPolicy(
        deps,
        accountId,
        { channelId: null, skillId: null, expectedVersion: null, fields, ...where },
        { changedBy: 'test', why: null },
      ),
    /** The conversations of an address, oldest first. */
    async conversations(address: string) {
      return await db.sql`
        select conversation.* from conversation join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
        where contact.account_id = ${accountId} and contact.address = ${address} order by conversation.id`;
    },
    async latest(address: string) {
      const rows = await engine.conversations(address);
      return rows[rows.length - 1] as Record<string, unknown> & { id: string; status: string };
    },
    async feed(conversationId: string) {
      return await db.sql`select * from event where account_id = ${accountId} and conversation_id = ${conversationId} order by revision`;
    },
    /** Plays the queue: wakes each lane at the time of its alarm, the clock moving along, until an instant. */
    async runUntil(until: Date) {
      for (;;) {
        const [next] = await db.sql<{ id: string; wake_at: Date }[]>`
          select id, wake_at from lane where account_id = ${accountId} and wake_at <= ${until} order by wake_at, id limit 1`;
        if (!next) break;
        if (next.wake_at > clock.now()) clock.advance(next.wake_at.getTime() - clock.now().getTime());
        await wakeLane(deps, { accountId, laneId: next.id, wakeAt: next.wake_at });
      }
      if (until > clock.now()) clock.advance(until.getTime() - clock.now().getTime());
    },
    /** Moves the clock straight to an instant, as if no worker had run meanwhile, and then wakes what is due. */
    async jumpTo(instant: Date) {
      clock.advance(instant.getTime() - clock.now().getTime());
      await engine.runUntil(instant);
    },
    /** Wakes every lane now, as the reconciler can; returns the reports. */
    async wakeAll() {
      const lanes = await db.sql<
        { id: string }[]
      >`select id from lane where account_id = ${accountId} order by id`;
      const reports: WakeReport[] = [];
      for (const { id } of lanes) reports.push(await wakeLane(deps, { accountId, laneId: id, wakeAt: null }));
      return reports;
    },
  };
  return engine;
}
