import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import type { ModelActivity } from '../support/model.ts';
import { lively, step, take } from '../support/model-steps.ts';
import { openWorld } from '../support/model-world.ts';

/** Set MODEL_RUNS to search longer. A failure prints its seed and path; pass them to `fc.assert` to replay it. */
const RUNS = Number(process.env.MODEL_RUNS ?? 85);
/** Stops only a run that hangs. An interrupted run would continue during the tests that follow. */
const LIMIT_MS = 120_000 + RUNS * 5_000;

let engine: Engine;
let other: Database;
beforeAll(async () => {
  engine = await openEngine();
  other = openDatabase(engine.address, { connections: 1 });
});
afterAll(async () => {
  await other.close();
  await engine.drop();
});

const steps = fc.array(step, { minLength: 5, maxLength: 30, size: 'max' });

it('LL-2 for any activities and crashes, the service acts as the model does: never early, never lost, never twice', {
  timeout: LIMIT_MS,
}, async () => {
  const property = fc.asyncProperty(lively, steps, async (policy, steps) => {
    const world = await openWorld(engine, other.sql);
    const sent: ModelActivity[] = [];
    try {
      await world.setPolicy(null, policy, null);
      for (const each of steps) {
        await take(world, each, sent);
        await world.check();
      }
      await world.drain();
    } finally {
      await world.close();
    }
  });
  await fc.assert(property, { numRuns: RUNS });
});

describe('regressions that the model found', () => {
  const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
  afterEach(() => engine.policy({ inactivate: null, inactivateAfter: null, queueTimeout: null }));

  it('PE-6 the late release of a hold does not undo messages sent since the hold ended', async () => {
    await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
    await engine.writes('late release');
    await engine.does('late release', { kind: 'HOLD', until: inMs(MINUTE) });
    engine.clock.advance(5 * MINUTE);
    await engine.answers('late release');
    const answered = engine.clock.now();
    await engine.runUntil(inMs(10 * MINUTE - 1));
    expect(await engine.latest('late release')).toMatchObject({ status: 'ACTIVE', awaiting_since: answered });
    await engine.runUntil(inMs(1));
    expect(await engine.latest('late release')).toMatchObject({ status: 'INACTIVE' });
  });

  it('PE-6 a consumer message that ends a hold restarts the queue clock', async () => {
    await engine.policy({ queueTimeout: true, queueTimeoutAfter: 'PT1H' });
    await engine.writes('held in the queue');
    await engine.does('held in the queue', { kind: 'HOLD', until: null });
    await engine.runUntil(inMs(2 * HOUR));
    await engine.writes('held in the queue');
    await engine.runUntil(inMs(HOUR - 1));
    expect(await engine.latest('held in the queue')).toMatchObject({ status: 'WAITING' });
    await engine.runUntil(inMs(1));
    expect(await engine.latest('held in the queue')).toMatchObject({ end_reason: 'QUEUE_TIMEOUT' });
  });

  it('SP-7 a conversation that is ended and written to in one call reopens with its agent, as in two calls', async () => {
    const target = { channelId: engine.channelId, address: 'one call' };
    await engine.writes('one call');
    await engine.answers('one call');
    await engine.apply(
      { target, action: { kind: 'END', by: 'AGENT' } },
      { target, action: { kind: 'INBOUND' } },
    );
    expect(await engine.latest('one call')).toMatchObject({ status: 'ACTIVE', agent_id: engine.ann });
  });

  it('SP-7 a conversation also reopens with its agent when a late message of the same call assigned that agent', async () => {
    const target = { channelId: engine.channelId, address: 'one late call' };
    await engine.answers('one late call');
    expect(await engine.latest('one late call')).toMatchObject({ status: 'NEW', agent_id: null });
    await engine.apply(
      { target, action: { kind: 'INBOUND' }, at: inMs(-MINUTE) },
      { target, action: { kind: 'END', by: 'AGENT' } },
      { target, action: { kind: 'INBOUND' } },
    );
    expect(await engine.latest('one late call')).toMatchObject({ status: 'ACTIVE', agent_id: engine.ann });
  });

  it('SP-6 a late message that sets a clock after the timer was enabled makes the conversation due on time', async () => {
    await engine.writes('enabled since');
    await engine.answers('enabled since');
    engine.clock.advance(MINUTE);
    await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
    await engine.runUntil(inMs(5 * MINUTE));
    await engine.answers('enabled since');
    await engine.runUntil(inMs(5 * MINUTE));
    // The customer wrote between the two answers, so inactivity counts from the second.
    const since = inMs(-5 * MINUTE);
    await engine.writes('enabled since', { at: new Date(since.getTime() - MINUTE) });
    expect(await engine.latest('enabled since')).toMatchObject({ status: 'ACTIVE', awaiting_since: since });
    await engine.runUntil(new Date(since.getTime() + 10 * MINUTE));
    expect(await engine.latest('enabled since')).toMatchObject({ status: 'INACTIVE' });
  });
});
