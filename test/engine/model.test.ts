import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import type { ModelActivity } from '../support/model.ts';
import { lively, step, take } from '../support/model-steps.ts';
import { openWorld } from '../support/model-world.ts';

/** Set MODEL_RUNS to hunt for longer. A failure prints its seed and path, which `fc.assert` takes to play it again. */
const RUNS = Number(process.env.MODEL_RUNS ?? 85);
/** It stops only what hangs: a run that is interrupted would go on behind the tests that follow. */
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

it('LL-2 never early, never lost, never twice: whatever comes and wherever it crashes, it does what the model does', {
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

describe('what the model found', () => {
  const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
  afterEach(() => engine.policy({ inactivate: null, inactivateAfter: null, queueTimeout: null }));

  it('PE-6 a hold that is released late does not take back what was said since its end', async () => {
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

  it('PE-6 a consumer message that ends a hold starts the clock of the queue again', async () => {
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

  it('SP-7 ended and written to in one call, it reopens with its agent as it does in two', async () => {
    const target = { channelId: engine.channelId, address: 'one call' };
    await engine.writes('one call');
    await engine.answers('one call');
    await engine.apply(
      { target, action: { kind: 'END', by: 'AGENT' } },
      { target, action: { kind: 'INBOUND' } },
    );
    expect(await engine.latest('one call')).toMatchObject({ status: 'ACTIVE', agent_id: engine.ann });
  });

  it('SP-7 so it does with an agent whom it has only since a late message of that call', async () => {
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

  it('SP-6 a late message that moves a clock past the enabling, in its lane, makes it due in time', async () => {
    await engine.writes('enabled since');
    await engine.answers('enabled since');
    engine.clock.advance(MINUTE);
    await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
    await engine.runUntil(inMs(5 * MINUTE));
    await engine.answers('enabled since');
    await engine.runUntil(inMs(5 * MINUTE));
    // The customer had written between the two answers: the second is what inactivity counts from.
    const since = inMs(-5 * MINUTE);
    await engine.writes('enabled since', { at: new Date(since.getTime() - MINUTE) });
    expect(await engine.latest('enabled since')).toMatchObject({ status: 'ACTIVE', awaiting_since: since });
    await engine.runUntil(new Date(since.getTime() + 10 * MINUTE));
    expect(await engine.latest('enabled since')).toMatchObject({ status: 'INACTIVE' });
  });
});
