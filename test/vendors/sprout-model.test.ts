import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel, setPolicy, wakeLane } from '../support/flows.ts';
import {
  type Agent,
  type CaseStatus,
  createSproutModel,
  type Fields,
  type Queue,
} from '../support/vendors/sprout-model.ts';

/** Set MODEL_RUNS to hunt for longer. A failure prints its seed and path, which `fc.assert` takes to play it again. */
const RUNS = Number(process.env.MODEL_RUNS ?? 30);
/** It stops only what hangs: a run that is interrupted would go on behind the tests that follow. */
const LIMIT_MS = 120_000 + RUNS * 5_000;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
afterAll(() => engine.drop());

type Change = { [Field in keyof Fields]: Fields[Field] | null };
type Step =
  | { do: 'WRITE'; to: string; queue: Queue; optsOut: boolean }
  | { do: 'ANSWER' | 'ASSIGN'; to: string; agent: Agent }
  | { do: 'STATUS'; to: string; caseStatus: CaseStatus }
  | { do: 'COMMENT' | 'TAG' | 'QUEUE'; to: string }
  | { do: 'END'; to: string; by: 'AGENT' | 'CUSTOMER' | 'SUPERVISOR' }
  | { do: 'SET'; queue: Queue; change: Change }
  /** It is put off, if it was not, and on: what is quiet then stays open (SP-6). */
  | { do: 'ENABLE'; queue: Queue }
  | { do: 'PERSON'; agent: Agent; online: boolean; capacity: number }
  | { do: 'RUN'; ms: number }
  /** To an instant near the next close. */
  | { do: 'RUN_TO_DUE'; offsetMs: number };

const among = <const T>(...values: T[]) => fc.constantFrom(...values);
const to = among('a', 'a', 'b', 'c');
const agent = among('ann', 'ann', 'bob');
const queue = among(null, null, 'sales');
const afterMs = among(HOUR, HOUR + MINUTE, 5 * HOUR, DAY, 21 * DAY);
const often = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const step: fc.Arbitrary<Step> = fc.oneof(
  often(6, fc.record({ do: among('WRITE'), to, queue, optsOut: fc.boolean().map(() => false) })),
  often(1, fc.record({ do: among('WRITE'), to, queue, optsOut: among(true) })),
  often(5, fc.record({ do: among('ANSWER', 'ANSWER', 'ASSIGN'), to, agent })),
  often(2, fc.record({ do: among('STATUS'), to, caseStatus: among(null, 'open', 'solved') })),
  often(2, fc.record({ do: among('COMMENT', 'TAG', 'QUEUE'), to })),
  often(2, fc.record({ do: among('END'), to, by: among('AGENT', 'CUSTOMER', 'SUPERVISOR') })),
  often(2, fc.record({ do: among('SET'), queue, change: fc.record({ on: among(true, true, false, null) }) })),
  often(2, fc.record({ do: among('SET'), queue, change: fc.record({ afterMs: fc.option(afterMs) }) })),
  often(
    1,
    fc.record({
      do: among('SET'),
      queue,
      change: fc.record({ picked: fc.option(fc.subarray(['open', 'solved'] as CaseStatus[])) }),
    }),
  ),
  often(
    1,
    fc.record({
      do: among('SET'),
      queue,
      change: fc.record({ windowMs: among(null, 0, HOUR, 2 * DAY, 30 * DAY) }),
    }),
  ),
  often(2, fc.record({ do: among('ENABLE'), queue })),
  often(
    3,
    fc.record({ do: among('PERSON'), agent, online: among(true, true, false), capacity: among(0, 1, 1, 2) }),
  ),
  often(4, fc.record({ do: among('RUN'), ms: among(MINUTE, 30 * MINUTE, HOUR, 5 * HOUR, DAY, 4 * DAY) })),
  often(4, fc.record({ do: among('RUN_TO_DUE'), offsetMs: among(-MINUTE, 0, 0, MINUTE) })),
);

