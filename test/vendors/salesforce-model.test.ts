import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount, ensureAgents } from '../../src/accounts/setup.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { LullError } from '../../src/domain/errors.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel, setPolicy, wakeLane } from '../support/flows.ts';
import {
  type Agent,
  type Answer,
  type Channel,
  createSalesforceModel,
  MODEL_CHANNELS,
  type Said,
} from '../support/vendors/salesforce-model.ts';
import { setupOfChannel } from './sessions.ts';

/** Set MODEL_RUNS to hunt for longer. A failure prints its seed and path, which `fc.assert` takes to play it again. */
const RUNS = Number(process.env.MODEL_RUNS ?? 25);
/** It stops only what hangs: a run that is interrupted would go on behind the tests that follow. */
const LIMIT_MS = 120_000 + RUNS * 5_000;
/** Workers play the last second before something is due; the time before passes in one step. */
const SECOND = 1000;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
afterAll(() => engine.drop());

type To = { channel: Channel; name: string };
type Switch = 'statusBasedCapacity' | 'sessionLongevity' | 'manualInactivation';
type Step =
  | ({ do: 'CUSTOMER'; said: Said } & To)
  | ({ do: 'AGENT' | 'ASSIGN'; agent: Agent } & To)
  /** The customer writes, and the agent answers. */
  | ({ do: 'TALK'; agent: Agent } & To)
  | ({ do: 'MACHINE'; sender: 'BOT' | 'AUTOMATION' | 'BROADCAST' } & To)
  | ({ do: 'INACTIVATE' | 'END' } & To)
  | { do: 'TIMEOUT'; channel: Channel; minutes: number | null }
  | { do: 'ACCOUNT'; field: Switch; on: boolean }
  | { do: 'RUN'; ms: number }
  /** To an instant near the next one at which something is due. */
  | { do: 'RUN_TO_DUE'; offsetMs: number };

const among = <const T>(...values: T[]) => fc.constantFrom(...values);
const to = {
  channel: among('in-app chat', 'in-app chat', 'in-app chat', 'web chat', 'sms', 'standard sms'),
  name: among('a', 'a', 'a', 'b'),
};
const often = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const step: fc.Arbitrary<Step> = fc.oneof(
  often(2, fc.record({ do: among('CUSTOMER'), said: among('STOP', 'START'), ...to })),
  often(5, fc.record({ do: among('CUSTOMER'), said: among('hello'), ...to })),
  often(
    8,
    fc.record({
      do: among('AGENT', 'AGENT', 'TALK', 'TALK', 'TALK', 'ASSIGN'),
      agent: among('ann', 'bob'),
      ...to,
    }),
  ),
  often(2, fc.record({ do: among('MACHINE'), sender: among('BOT', 'AUTOMATION', 'BROADCAST'), ...to })),
  often(4, fc.record({ do: among('INACTIVATE', 'INACTIVATE', 'INACTIVATE', 'END'), ...to })),
  often(2, fc.record({ do: among('TIMEOUT'), channel: to.channel, minutes: among(null, 4, 5, 6, 30, 31) })),
  often(
    1,
    fc.record({
      do: among('ACCOUNT'),
      field: among('statusBasedCapacity', 'sessionLongevity', 'manualInactivation'),
      on: fc.boolean(),
    }),
  ),
  often(3, fc.record({ do: among('RUN'), ms: among(1, MINUTE, 5 * MINUTE, HOUR, 23 * HOUR) })),
  often(5, fc.record({ do: among('RUN_TO_DUE'), offsetMs: among(-1, 0, 0, 1) })),
);

