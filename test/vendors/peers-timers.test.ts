import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureAgents } from '../../src/accounts/setup.ts';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
beforeEach(async () => {
  const none = { autoCloseThen: null, remindBefore: null, inactivate: null, queueTimeout: null };
  await engine.policy({ ...none, autoCloseAfter: 'PT2H', reopenWithin: null });
});
afterAll(() => engine.drop());

const now = () => engine.clock.now();
const plus = (instant: Date, ms: number) => new Date(instant.getTime() + ms);
const run = (ms: number) => engine.runUntil(plus(now(), ms));
/** A conversation answered by Ann just now. */
async function begun(address: string): Promise<Date> {
  await engine.writes(address);
  await engine.answers(address);
  return now();
}
/** What timers did to it, and after how many minutes. */
async function firings(address: string, since: Date) {
  const feed = await engine.feed((await engine.latest(address)).id);
  return feed.flatMap(({ timer, at, effect }) =>
    timer === null ? [] : [[timer, (at.getTime() - since.getTime()) / MINUTE, effect]],
  );
}

describe('a close that puts back into the queue instead', () => {
  it('PE-9 frees the agent at that instant, once, and then it waits', async () => {
    await engine.policy({ autoCloseThen: 'TO_QUEUE' });
    const since = await begun('queue');
    const acts = plus(since, 2 * HOUR);
    await engine.runUntil(plus(acts, -1));
    expect(await engine.latest('queue')).toMatchObject({ status: 'ACTIVE', agent_id: engine.ann });
    await engine.runUntil(acts);
    const queued = await engine.latest('queue');
    expect(queued).toMatchObject({
      ...{ status: 'WAITING', agent_id: null, status_since: acts, last_activity_at: acts },
      ...{ awaiting: 'CONSUMER', awaiting_since: since, held: false, ended_at: null },
      ...{ lateness_ms: null, credited_agent_id: null },
    });
    await engine.jumpTo(plus(now(), 80 * DAY));
    expect(await firings('queue', since)).toEqual([['AUTO_CLOSE', 120, null]]);
    expect(await engine.latest('queue')).toMatchObject({ revision: queued.revision, status: 'WAITING' });
  });

  it('PE-9 taken again, it goes back again; the agent it had has a place for another meanwhile', async () => {
    await engine.policy({ autoCloseThen: 'TO_QUEUE' });
    const { accountId, deps } = engine;
    const eve = (await ensureAgents(deps, accountId, ['eve'])).get('eve') as string;
    const answers = (address: string) =>
      engine.does(address, { kind: 'OUTBOUND', sender: 'AGENT', agentId: eve });
    await engine.db.sql`update agent set capacity = 1 where account_id = ${accountId} and id = ${eve}`;
    for (const address of ['no place', 'a place']) {
      await engine.writes(address);
      await answers(address);
      await engine.does(address, { kind: 'END', by: 'CUSTOMER' });
    }
    await engine.writes('again');
    await answers('again');
    const since = now();
    await engine.runUntil(plus(since, 2 * HOUR - 1));
    await engine.writes('no place');
    expect(await engine.latest('no place')).toMatchObject({ status: 'WAITING', agent_id: null });
    await engine.runUntil(plus(since, 2 * HOUR));
    await engine.writes('a place');
    expect(await engine.latest('a place')).toMatchObject({ status: 'ACTIVE', agent_id: eve });
    await engine.does('again', { kind: 'ASSIGN', agentId: engine.bob });
    await run(2 * HOUR);
    expect(await firings('again', since)).toEqual([
      ['AUTO_CLOSE', 120, null],
      ['AUTO_CLOSE', 240, null],
    ]);
    expect(await engine.latest('again')).toMatchObject({ status: 'WAITING', agent_id: null });
  });

  it('PE-9 LP-11 it is protected from staying for ever, from when it was put there', async () => {
    await engine.policy({ autoCloseThen: 'TO_QUEUE' });
    const since = await begun('for ever');
    const protects = plus(since, 2 * HOUR + 90 * DAY);
    await engine.runUntil(plus(since, 2 * HOUR));
    await engine.jumpTo(plus(protects, -MINUTE));
    await engine.runUntil(plus(protects, -1));
    expect(await engine.latest('for ever')).toMatchObject({ status: 'WAITING' });
    await engine.runUntil(protects);
    expect(await engine.latest('for ever')).toMatchObject({
      ...{ status: 'ENDED', end_reason: 'PROTECTION', ended_at: protects, credited_agent_id: null },
    });
  });

  it('PE-9 PE-10 the time in the queue counts from then', async () => {
    await engine.policy({ autoCloseThen: 'TO_QUEUE', queueTimeout: true, queueTimeoutAfter: 'PT45M' });
    const since = await begun('then out');
    await run(DAY);
    expect(await firings('then out', since)).toEqual([
      ['AUTO_CLOSE', 120, null],
      ['QUEUE_TIMEOUT', 165, 'ENDED'],
    ]);
  });

  it.each(['HOLD', 'TO_QUEUE'] as const)('PE-9 PE-2 %s is warned of as a close is', async (autoCloseThen) => {
    await engine.policy({ autoCloseThen, remindBefore: ['PT1H', 'PT10M'] });
    const since = await begun(`warned of ${autoCloseThen}`);
    await run(DAY);
    expect(await firings(`warned of ${autoCloseThen}`, since)).toEqual([
      ['REMIND', 60, null],
      ['REMIND', 110, null],
      ['AUTO_CLOSE', 120, null],
    ]);
    expect(await engine.latest(`warned of ${autoCloseThen}`)).toMatchObject({
      held: autoCloseThen === 'HOLD',
      status: autoCloseThen === 'HOLD' ? 'ACTIVE' : 'WAITING',
    });
  });

  it('PE-9 put on hold, it keeps its agent, and closes once it is released and the policy ends again', async () => {
    await engine.policy({ autoCloseThen: 'HOLD' });
    const since = await begun('hold');
    await run(DAY);
    expect(await engine.latest('hold')).toMatchObject({ held: true, agent_id: engine.ann, status: 'ACTIVE' });
    await engine.policy({ autoCloseThen: 'END' });
    await run(DAY);
    expect(await engine.latest('hold')).toMatchObject({ held: true, ended_at: null });
    await engine.does('hold', { kind: 'RELEASE' });
    const released = now();
    await run(DAY);
    expect(await engine.latest('hold')).toMatchObject({ ended_at: plus(released, 2 * HOUR) });
    expect((await firings('hold', since))[0]).toEqual(['AUTO_CLOSE', 120, null]);
  });
});

