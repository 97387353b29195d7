import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, type Engine, HOUR, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

/** Whether an activity, an hour into a silence of two, keeps the conversation from closing at its due instant. */
async function restarts(address: string, action: Action): Promise<boolean> {
  await engine.writes(address);
  await engine.answers(address);
  await engine.runUntil(inMs(HOUR));
  const result = await engine.does(address, action);
  expect(result.outcome).toBe('APPLIED');
  await engine.runUntil(inMs(HOUR));
  const first = await engine.latest(address);
  await engine.runUntil(inMs(HOUR));
  const second = await engine.latest(address);
  expect(second).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE', lateness_ms: '0' });
  return first.status !== 'ENDED';
}

describe('in profile LULL', () => {
  it.each<[string, Action]>([
    ['SP-1 an internal comment', { kind: 'COMMENT' }],
    ['SP-1 a tag', { kind: 'TAG', add: ['seen'], remove: [] }],
    ['LP-12 a transcript that was viewed', { kind: 'TRANSCRIPT_VIEWED' }],
    ['LL-10 a reader who joined', { kind: 'READER_JOINED' }],
    ['LL-10 a receipt', { kind: 'RECEIPT', of: 'message', state: 'READ' }],
    ['LL-10 what a client reports', { kind: 'CLIENT', clientVersion: '2.1' }],
    ['PE-5 a bot', { kind: 'OUTBOUND', sender: 'BOT' }],
    ['PE-5 a broadcast', { kind: 'OUTBOUND', sender: 'BROADCAST' }],
    ['PE-5 a workflow', { kind: 'OUTBOUND', sender: 'AUTOMATION' }],
    ['LL-9 an own message', { kind: 'OUTBOUND', sender: 'OWN' }],
  ])('%s restarts no clock', async (name, action) => {
    expect(await restarts(name, action)).toBe(false);
  });

  it('SP-1 a reassignment or a change of skill restarts no clock', async () => {
    expect(await restarts('reassigned', { kind: 'ASSIGN', agentId: engine.bob })).toBe(false);
    expect(await restarts('moved', { kind: 'SKILL', skillId: engine.care })).toBe(false);
  });

  it.each<[string, Action]>([
    ['SP-1 a change of case status', { kind: 'CASE_STATUS', caseStatus: 'pending' }],
    ['LP-13 a return to the queue', { kind: 'TO_QUEUE' }],
  ])('%s restarts the clock', async (name, action) => {
    expect(await restarts(name, action)).toBe(true);
  });

  it('SP-1 an outbound message restarts the clock', async () => {
    expect(await restarts('outbound', { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob })).toBe(true);
  });

  it('PE-5 a bot message restarts the clock if the policy treats bots as agents', async () => {
    await engine.policy({ botsAreAgents: true }, { skillId: engine.sales });
    await engine.writes('bots', { skillId: engine.sales });
    await engine.does('bots', { kind: 'OUTBOUND', sender: 'BOT' });
    expect(await engine.latest('bots')).toMatchObject({ status: 'ACTIVE', awaiting: 'CONSUMER' });
    await engine.runUntil(inMs(HOUR));
    await engine.does('bots', { kind: 'OUTBOUND', sender: 'BOT' });
    await engine.runUntil(inMs(HOUR));
    expect(await engine.latest('bots')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(inMs(HOUR));
    expect(await engine.latest('bots')).toMatchObject({ status: 'ENDED' });
  });
});

describe('own messages', () => {
  const own: Action = { kind: 'OUTBOUND', sender: 'OWN' };

  it('LL-9 to an unknown address create nothing', async () => {
    expect(await engine.does('nobody', own)).toEqual({
      outcome: 'IGNORED',
      conversationId: null,
      error: null,
    });
    expect(await engine.conversations('nobody')).toEqual([]);
  });

  it('LL-9 after the end are recorded and reopen nothing', async () => {
    await engine.writes('ended');
    await engine.answers('ended');
    await engine.runUntil(inMs(2 * HOUR));
    const before = await engine.latest('ended');
    expect(await engine.does('ended', own)).toMatchObject({ outcome: 'APPLIED', conversationId: before.id });
    const { revision, newest_at, ...after } = await engine.latest('ended');
    expect(after).toMatchObject({
      status: 'ENDED',
      last_activity_at: before.last_activity_at,
      ended_at: before.ended_at,
    });
    expect(revision).toBe((before.revision as number) + 1);
    expect(newest_at).toEqual(engine.clock.now());
    expect(await engine.conversations('ended')).toHaveLength(1);
  });
});