/** An account of profile SALESFORCE on which steps are taken, in the engine and in the model. */
async function openWorld() {
  const { deps, clock, db } = engine;
  const accountId = await createAccount(deps, { name: 'model', profile: 'SALESFORCE' });
  const channels = new Map<Channel, string>();
  for (const name of Object.keys(MODEL_CHANNELS) as Channel[])
    channels.set(name, await ensureChannel(deps, accountId, setupOfChannel(name)));
  const agents = await ensureAgents(deps, accountId, ['ann', 'bob']);
  const nameOf = (id: string | null) => [...agents].find(([, each]) => each === id)?.[0] ?? null;
  const idOf = (agent: Agent) => agents.get(agent) as string;
  const model = createSalesforceModel();
  const now = () => clock.now().getTime();

  async function does({ channel, name }: To, action: Action): Promise<Answer | 'DUPLICATE'> {
    const target = { channelId: channels.get(channel) as string, address: name };
    const [result] = await recordActivities(deps, accountId, [{ target, action }]);
    return result?.outcome ?? 'REFUSED';
  }

  async function set(channel: Channel | null, fields: Record<string, unknown>): Promise<Answer> {
    const channelId = channel === null ? null : (channels.get(channel) as string);
    const layer = { channelId, skillId: null, expectedVersion: null, fields };
    try {
      await setPolicy(deps, accountId, layer, { changedBy: 'test', why: null });
      return 'APPLIED';
    } catch (error) {
      if (error instanceof LullError) return 'REFUSED';
      throw error;
    }
  }

  /** Plays the queue up to an instant. */
  async function wakeUntil(until: number) {
    for (;;) {
      const [next] = await db.sql<{ id: string; wake_at: Date }[]>`
        select id, wake_at from lane where account_id = ${accountId} and wake_at <= ${new Date(until)} order by wake_at, id limit 1`;
      if (!next) break;
      clock.advance(Math.max(0, next.wake_at.getTime() - now()));
      await wakeLane(deps, { accountId, laneId: next.id, wakeAt: next.wake_at });
    }
    clock.advance(until - now());
  }

  async function wakeAll() {
    const lanes = await db.sql<{ id: string }[]>`select id from lane where account_id = ${accountId}`;
    for (const { id } of lanes) await wakeLane(deps, { accountId, laneId: id, wakeAt: null });
  }

  /** What becomes due on the way acts to the millisecond. */
  async function run(until: number) {
    for (;;) {
      const due = Math.max(now(), Math.min(model.nextDue(), until));
      clock.advance(Math.max(0, due - SECOND - now()));
      await wakeUntil(due);
      // A lane that was woken just before rests for a moment; it is woken all the same, as if there had been no wake.
      if (model.nextDue() <= due) await wakeAll();
      model.tick(due);
      if (due === until) return;
    }
  }

  async function act(
    each: Exclude<Step, { do: 'RUN' | 'RUN_TO_DUE' | 'TALK' }>,
  ): Promise<[Answer | 'DUPLICATE', Answer]> {
    switch (each.do) {
      case 'CUSTOMER':
        // A message of the very instant of an end was sent before it: that is another behaviour (LL-2).
        if (model.latest(each.channel, each.name)?.end?.at === now()) await run(now() + 1);
        return [
          await does(each, { kind: 'INBOUND', text: each.said }),
          model.customerSays(each.channel, each.name, each.said, now()),
        ];
      case 'AGENT':
        return [
          await does(each, { kind: 'OUTBOUND', sender: 'AGENT', agentId: idOf(each.agent) }),
          model.agentSays(each.channel, each.name, each.agent, now()),
        ];
      case 'MACHINE':
        return [
          await does(each, { kind: 'OUTBOUND', sender: each.sender }),
          model.machineSays(each.channel, each.name, now()),
        ];
      case 'INACTIVATE':
        return [await does(each, { kind: each.do }), model.inactivate(each.channel, each.name, now())];
      case 'ASSIGN':
        return [
          await does(each, { kind: each.do, agentId: idOf(each.agent) }),
          model.assign(each.channel, each.name, each.agent),
        ];
      case 'END':
        return [
          await does(each, { kind: each.do, by: 'AGENT' }),
          model.endByHand(each.channel, each.name, now()),
        ];
      case 'TIMEOUT': {
        const { minutes } = each;
        const fields = minutes === null ? {} : { inactivateAfter: `PT${minutes}M` };
        const hasTimeout = MODEL_CHANNELS[each.channel].hasTimeout;
        const isOn = minutes !== null || (hasTimeout ? false : null);
        return [
          await set(each.channel, { inactivate: isOn, ...fields }),
          model.setTimeout(each.channel, minutes, now()),
        ];
      }
      case 'ACCOUNT':
        return [await set(null, { [each.field]: each.on }), model.setAccount({ [each.field]: each.on })];
    }
  }

  const world = {
    async take(each: Step): Promise<void> {
      const due = model.nextDue();
      if (each.do === 'TALK') {
        await world.take({ ...each, do: 'CUSTOMER', said: 'hello' });
        return await world.take({ ...each, do: 'AGENT' });
      }
      if (each.do === 'RUN') return await run(now() + each.ms);
      if (each.do === 'RUN_TO_DUE')
        return due < Number.POSITIVE_INFINITY ? await run(Math.max(now(), due + each.offsetMs)) : undefined;
      const [answered, expected] = await act(each);
      expect([each, answered]).toEqual([each, expected]);
      await run(now());
    },

    /** Compares what is stored with the model. */
    async check() {
      const rows = await db.sql`
        select conversation.*, contact.address, channel.name as channel from conversation
        join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
        join channel on channel.account_id = conversation.account_id and channel.id = conversation.channel_id
        where conversation.account_id = ${accountId} order by conversation.id`;
      const stored = Map.groupBy(rows, ({ channel, address }) => `${channel} ${address}`);
      const ofRow = (row: (typeof rows)[number], index: number, own: (typeof rows)[number][]) => ({
        ...{ status: row.status, agent: nameOf(row.agent_id) },
        previous: own.findIndex(({ id }) => id === row.previous_id) === index - 1,
        end: row.ended_at && { at: row.ended_at.getTime(), reason: row.end_reason },
      });
      const known = [...model.customers]
        .filter(([, { sessions }]) => sessions.length > 0)
        .map(([key, { sessions }]) => [
          key,
          sessions.map(({ status, agent, end }) => ({ status, agent, previous: true, end })),
        ]);
      expect(Object.fromEntries([...stored].map(([key, own]) => [key, own.map(ofRow)]))).toEqual(
        Object.fromEntries(known),
      );
    },
  };
  return world;
}

it('SF-1 SF-2 SF-3 SF-4 SF-5 SF-6 SF-7 SF-8 SF-9 SF-10 SF-11 SF-12 SF-13 SF-14 whatever happens, it does what a model of the rows does', {
  timeout: LIMIT_MS,
}, async () => {
  const steps = fc.array(step, { minLength: 20, maxLength: 50, size: 'max' });
  const first = fc.constantFrom<Step>(
    { do: 'TIMEOUT', channel: 'in-app chat', minutes: 5 },
    { do: 'ACCOUNT', field: 'statusBasedCapacity', on: true },
    { do: 'ACCOUNT', field: 'sessionLongevity', on: true },
  );
  const property = fc.asyncProperty(first, steps, async (first, steps) => {
    const world = await openWorld();
    await world.take(first);
    for (const each of steps) {
      await world.take(each);
      await world.check();
    }
    await world.take({ do: 'RUN', ms: 72 * HOUR });
    await world.check();
  });
  await fc.assert(property, { numRuns: RUNS });
});