describe('a hold', () => {
  const cases: [string, Record<string, unknown>, () => Action[], number][] = [
    ['AUTO_CLOSE', {}, () => [], 120],
    ['REMIND', { remindBefore: ['PT30M'] }, () => [], 90],
    ['INACTIVATE', { inactivate: true, inactivateAfter: 'PT10M' }, () => [], 10],
    ['END_INACTIVE', {}, () => [{ kind: 'INACTIVATE' }], 24 * 60],
    ['QUEUE_TIMEOUT', { queueTimeout: true, queueTimeoutAfter: 'PT20M' }, () => [{ kind: 'TO_QUEUE' }], 20],
  ];
  it.each(cases)(
    'PE-6 stops %s for as long as it lasts; at its end that begins anew',
    async (timer, policy, before, minutes) => {
      await engine.policy(policy);
      for (const [address, until] of [
        ['released', null],
        ['snoozed', DAY],
      ] as const) {
        await begun(`${timer} ${address}`);
        for (const action of before()) await engine.does(`${timer} ${address}`, action);
        await run(MINUTE);
        const end = until === null ? null : plus(now(), until);
        await engine.does(`${timer} ${address}`, { kind: 'HOLD', until: end });
        await engine.jumpTo(end ?? plus(now(), 10 * DAY));
        if (end === null) await engine.does(`${timer} ${address}`, { kind: 'RELEASE' });
        const over = now();
        const sofar = (await firings(`${timer} ${address}`, over)).filter(
          ([kind]) => kind !== 'RELEASE_HOLD',
        );
        expect(sofar).toEqual([]);
        await engine.runUntil(plus(over, minutes * MINUTE - 1));
        expect((await firings(`${timer} ${address}`, over)).some(([kind]) => kind === timer)).toBe(false);
        await engine.runUntil(plus(over, minutes * MINUTE));
        expect((await firings(`${timer} ${address}`, over)).at(-1)?.slice(0, 2)).toEqual([timer, minutes]);
      }
    },
  );

  it('PE-6 stops END_UNANSWERED, too', async () => {
    await engine.does('unanswered', { kind: 'START', by: 'AGENT', agentId: engine.ann });
    const until = plus(now(), 3 * DAY);
    await engine.does('unanswered', { kind: 'HOLD', until });
    await engine.jumpTo(until);
    await engine.jumpTo(plus(until, 2 * DAY - MINUTE));
    await engine.runUntil(plus(until, 2 * DAY - 1));
    expect(await engine.latest('unanswered')).toMatchObject({ status: 'NEW', held: false });
    await engine.runUntil(plus(until, 2 * DAY));
    expect(await engine.latest('unanswered')).toMatchObject({ end_reason: 'UNANSWERED', ended_at: now() });
  });
});

