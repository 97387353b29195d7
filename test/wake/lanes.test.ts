import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureSkills } from '../../src/accounts/setup.ts';
import type { Alarm } from '../../src/db/rows/lanes.ts';
import type { RulesCache } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, DAY, depsWith, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { changeRules, recordPlayed } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.db
    .sql`update account set exempt_tags = '{vip}', rules_version = rules_version + 1, scheduled_version = scheduled_version + 1`;
  await engine.policy({ autoCloseAfter: 'PT2H', reopenWithin: 'PT0S' });
  await engine.policy({ autoCloseAfter: 'P9D' }, { skillId: engine.sales });
  await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' }, { skillId: engine.care });
});
beforeEach(async () => {
  await engine.policy({ autoCloseThen: 'END' });
  engine.clock.advance(DAY);
  await engine.runUntil(engine.clock.now());
  engine.armed.length = 0;
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

async function quiet(address: string, skillId: string | null = null): Promise<Date> {
  await engine.does(address, { kind: 'INBOUND', skillId });
  await engine.answers(address);
  return engine.clock.now();
}
/** The lane of the address's conversation. */
async function laneOf(address: string) {
  const { lane_id } = await engine.latest(address);
  const [lane] = await engine.db
    .sql`select id, wake_at, floor, xmin::text from lane where id = ${lane_id as string}`;
  return lane as unknown as { id: string; wake_at: Date | null; floor: Date; xmin: string };
}
/** Fails unless the lane is scheduled to wake now. Runs the wake and returns the conversation. */
async function wokenAtOnce(address: string) {
  const lane = await laneOf(address);
  const now = engine.clock.now();
  expect(lane.wake_at).toEqual(now);
  const alarm = { accountId: engine.accountId, laneId: lane.id, wakeAt: now };
  const { instead, ...armed } = engine.armed.findLast(
    ({ laneId, wakeAt }) => laneId === lane.id && wakeAt.getTime() === now.getTime(),
  ) as Alarm;
  expect(armed).toEqual(alarm);
  // An alarm that it replaced, if there was one, was later.
  expect(instead === undefined || instead > now).toBe(true);
  await engine.runUntil(now);
  return await engine.latest(address);
}
const CLOSED = { status: 'ENDED', end_reason: 'AUTO_CLOSE', lateness_ms: '0' };

describe('entering a lane or changing a clock in it', () => {
  it('writes neither the lane nor the queue for an ordinary message', async () => {
    await quiet('known lane');
    await engine.runUntil(inMs(MINUTE));
    const before = await laneOf('known lane');
    engine.armed.length = 0;
    await quiet('ordinary');
    await engine.answers('ordinary', { at: inMs(-10_000) });
    const after = await laneOf('ordinary');
    expect(after).toEqual(before);
    expect(engine.armed).toEqual([]);
  });

  it('with an old clock after a change of skill wakes the lane at once', async () => {
    await quiet('skill', engine.sales);
    await engine.runUntil(inMs(3 * HOUR));
    await engine.does('skill', { kind: 'SKILL', skillId: null });
    expect(await wokenAtOnce('skill')).toMatchObject(CLOSED);
  });

  it('with an old clock after an exempt tag is removed wakes the lane at once', async () => {
    await quiet('tag');
    await engine.does('tag', { kind: 'TAG', add: ['vip'], remove: [] });
    await engine.runUntil(inMs(3 * HOUR));
    expect(await engine.latest('tag')).toMatchObject({ status: 'ACTIVE' });
    await engine.does('tag', { kind: 'TAG', add: [], remove: ['vip'] });
    expect(await wokenAtOnce('tag')).toMatchObject(CLOSED);
  });

  it('with an old clock after a manual response time is removed wakes the lane at once', async () => {
    await quiet('promise');
    await engine.does('promise', { kind: 'MANUAL_RESPONSE_TIME', responseAt: inMs(DAY) });
    await engine.runUntil(inMs(3 * HOUR));
    await engine.does('promise', { kind: 'MANUAL_RESPONSE_TIME', responseAt: null });
    expect(await wokenAtOnce('promise')).toMatchObject(CLOSED);
  });

  it('with an old clock through late messages wakes an empty lane at once', async () => {
    await engine.writes('late', { at: inMs(-4 * HOUR) });
    await engine.answers('late', { at: inMs(-3 * HOUR) });
    expect(await wokenAtOnce('late')).toMatchObject(CLOSED);
  });

  it('with an earlier clock in the same lane wakes it at once', async () => {
    await engine.writes('back', { at: inMs(-HOUR), skillId: engine.care });
    await engine.answers('back');
    await engine.runUntil(inMs(MINUTE));
    engine.armed.length = 0;
    await engine.answers('back', { at: inMs(-30 * MINUTE) });
    expect(await wokenAtOnce('back')).toMatchObject({ status: 'INACTIVE' });
  });

  it('after a revoked end lets the protection count from the old message', async () => {
    await quiet('revoked');
    await engine.runUntil(inMs(3 * HOUR));
    const sent = inMs(-2 * HOUR);
    await engine.writes('revoked', { at: sent });
    expect(await wokenAtOnce('revoked')).toMatchObject({ status: 'ACTIVE', last_activity_at: sent });
    expect((await laneOf('revoked')).floor.getTime()).toBeLessThanOrEqual(sent.getTime());
  });

  it('with an old clock after a hold that ended while no wake ran wakes the lane at once', async () => {
    await quiet('release');
    await engine.does('release', { kind: 'HOLD', until: inMs(MINUTE) });
    await engine.jumpTo(inMs(5 * HOUR));
    expect(await engine.latest('release')).toMatchObject(CLOSED);
    expect((await engine.feed((await engine.latest('release')).id)).map((event) => event.timer)).toEqual([
      null,
      null,
      null,
      'RELEASE_HOLD',
      'AUTO_CLOSE',
    ]);
  });

  it('after a close that puts on hold sets the wake of the new lane, and the protection acts on time', async () => {
    await engine.policy({ autoCloseThen: 'HOLD' });
    await quiet('to hold');
    await engine.runUntil(inMs(2 * HOUR));
    const { held, lane_id } = await engine.latest('to hold');
    expect(held).toBe(true);
    expect(engine.armed.map(({ laneId }) => laneId)).toContain(lane_id);
  });

  it('with a conversation that a recorded timeline leaves open wakes the lane at once', async () => {
    const target = { channelId: engine.channelId, address: 'played' };
    const answered = inMs(-119 * MINUTE);
    await recordPlayed(
      engine.deps,
      engine.accountId,
      [
        { target, action: { kind: 'INBOUND' }, at: inMs(-9 * HOUR) },
        { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann }, at: answered },
      ],
      engine.clock.now(),
    );
    expect(await wokenAtOnce('played')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(inMs(MINUTE));
    expect(await engine.latest('played')).toMatchObject({
      ...CLOSED,
      ended_at: new Date(answered.getTime() + 2 * HOUR),
    });
  });

  it('with a hold that has an end lowers the alarm to that end', async () => {
    await quiet('hold', engine.sales);
    await engine.does('hold', { kind: 'HOLD', until: null });
    await engine.runUntil(engine.clock.now());
    const until = inMs(7 * MINUTE);
    await engine.does('hold', { kind: 'HOLD', until });
    expect((await laneOf('hold')).wake_at).toEqual(until);
    expect(engine.armed.at(-1)).toMatchObject({ wakeAt: until });
  });

  it('does not lose a conversation with a 5 s old clock in a new lane, although no wake ran for 10 minutes', async () => {
    const [skillId] = (await ensureSkills(engine.deps, engine.accountId, ['new'])).values();
    await engine.does('first', { kind: 'INBOUND', skillId: skillId as string }, { at: inMs(-6000) });
    await engine.answers('first', { at: inMs(-5000) });
    const answered = inMs(-5000);
    await engine.jumpTo(inMs(10 * MINUTE));
    await engine.runUntil(new Date(answered.getTime() + 2 * HOUR));
    expect(await engine.latest('first')).toMatchObject(CLOSED);
  });

  it('with an old clock in a call decided under outdated rules wakes the lane at once', async () => {
    await quiet('for a lane');
    const outage = { account_id: engine.accountId, id: engine.deps.newId(), channel_id: null, kind: 'PAUSE' };
    const changing = (write: (sql: TransactionSql) => Promise<unknown>) =>
      changeRules(
        engine.deps,
        { accountId: engine.accountId, author: { changedBy: 'test', why: null } },
        async (sql) => {
          await write(sql);
          return { kind: 'OUTAGE', channelId: null, skillId: null, before: null, after: null };
        },
      );
    await changing((sql) => sql`insert into outage ${sql({ ...outage, since: inMs(-1000), until: null })}`);
    const paused = await engine.deps.rules.newest(engine.accountId);
    await changing((sql) => sql`update outage set until = ${engine.clock.now()} where id = ${outage.id}`);
    await engine.runUntil(engine.clock.now());

    const rules: RulesCache = { ...engine.deps.rules, at: async () => paused };
    const target = { channelId: engine.channelId, address: 'old rules' };
    await recordActivities(depsWith(engine, { rules }), engine.accountId, [
      { target, action: { kind: 'INBOUND' }, at: inMs(-4 * HOUR) },
      { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann }, at: inMs(-3 * HOUR) },
    ]);
    expect(await wokenAtOnce('old rules')).toMatchObject(CLOSED);
  });
});
