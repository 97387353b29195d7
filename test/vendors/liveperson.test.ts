import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, DAY, type Engine, HOUR, MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';
import { answered, expectClosesAt, later, openLivePerson } from '../support/vendors/liveperson.ts';

let engine: Engine;
beforeEach(async () => {
  engine = await openLivePerson();
});
afterEach(() => engine.drop());

const statusOf = async (address: string) => (await engine.latest(address)).status;

describe('the threshold', () => {
  it('LP-1 idle for the configured time it is closed by the system, whatever its status', async () => {
    await engine.policy({ autoCloseAfter: 'PT45M' });
    for (const address of ['active', 'waiting', 'inactive']) await answered(engine, address);
    await engine.does('waiting', { kind: 'TO_QUEUE' });
    await engine.does('inactive', { kind: 'INACTIVATE' });
    await engine.does('new', { kind: 'START', by: 'AGENT', agentId: engine.ann });
    await engine.runUntil(at('12:44:59.999'));
    for (const address of ['active', 'waiting', 'inactive', 'new'])
      expect(await statusOf(address)).toBe(address.toUpperCase());
    await engine.runUntil(at('12:45'));
    for (const address of ['active', 'waiting', 'inactive', 'new'])
      expect(await engine.latest(address), address).toMatchObject({
        ...{ status: 'ENDED', end_reason: 'AUTO_CLOSE', ended_by: 'SYSTEM', ended_at: at('12:45') },
        ...{ former_status: address.toUpperCase(), lateness_ms: '0' },
      });
  });

  it('LP-5 it is 90 days where nobody set one', async () => {
    await answered(engine, 'default');
    await expectClosesAt(engine, 'default', later(at('12:00'), 90 * DAY));
  });

  it('LP-4 a skill overrides the account, the channel and skill together the skill', async () => {
    const other = await ensureChannel(engine.deps, engine.accountId, {
      ...{ name: 'other', adapter: 'web', settings: {} },
    });
    await engine.policy({ autoCloseAfter: 'PT4H' });
    await engine.policy({ autoCloseAfter: 'PT3H' }, { channelId: other });
    await engine.policy({ autoCloseAfter: 'PT2H' }, { skillId: engine.sales });
    await engine.policy({ autoCloseAfter: 'PT1H' }, { channelId: engine.channelId, skillId: engine.sales });
    const come = async (address: string, channelId: string, skillId: string | null) => {
      const target = { channelId, address };
      await engine.apply(
        { target, action: { kind: 'INBOUND', skillId } },
        { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } },
      );
    };
    await come('no skill', engine.channelId, null);
    await come('a skill without one', engine.channelId, engine.care);
    await come('channel', other, engine.care);
    await come('skill', other, engine.sales);
    await come('channel and skill', engine.channelId, engine.sales);
    await expectClosesAt(engine, 'channel and skill', at('13:00'));
    await expectClosesAt(engine, 'skill', at('14:00'));
    await expectClosesAt(engine, 'channel', at('15:00'));
    await engine.runUntil(at('15:59:59.999'));
    expect(await statusOf('no skill')).toBe('ACTIVE');
    await expectClosesAt(engine, 'a skill without one', at('16:00'));
    expect(await engine.latest('no skill')).toMatchObject({ status: 'ENDED', ended_at: at('16:00') });
  });

  it('LP-4 a conversation that moves to a skill goes by its threshold; unset, the account holds again', async () => {
    await engine.policy({ autoCloseAfter: 'PT4H' });
    await engine.policy({ autoCloseAfter: 'PT1H' }, { skillId: engine.care });
    for (const address of ['moves', 'stays']) await answered(engine, address, { skillId: engine.sales });
    await engine.does('moves', { kind: 'SKILL', skillId: engine.care });
    await expectClosesAt(engine, 'moves', at('13:00'));
    await answered(engine, 'again', { skillId: engine.care });
    await engine.policy({ autoCloseAfter: null }, { skillId: engine.care });
    await expectClosesAt(engine, 'stays', at('16:00'));
    await expectClosesAt(engine, 'again', at('17:00'));
  });

  it.each([
    ['PT25M', 25 * MINUTE],
    ['PT90M', 90 * MINUTE],
    ['PT36H', 36 * HOUR],
    ['P3DT2H', 3 * DAY + 2 * HOUR],
    ['P90D', 90 * DAY],
  ])('LP-10 %s is that many minutes, hours and days', async (autoCloseAfter, ms) => {
    await engine.policy({ autoCloseAfter });
    await answered(engine, 'lasts');
    await expectClosesAt(engine, 'lasts', later(at('12:00'), ms));
  });

  it('LP-8 idle for 2 h, last active at 13:00: closed at 15:00:00.000', async () => {
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await engine.writes('LP-8');
    await engine.runUntil(at('13:00'));
    const { conversationId } = await engine.answers('LP-8');
    await expectClosesAt(engine, 'LP-8', at('15:00:00.000'));
    expect((await engine.feed(conversationId as string)).at(-1)).toMatchObject({
      ...{ timer: 'AUTO_CLOSE', actor: 'SYSTEM', effect: 'ENDED', at: at('15:00') },
      data: { due: '2026-03-02T15:00:00.000Z' },
    });
  });

  it('LP-8 one whose wake comes late closes late, never early, and says by how much', async () => {
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await answered(engine, 'late');
    engine.clock.advance(2 * HOUR - 1);
    await engine.wakeAll();
    expect(await statusOf('late')).toBe('ACTIVE');
    engine.clock.advance(701);
    await engine.wakeAll();
    expect(await engine.latest('late')).toMatchObject({
      ...{ ended_at: at('14:00:00.700'), lateness_ms: '700' },
    });
  });

  it('SP-10 raised it closes only by the new one, and closed stays closed; lowered it takes the newly due', async () => {
    await engine.policy({ autoCloseAfter: 'PT1H' });
    await answered(engine, 'closed before');
    await engine.runUntil(at('12:30'));
    await answered(engine, 'open');
    await engine.runUntil(at('13:15'));
    await engine.policy({ autoCloseAfter: 'PT6H' });
    await expectClosesAt(engine, 'open', at('18:30'));
    expect(await engine.latest('closed before')).toMatchObject({ status: 'ENDED', ended_at: at('13:00') });

    await answered(engine, 'newly due');
    await engine.runUntil(at('20:00'));
    await answered(engine, 'not yet due');
    await engine.runUntil(at('20:10'));
    await engine.policy({ autoCloseAfter: 'PT30M' });
    await engine.runUntil(engine.clock.now());
    expect(await engine.latest('newly due')).toMatchObject({
      ...{ status: 'ENDED', end_reason: 'AUTO_CLOSE', ended_at: at('20:10'), lateness_ms: '0' },
    });
    await expectClosesAt(engine, 'not yet due', at('20:30'));
  });
});