describe('the time in the queue', () => {
  it('PE-10 goes on through messages, comments, tags and another queue, and is off by default', async () => {
    await engine.writes('off by default', { skillId: engine.sales });
    await engine.jumpTo(plus(now(), 30 * DAY));
    expect(await engine.latest('off by default')).toMatchObject({ status: 'WAITING' });
    await engine.policy({ queueTimeout: true, queueTimeoutAfter: 'PT1H' });
    await engine.writes('in the queue', { skillId: engine.sales });
    const queued = now();
    const meanwhile: Action[] = [
      { kind: 'INBOUND' },
      { kind: 'COMMENT' },
      { kind: 'TAG', add: ['seen'], remove: [] },
      { kind: 'SKILL', skillId: engine.care },
      { kind: 'OUTBOUND', sender: 'BOT' },
    ];
    for (const action of meanwhile) {
      await run(10 * MINUTE);
      await engine.does('in the queue', action);
    }
    await engine.runUntil(plus(queued, HOUR - 1));
    expect(await engine.latest('in the queue')).toMatchObject({ status: 'WAITING' });
    await engine.runUntil(plus(queued, HOUR));
    expect(await engine.latest('in the queue')).toMatchObject({
      ...{ status: 'ENDED', end_reason: 'QUEUE_TIMEOUT', ended_at: plus(queued, HOUR), ended_by: 'SYSTEM' },
      ...{ lateness_ms: '0', credited_agent_id: null },
    });
    // Switched on while it waited already (SP-6).
    expect(await engine.latest('off by default')).toMatchObject({ status: 'WAITING' });
  });
});

describe('the window after the close', () => {
  const endedAndBack = async (address: string, ms: number, skillId?: string) => {
    await engine.writes(address, skillId ? { skillId } : {});
    await engine.does(address, { kind: 'END', by: 'AGENT' });
    engine.clock.advance(ms);
    await engine.writes(address);
    return (await engine.conversations(address)).length;
  };

  it('PE-11 of nothing means always a new one, even for a message of the instant of the close', async () => {
    await engine.policy({ reopenWithin: 'PT0S' });
    expect(await endedAndBack('nothing, at once', 0)).toBe(2);
    expect(await endedAndBack('nothing, later', 1)).toBe(2);
  });

  it('PE-11 may be up to 30 days, and differ by queue', async () => {
    await engine.policy({ reopenWithin: 'P30D' });
    await engine.policy({ reopenWithin: 'PT72H' }, { skillId: engine.sales });
    expect(await endedAndBack('30 days', 30 * DAY)).toBe(1);
    expect(await endedAndBack('30 days and 1 ms', 30 * DAY + 1)).toBe(2);
    expect(await endedAndBack('72 hours', 3 * DAY, engine.sales)).toBe(1);
    expect(await endedAndBack('72 hours and 1 ms', 3 * DAY + 1, engine.sales)).toBe(2);
    await expect(engine.policy({ reopenWithin: 'P30DT0.001S' })).rejects.toMatchObject({
      ...{ code: 'OUT_OF_BOUNDS', field: 'reopenWithin' },
    });
  });

  it('PE-11 is that of the rules in force when the message comes', async () => {
    await engine.policy({ reopenWithin: 'PT1H' });
    await engine.writes('widened');
    await engine.does('widened', { kind: 'END', by: 'AGENT' });
    engine.clock.advance(2 * HOUR);
    await engine.policy({ reopenWithin: 'PT2H' });
    await engine.writes('widened');
    expect(await engine.conversations('widened')).toMatchObject([{ status: 'WAITING' }]);
  });
});
