import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, DAY, type Engine, HOUR } from '../support/engine.ts';
import { answered, expectClosesAt, later, openLivePerson } from '../support/vendors/liveperson.ts';

let engine: Engine;
/** The noon at which a test begins; each has a day of its own. */
let noon = at('12:00');
const oClock = (hour: number) => later(noon, (hour - 12) * HOUR);
beforeAll(async () => {
  engine = await openLivePerson();
  await engine.policy({ autoCloseAfter: 'PT2H', exemptManualResponseTime: false });
});
beforeEach(async () => {
  while (noon <= engine.clock.now()) noon = later(noon, DAY);
  await engine.jumpTo(noon);
});
afterAll(() => engine.drop());

type ActionIn = (engine: Engine) => Action;

/** Answered at noon and tagged; then something is done an hour into a silence of two. */
async function doneAtOne(address: string, action: ActionIn) {
  await answered(engine, address);
  await engine.does(address, { kind: 'TAG', add: ['seen'], remove: [] });
  await engine.runUntil(oClock(13));
  expect(await engine.does(address, action(engine))).toMatchObject({ outcome: 'APPLIED' });
}

describe('the clock of inactivity', () => {
  it.each<[string, ActionIn]>([
    ['a manager who joins as reader', () => ({ kind: 'READER_JOINED' })],
    ['a reassignment', ({ bob }) => ({ kind: 'ASSIGN', agentId: bob })],
    ['an assignment to the same agent', ({ ann }) => ({ kind: 'ASSIGN', agentId: ann })],
    ['a tag that is added', () => ({ kind: 'TAG', add: ['late'], remove: [] })],
    ['a tag that is removed', () => ({ kind: 'TAG', add: [], remove: ['seen'] })],
    ['another skill', ({ care }) => ({ kind: 'SKILL', skillId: care })],
    ['a manual response time', () => ({ kind: 'MANUAL_RESPONSE_TIME', responseAt: oClock(18) })],
    ['a manual response time taken back', () => ({ kind: 'MANUAL_RESPONSE_TIME', responseAt: null })],
    ['a case status', () => ({ kind: 'CASE_STATUS', caseStatus: 'pending' })],
    ['a return to the queue', () => ({ kind: 'TO_QUEUE' })],
    ["an agent's message", ({ bob }) => ({ kind: 'OUTBOUND', sender: 'AGENT', agentId: bob })],
  ])('LP-12 is reset by %s', async (name, action) => {
    await doneAtOne(name, action);
    await expectClosesAt(engine, name, oClock(15));
  });

  it.each<[string, ActionIn]>([
    ['viewing the transcript without joining', () => ({ kind: 'TRANSCRIPT_VIEWED' })],
    ['a comment', () => ({ kind: 'COMMENT' })],
    ['a receipt', () => ({ kind: 'RECEIPT', of: 'message', state: 'READ' })],
    ['what the client reports of itself', () => ({ kind: 'CLIENT', clientVersion: '2.1' })],
    ['a bot', () => ({ kind: 'OUTBOUND', sender: 'BOT' })],
    ['a workflow', () => ({ kind: 'OUTBOUND', sender: 'AUTOMATION' })],
    ['a broadcast', () => ({ kind: 'OUTBOUND', sender: 'BROADCAST' })],
    ["Lull's own message", () => ({ kind: 'OUTBOUND', sender: 'OWN' })],
  ])('LP-12 is not reset by %s', async (name, action) => {
    await doneAtOne(name, action);
    await expectClosesAt(engine, name, oClock(14));
  });

  it('LP-12 a metadata change keeps who is awaited', async () => {
    await engine.writes('agent awaited');
    await engine.does('agent awaited', { kind: 'READER_JOINED' });
    expect(await engine.latest('agent awaited')).toMatchObject({ awaiting: 'AGENT', awaiting_since: null });
    await engine.answers('agent awaited');
    await engine.does('agent awaited', { kind: 'READER_JOINED' });
    expect(await engine.latest('agent awaited')).toMatchObject({ awaiting: 'CONSUMER' });
  });

  it('LP-12 resets the protection too, for it is the same clock', async () => {
    await engine.writes('old');
    await engine.jumpTo(later(noon, 89 * DAY));
    await engine.does('old', { kind: 'READER_JOINED' });
    await expectClosesAt(engine, 'old', later(noon, 179 * DAY), 'PROTECTION');
  });

  it('LP-12 a change that is reported late counts from when it happened', async () => {
    await answered(engine, 'late');
    await engine.runUntil(oClock(13));
    await engine.does('late', { kind: 'READER_JOINED' }, { at: later(noon, 40 * 60_000) });
    await expectClosesAt(engine, 'late', later(noon, 160 * 60_000));
  });
});
