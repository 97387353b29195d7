import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ queueTimeout: true, queueTimeoutAfter: 'PT1H' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const wait = (ms: number) => engine.runUntil(inMs(ms));

describe('the queue timeout', () => {
  it('PE-10 ends the conversation, and customer messages do not restart its clock', async () => {
    await engine.writes('PE-10');
    const queued = engine.clock.now();
    await wait(50 * MINUTE);
    await engine.writes('PE-10');
    await engine.runUntil(new Date(queued.getTime() + HOUR - 1));
    expect(await engine.latest('PE-10')).toMatchObject({ status: 'WAITING', status_since: queued });
    await engine.runUntil(new Date(queued.getTime() + HOUR));
    expect(await engine.latest('PE-10')).toMatchObject({
      status: 'ENDED',
      end_reason: 'QUEUE_TIMEOUT',
      former_status: 'WAITING',
      credited_agent_id: null,
      lateness_ms: '0',
    });
  });

  it('PE-10 stops when an agent takes the conversation, and restarts when it returns to the queue', async () => {
    await engine.writes('taken');
    await wait(50 * MINUTE);
    await engine.does('taken', { kind: 'ASSIGN', agentId: engine.ann });
    await wait(3 * HOUR);
    expect(await engine.latest('taken')).toMatchObject({ status: 'ACTIVE' });
    await engine.does('taken', { kind: 'TO_QUEUE' });
    await wait(HOUR - 1);
    expect(await engine.latest('taken')).toMatchObject({ status: 'WAITING' });
    await wait(1);
    expect(await engine.latest('taken')).toMatchObject({ status: 'ENDED', end_reason: 'QUEUE_TIMEOUT' });
  });

  it('PE-10 can send the conversation to the overflow skill instead, once', async () => {
    await engine.policy({ queueTimeoutThen: 'OVERFLOW', overflowSkillId: engine.care });
    await engine.writes('overflow', { skillId: engine.sales });
    const queued = engine.clock.now();
    await wait(HOUR);
    const moved = await engine.latest('overflow');
    expect(moved).toMatchObject({
      status: 'WAITING',
      skill_id: engine.care,
      overflowed: true,
      status_since: new Date(queued.getTime() + HOUR),
      last_activity_at: queued,
    });
    expect((await engine.feed(moved.id)).at(-1)).toMatchObject({ timer: 'QUEUE_TIMEOUT', effect: null });
    await wait(5 * HOUR);
    expect(await engine.latest('overflow')).toMatchObject({ status: 'WAITING', revision: moved.revision });
  });

  it('PE-10 ends the conversation in the overflow skill if the policy of that skill says so', async () => {
    await engine.policy({ queueTimeoutThen: 'END', queueTimeoutAfter: 'PT30M' }, { skillId: engine.care });
    await engine.writes('overflow, end', { skillId: engine.sales });
    const queued = engine.clock.now();
    await wait(2 * HOUR);
    expect(await engine.latest('overflow, end')).toMatchObject({
      status: 'ENDED',
      end_reason: 'QUEUE_TIMEOUT',
      ended_at: new Date(queued.getTime() + 90 * MINUTE),
      lateness_ms: '0',
    });
  });
});