/** An account of profile SPROUT on which steps are taken, in the engine and in the model. */
async function openWorld() {
  const { deps, clock, db } = engine;
  const accountId = await createAccount(deps, { name: 'model', profile: 'SPROUT' });
  await db.sql`update account set case_statuses = '{open,solved}' where account_id = ${accountId}`;
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const agents = await ensureAgents(deps, accountId, ['ann', 'bob']);
  const sales = (await ensureSkills(deps, accountId, ['sales'])).get('sales') as string;
  const model = createSproutModel();
  const now = () => clock.now().getTime();
  const nameOf = (id: string | null) => [...agents].find(([, each]) => each === id)?.[0] ?? null;
  const author = { changedBy: 'test', why: null };
  const duration = (ms: number | null) => (ms === null ? null : `PT${ms / MINUTE}M`);

  async function does(address: string, action: Action) {
    const [result] = await recordActivities(deps, accountId, [{ target: { channelId, address }, action }]);
    expect(result).toMatchObject({ outcome: 'APPLIED' });
  }

  /** Plays the queue up to an instant. */
  async function run(until: number) {
    model.run(now(), until);
    for (;;) {
      const [next] = await db.sql<{ id: string; wake_at: Date }[]>`
        select id, wake_at from lane where account_id = ${accountId} and wake_at <= ${new Date(until)} order by wake_at, id limit 1`;
      if (!next) break;
      clock.advance(Math.max(0, next.wake_at.getTime() - now()));
      await wakeLane(deps, { accountId, laneId: next.id, wakeAt: next.wake_at });
    }
    clock.advance(until - now());
  }

  async function set(to: Queue, change: Change) {
    const { on, afterMs, picked, windowMs } = change;
    const fields: Record<string, unknown> = {
      ...(on === undefined ? {} : { autoClose: on }),
      ...(afterMs === undefined ? {} : { autoCloseAfter: duration(afterMs) }),
      ...(picked === undefined ? {} : { autoCloseCaseStatuses: picked }),
      ...(windowMs === undefined ? {} : { reopenWithin: duration(windowMs) }),
    };
    const skillId = to && sales;
    await setPolicy(deps, accountId, { channelId: null, skillId, expectedVersion: null, fields }, author);
    model.set(to, change, now());
  }

  async function act(each: Exclude<Step, { do: 'SET' | 'ENABLE' | 'PERSON' | 'RUN' | 'RUN_TO_DUE' }>) {
    const address = each.to;
    const open = model.open(address);
    if (each.do === 'WRITE') {
      if (each.optsOut && !open) return;
      // A message of the very instant of a close was sent before it: that is another behaviour (LL-2).
      if (model.latest(address)?.end?.at === now()) await run(now() + MINUTE);
      const skillId = each.queue && sales;
      await does(address, { kind: 'INBOUND', skillId, text: each.optsOut ? 'stop' : 'hello' });
      return model.inbound(address, now(), each.queue, each.optsOut);
    }
    if (!open) return;
    switch (each.do) {
      case 'ANSWER':
        await does(address, { kind: 'OUTBOUND', sender: 'AGENT', agentId: agents.get(each.agent) as string });
        return model.outbound(open, each.agent, now());
      case 'ASSIGN':
        await does(address, { kind: 'ASSIGN', agentId: agents.get(each.agent) as string });
        open.agent = each.agent;
        return;
      case 'STATUS':
        await does(address, { kind: 'CASE_STATUS', caseStatus: each.caseStatus });
        return model.status(open, each.caseStatus, now());
      case 'COMMENT':
        return await does(address, { kind: 'COMMENT' });
      case 'TAG':
        return await does(address, { kind: 'TAG', add: ['seen'], remove: [] });
      case 'QUEUE':
        await does(address, { kind: 'SKILL', skillId: sales });
        open.queue = 'sales';
        return;
      case 'END':
        await does(address, { kind: 'END', by: each.by });
        return model.endByHand(open, now());
    }
  }

  return {
    async take(each: Step) {
      switch (each.do) {
        case 'SET':
          return await set(each.queue, each.change);
        case 'ENABLE':
          await set(each.queue, { on: false });
          return await set(each.queue, { on: true });
        case 'PERSON':
          await db.sql`update agent set online = ${each.online}, capacity = ${each.capacity}
            where account_id = ${accountId} and id = ${agents.get(each.agent) as string}`;
          return model.person(each.agent, each.online, each.capacity);
        case 'RUN':
          return await run(now() + each.ms);
        case 'RUN_TO_DUE': {
          const due = model.nextDue();
          return await run(due === Number.POSITIVE_INFINITY ? now() : Math.max(now(), due + each.offsetMs));
        }
        default:
          return await act(each);
      }
    },

    /** Compares what is stored with the model. */
    async check() {
      const rows = await db.sql`
        select conversation.*, contact.address from conversation
        join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
        where conversation.account_id = ${accountId} order by contact.address, conversation.id`;
      const stored = rows.map((row) => ({
        address: row.address,
        status: row.status,
        agent: nameOf(row.agent_id),
        caseStatus: row.case_status,
        lastActivityAt: row.last_activity_at.getTime(),
        endedAt: row.ended_at?.getTime() ?? null,
        reason: row.end_reason,
        credit: nameOf(row.credited_agent_id),
      }));
      const known = [...model.cases].sort().flatMap(([address, own]) =>
        own.map(({ end, agent, caseStatus, lastActivityAt }) => ({
          ...{ address, agent, caseStatus, lastActivityAt },
          status: end ? 'ENDED' : agent === null ? 'WAITING' : 'ACTIVE',
          endedAt: end?.at ?? null,
          reason: end ? { TIMER: 'AUTO_CLOSE', HAND: 'COMMAND', OPT_OUT: 'OPT_OUT' }[end.by] : null,
          credit: end?.credit ?? null,
        })),
      );
      expect(stored).toEqual(known);
    },
  };
}

it('SP-1 SP-2 SP-4 SP-6 SP-7 SP-8 SP-10 SP-13 whatever happens, it does what a model of the rows does', {
  timeout: LIMIT_MS,
}, async () => {
  const steps = fc.array(step, { minLength: 10, maxLength: 40, size: 'max' });
  const property = fc.asyncProperty(steps, async (steps) => {
    const world = await openWorld();
    await world.take({ do: 'SET', queue: null, change: { on: true, afterMs: 5 * HOUR } });
    await world.take({ do: 'PERSON', agent: 'ann', online: true, capacity: 1 });
    for (const each of steps) {
      await world.take(each);
      await world.check();
    }
    await world.take({ do: 'RUN', ms: 22 * DAY });
    await world.check();
  });
  await fc.assert(property, { numRuns: RUNS });
});
