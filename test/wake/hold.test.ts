import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LULL } from '../../src/domain/policy/profiles.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const wait = (ms: number) => engine.runUntil(inMs(ms));

async function held(address: string, until: Date | null) {
  await engine.writes(address);
  await engine.answers(address);
  await engine.does(address, { kind: 'HOLD', until, agentId: engine.ann });
}

describe('a hold', () => {
  it('PE-6 stops every timer', async () => {
    await held('no timer', null);
    await wait(DAY);
    expect(await engine.latest('no timer')).toMatchObject({ status: 'ACTIVE', held: true, held_until: null });
  });

  it('PE-6 restarts the clock when an agent releases it', async () => {
    await held('released', null);
    await wait(DAY);
    await engine.does('released', { kind: 'RELEASE', agentId: engine.ann });
    const released = engine.clock.now();
    await engine.runUntil(new Date(released.getTime() + 2 * HOUR - 1));
    expect(await engine.latest('released')).toMatchObject({ status: 'ACTIVE', held: false });
    await engine.runUntil(new Date(released.getTime() + 2 * HOUR));
    expect(await engine.latest('released')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('PE-6 with an end is released at that instant and restarts the clock from there', async () => {
    const until = inMs(5 * HOUR);
    await held('until', until);
    await engine.runUntil(new Date(until.getTime() - 1));
    expect(await engine.latest('until')).toMatchObject({ held: true, held_until: until });
    await engine.runUntil(until);
    const released = await engine.latest('until');
    expect(released).toMatchObject({
      held: false,
      held_until: null,
      last_activity_at: until,
      awaiting_since: until,
      status_since: until,
      status: 'ACTIVE',
    });
    expect((await engine.feed(released.id)).at(-1)).toMatchObject({
      timer: 'RELEASE_HOLD',
      effect: null,
      at: until,
    });
    await engine.runUntil(new Date(until.getTime() + 2 * HOUR));
    expect(await engine.latest('until')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('PE-6 LL-8 restarts the clock at its end even if the first message of the conversation failed', async () => {
    const start = { kind: 'START', by: 'AGENT', agentId: engine.ann } as const;
    await engine.does('nobody', start, { messageId: 'first' });
    await engine.does('nobody', { kind: 'RECEIPT', of: 'first', state: 'FAILED' });
    const until = inMs(5 * DAY);
    await engine.does('nobody', { kind: 'HOLD', until, agentId: engine.ann });
    await engine.runUntil(new Date(until.getTime() + 2 * DAY - 1));
    expect(await engine.latest('nobody')).toMatchObject({
      ...{ status: 'NEW', awaiting: 'AGENT', held: false, awaiting_since: until },
    });
    await engine.runUntil(new Date(until.getTime() + 2 * DAY));
    expect(await engine.latest('nobody')).toMatchObject({ status: 'ENDED', end_reason: 'UNANSWERED' });
  });

  it('PE-6 restarts the clock from its end when it is released late, and the close is not late', async () => {
    const until = inMs(HOUR);
    await held('late', until);
    await engine.jumpTo(inMs(90 * MINUTE));
    expect(await engine.latest('late')).toMatchObject({ held: false, last_activity_at: until });
    await engine.runUntil(new Date(until.getTime() + 2 * HOUR));
    expect(await engine.latest('late')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('PE-6 lets the conversation close at once when it is released after the close fell due', async () => {
    const until = inMs(HOUR);
    await held('very late', until);
    await engine.jumpTo(inMs(9 * HOUR));
    await wait(1000);
    expect(await engine.latest('very late')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });

  it('PE-6 is replaced by a later hold, shorter or longer', async () => {
    await held('shorter', inMs(9 * HOUR));
    await held('longer', inMs(HOUR));
    await engine.does('shorter', { kind: 'HOLD', until: inMs(HOUR) });
    await engine.does('longer', { kind: 'HOLD', until: inMs(9 * HOUR) });
    await wait(HOUR);
    expect(await engine.latest('shorter')).toMatchObject({ held: false });
    expect(await engine.latest('longer')).toMatchObject({ held: true });
    await wait(8 * HOUR);
    expect(await engine.latest('longer')).toMatchObject({ held: false });
  });

  it('PE-6 is released by a consumer message but not by an agent message', async () => {
    await held('written', inMs(5 * HOUR));
    await engine.answers('written');
    expect(await engine.latest('written')).toMatchObject({ held: true });
    await engine.writes('written');
    expect(await engine.latest('written')).toMatchObject({
      held: false,
      held_until: null,
      awaiting: 'AGENT',
    });
    await engine.answers('written');
    await wait(2 * HOUR);
    expect(await engine.latest('written')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });

  it('PE-6 does not stop the protection, which counts from the last activity', async () => {
    await held('protected', null);
    const began = engine.clock.now();
    await engine.jumpTo(new Date(began.getTime() + 90 * DAY - MINUTE));
    expect(await engine.latest('protected')).toMatchObject({ status: 'ACTIVE', held: true });
    await engine.runUntil(new Date(began.getTime() + 90 * DAY));
    expect(await engine.latest('protected')).toMatchObject({ status: 'ENDED', end_reason: 'PROTECTION' });
  });

  it('PE-6 is released if it ended while no wake ran, and the conversation closes on time without a protection', async () => {
    const { deps } = engine;
    const bare = async (rules: ReturnType<typeof deps.rules.at>) => ({
      ...(await rules),
      profile: { ...LULL, protectAfter: null },
    });
    const unprotected = {
      ...deps,
      rules: {
        at: (accountId: string, version: number) => bare(deps.rules.at(accountId, version)),
        newest: (accountId: string) => bare(deps.rules.newest(accountId)),
      },
    };
    const until = inMs(HOUR);
    await held('unprotected', until);
    engine.clock.advance(90 * MINUTE);
    await engine.policy({ reopenWithin: 'P1D' });
    const wakeEvery = async () => {
      const lanes = await engine.db.sql`select id from lane where account_id = ${engine.accountId}`;
      for (const { id } of lanes)
        await wakeLane(unprotected, { accountId: engine.accountId, laneId: id, wakeAt: null });
    };
    await wakeEvery();
    expect(await engine.latest('unprotected')).toMatchObject({ held: false, last_activity_at: until });
    await wakeEvery();
    engine.clock.advance(90 * MINUTE);
    await wakeEvery();
    expect(await engine.latest('unprotected')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });
});

describe('a close that puts on hold instead', () => {
  it('PE-9 starts a hold without an end, once, and a customer message releases it', async () => {
    await engine.policy({ autoCloseThen: 'HOLD' });
    await engine.writes('PE-9');
    await engine.answers('PE-9');
    const answered = engine.clock.now();
    await wait(DAY);
    const onHold = await engine.latest('PE-9');
    const heldAt = new Date(answered.getTime() + 2 * HOUR);
    expect(onHold).toMatchObject({
      status: 'ACTIVE',
      held: true,
      held_until: null,
      last_activity_at: heldAt,
      ended_at: null,
      lateness_ms: null,
    });
    const feed = await engine.feed(onHold.id);
    expect(feed.map(({ kind, timer }) => timer ?? kind)).toEqual(['INBOUND', 'OUTBOUND', 'AUTO_CLOSE']);
    expect(feed.at(-1)).toMatchObject({ effect: null, status: 'ACTIVE', at: heldAt });

    await engine.writes('PE-9');
    await engine.answers('PE-9');
    expect(await engine.latest('PE-9')).toMatchObject({ held: false });
    await wait(2 * HOUR);
    expect(await engine.latest('PE-9')).toMatchObject({ held: true });
    await engine.policy({ autoCloseThen: null });
  });

  it('PE-9 lets the protection count from the start of the hold', async () => {
    await engine.policy({ autoCloseThen: 'HOLD' });
    await engine.writes('PE-9 90 days');
    await engine.answers('PE-9 90 days');
    await wait(2 * HOUR);
    const heldAt = engine.clock.now();
    await engine.jumpTo(new Date(heldAt.getTime() + 90 * DAY - MINUTE));
    expect(await engine.latest('PE-9 90 days')).toMatchObject({ held: true });
    await wait(MINUTE);
    expect(await engine.latest('PE-9 90 days')).toMatchObject({ status: 'ENDED', end_reason: 'PROTECTION' });
  });
});