describe('after the close', () => {
  beforeEach(() => engine.policy({ autoCloseAfter: 'PT1H' }));

  it.each([
    ['the millisecond after', 1],
    ['an hour after', HOUR],
    ['a year after', 365 * DAY],
  ])('LP-3 a message %s is a new conversation, linked to the one before', async (address, ms) => {
    const before = await answered(engine, address);
    await engine.runUntil(at('13:00'));
    await engine.jumpTo(later(at('13:00'), ms));
    const closed = await engine.latest(address);
    expect(closed).toMatchObject({ id: before, ended_at: at('13:00'), end_reason: 'AUTO_CLOSE' });
    await engine.writes(address);
    const [first, second, ...more] = await engine.conversations(address);
    expect(first).toEqual(closed);
    expect(second).toMatchObject({
      ...{ status: 'WAITING', awaiting: 'AGENT', started_by: 'CUSTOMER', agent_id: null },
      ...{ previous_id: before, started_at: later(at('13:00'), ms) },
    });
    expect(more).toEqual([]);
  });

  it('LP-3 each close of a contact is one more link of the chain', async () => {
    const first = await answered(engine, 'chain');
    await engine.runUntil(at('13:00:01'));
    const second = await answered(engine, 'chain');
    await expectClosesAt(engine, 'chain', at('14:00:01'));
    await engine.runUntil(at('14:00:02'));
    const third = await answered(engine, 'chain');
    expect((await engine.conversations('chain')).map((row) => [row.id, row.previous_id])).toEqual([
      [first, null],
      [second, first],
      [third, second],
    ]);
  });

  it('LL-2 LP-3 a message sent before the close but delivered after it is in time: no new conversation', async () => {
    const id = await answered(engine, 'on its way');
    await engine.runUntil(at('13:00:05'));
    expect(await statusOf('on its way')).toBe('ENDED');
    await engine.writes('on its way', { at: at('12:59:59.999') });
    const conversations = await engine.conversations('on its way');
    expect(conversations).toMatchObject([{ id, status: 'ACTIVE', awaiting: 'AGENT', ended_at: null }]);
  });
});
