import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.db
    .sql`update account set exempt_tags = '{vip}', rules_version = rules_version + 1, scheduled_version = scheduled_version + 1`;
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => engine.drop());

const later = (instant: Date, ms: number) => new Date(instant.getTime() + ms);

describe('auto close', () => {
  it('LP-1 closes a conversation that was idle for the configured time, at its due second', async () => {
    await engine.writes('LP-1');
    engine.clock.advance(HOUR);
    await engine.answers('LP-1');
    const answered = engine.clock.now();
    await engine.runUntil(later(answered, 2 * HOUR - 1));
    expect(await engine.latest('LP-1')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(later(answered, 2 * HOUR));
    expect(await engine.latest('LP-1')).toMatchObject({
      status: 'ENDED',
      end_reason: 'AUTO_CLOSE',
      ended_by: 'SYSTEM',
      ended_at: later(answered, 2 * HOUR),
      credited_agent_id: engine.ann,
      former_status: 'ACTIVE',
      lateness_ms: '0',
      lane_id: null,
    });
  });

  it('LP-8 closes a conversation idle for 2 h since 13:00 at 15:00:00, and the feed says why and when', async () => {
    const noon = at('13:00').getTime() + DAY;
    await engine.jumpTo(new Date(noon - MINUTE));
    await engine.writes('LP-8');
    await engine.runUntil(new Date(noon));
    const { conversationId } = await engine.answers('LP-8');
    await engine.runUntil(new Date(noon + 2 * HOUR + MINUTE));
    expect(await engine.latest('LP-8')).toMatchObject({
      ended_at: new Date(noon + 2 * HOUR),
      lateness_ms: '0',
    });
    expect((await engine.feed(conversationId as string)).at(-1)).toMatchObject({
      kind: 'TIMER',
      timer: 'AUTO_CLOSE',
      actor: 'SYSTEM',
      effect: 'ENDED',
      status: 'ENDED',
      at: new Date(noon + 2 * HOUR),
      data: { due: new Date(noon + 2 * HOUR).toISOString() },
      revision: 3,
    });
  });

  it('SP-8 credits no agent if none was assigned', async () => {
    await engine.writes('SP-8');
    await engine.answers('SP-8');
    await engine.does('SP-8', { kind: 'TO_QUEUE' });
    await engine.runUntil(later(engine.clock.now(), 2 * HOUR));
    expect(await engine.latest('SP-8')).toMatchObject({
      end_reason: 'AUTO_CLOSE',
      former_status: 'WAITING',
      credited_agent_id: null,
    });
  });

  it('LP-13 still applies after a return to the queue, which restarts the clock and leaves the customer awaited', async () => {
    await engine.writes('LP-13');
    await engine.answers('LP-13');
    await engine.runUntil(later(engine.clock.now(), HOUR));
    await engine.does('LP-13', { kind: 'TO_QUEUE' });
    const returned = engine.clock.now();
    expect(await engine.latest('LP-13')).toMatchObject({ status: 'WAITING', awaiting: 'CONSUMER' });
    await engine.runUntil(later(returned, 2 * HOUR - 1));
    expect(await engine.latest('LP-13')).toMatchObject({ status: 'WAITING' });
    await engine.runUntil(later(returned, 2 * HOUR));
    expect(await engine.latest('LP-13')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });

  it('LP-7 skips a conversation with a manual response time until the customer writes or the policy allows it', async () => {
    for (const address of ['LP-7 kept', 'LP-7 written']) {
      await engine.writes(address);
      await engine.answers(address);
      const responseAt = later(engine.clock.now(), DAY);
      await engine.does(address, { kind: 'MANUAL_RESPONSE_TIME', responseAt });
    }
    await engine.runUntil(later(engine.clock.now(), 5 * HOUR));
    expect(await engine.latest('LP-7 kept')).toMatchObject({ status: 'ACTIVE' });
    await engine.writes('LP-7 written');
    await engine.answers('LP-7 written');
    await engine.runUntil(later(engine.clock.now(), 2 * HOUR));
    expect(await engine.latest('LP-7 written')).toMatchObject({ status: 'ENDED' });
    expect(await engine.latest('LP-7 kept')).toMatchObject({ status: 'ACTIVE' });

    await engine.policy({ exemptManualResponseTime: false });
    await engine.runUntil(engine.clock.now());
    expect(await engine.latest('LP-7 kept')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
    await engine.policy({ exemptManualResponseTime: null });
  });
});

describe('the system protection', () => {
  it('LP-6 LP-11 is the only timer that closes a conversation awaiting the agent', async () => {
    const { conversationId } = await engine.writes('LP-6');
    const written = engine.clock.now();
    await engine.jumpTo(later(written, 90 * DAY - MINUTE));
    expect(await engine.latest('LP-6')).toMatchObject({ id: conversationId, status: 'WAITING' });
    await engine.runUntil(later(written, 90 * DAY - 1));
    expect(await engine.latest('LP-6')).toMatchObject({ status: 'WAITING' });
    await engine.runUntil(later(written, 90 * DAY));
    expect(await engine.latest('LP-6')).toMatchObject({
      status: 'ENDED',
      end_reason: 'PROTECTION',
      lateness_ms: '0',
    });
  });

  it('LP-11 closes held and exempt conversations and those with a manual response time, even with auto close off', async () => {
    await engine.policy({ autoClose: false, endInactive: false, endUnanswered: false });
    const kinds: Record<string, () => Promise<unknown>> = {
      held: () => engine.does('held', { kind: 'HOLD', until: null }),
      exempt: () => engine.does('exempt', { kind: 'TAG', add: ['vip'], remove: [] }),
      promised: () =>
        engine.does('promised', { kind: 'MANUAL_RESPONSE_TIME', responseAt: later(engine.clock.now(), DAY) }),
      inactive: () => engine.does('inactive', { kind: 'INACTIVATE' }),
      plain: async () => {},
    };
    for (const [address, make] of Object.entries(kinds)) {
      await engine.writes(address);
      await engine.answers(address);
      await make();
    }
    await engine.does('new', { kind: 'START', by: 'AGENT', agentId: engine.ann });
    const began = engine.clock.now();
    await engine.jumpTo(later(began, 90 * DAY - MINUTE));
    for (const address of [...Object.keys(kinds), 'new'])
      expect((await engine.latest(address)).status).not.toBe('ENDED');
    await engine.runUntil(later(began, 90 * DAY));
    for (const address of [...Object.keys(kinds), 'new'])
      expect(await engine.latest(address)).toMatchObject({ status: 'ENDED', end_reason: 'PROTECTION' });
    await engine.policy({ autoClose: null, endInactive: null, endUnanswered: null });
  });

  it('LP-11 gives way to an auto close that is due at the same instant', async () => {
    await engine.policy({ autoCloseAfter: 'P90D' });
    await engine.writes('both');
    await engine.answers('both');
    await engine.jumpTo(later(engine.clock.now(), 90 * DAY));
    expect(await engine.latest('both')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });
});
