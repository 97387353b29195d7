import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({
    autoCloseAfter: 'PT2H',
    reopenWithin: 'PT0S',
    inactivate: true,
    inactivateAfter: 'PT1H',
    queueTimeout: true,
    queueTimeoutAfter: 'PT3H',
  });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const ago = (ms: number) => inMs(-ms);

/** How each automatic end is reached: the first activities, and the time until the end. */
const ENDS: Record<string, { begin: (address: string) => Promise<unknown>; lasts: number; becomes: object }> =
  {
    AUTO_CLOSE: {
      begin: async (address) => {
        await engine.policy({ inactivate: false });
        await engine.writes(address);
        await engine.answers(address);
      },
      lasts: 2 * HOUR,
      becomes: { status: 'ACTIVE', agent: 'ann' },
    },
    INACTIVE: {
      begin: async (address) => {
        await engine.policy({ inactivate: true });
        await engine.writes(address);
        await engine.answers(address);
        await engine.runUntil(inMs(HOUR));
      },
      lasts: 24 * HOUR,
      becomes: { status: 'WAITING', agent: null },
    },
    UNANSWERED: {
      begin: (address) => engine.does(address, { kind: 'START', by: 'AGENT', agentId: engine.ann }),
      lasts: 48 * HOUR,
      becomes: { status: 'WAITING', agent: null },
    },
    QUEUE_TIMEOUT: {
      begin: (address) => engine.writes(address),
      lasts: 3 * HOUR,
      becomes: { status: 'WAITING', agent: null },
    },
    PROTECTION: {
      begin: async (address) => {
        await engine.writes(address);
        await engine.answers(address);
        await engine.does(address, { kind: 'HOLD', until: null });
      },
      lasts: 90 * DAY,
      becomes: { status: 'ACTIVE', agent: 'ann' },
    },
  };

describe('a reply sent before an automatic end and delivered after it', () => {
  it.each(Object.keys(ENDS))(
    'LL-2 revokes the end by %s, and exactly one conversation remains',
    async (reason) => {
      const { begin, lasts, becomes } = ENDS[reason] as (typeof ENDS)[string];
      await begin(reason);
      await engine.jumpTo(inMs(lasts - MINUTE));
      await engine.runUntil(inMs(MINUTE));
      const ended = await engine.latest(reason);
      expect(ended).toMatchObject({ status: 'ENDED', end_reason: reason, lateness_ms: '0' });
      const sent = ago(1);

      await engine.runUntil(inMs(30 * MINUTE));
      const result = await engine.writes(reason, { at: sent });
      expect(result).toMatchObject({ outcome: 'APPLIED', conversationId: ended.id });
      const { agent, ...state } = becomes as { agent: 'ann' | null };
      expect(await engine.conversations(reason)).toMatchObject([
        {
          ...state,
          agent_id: agent && engine.ann,
          awaiting: 'AGENT',
          awaiting_since: null,
          held: false,
          last_activity_at: sent,
          status_since: engine.clock.now(),
          ended_at: null,
          end_reason: null,
          lateness_ms: null,
        },
      ]);
      expect((await engine.feed(ended.id)).at(-1)).toMatchObject({
        kind: 'INBOUND',
        effect: 'REVOKED',
        at: sent,
      });
    },
  );

  it('LL-2 revokes the end if it was sent at the instant of the end, and starts a conversation if sent 1 ms later', async () => {
    await engine.policy({ inactivate: false });
    for (const address of ['at the end', 'after the end']) {
      await engine.writes(address);
      await engine.answers(address);
    }
    await engine.runUntil(inMs(2 * HOUR));
    const end = engine.clock.now();
    await engine.runUntil(inMs(HOUR));
    await engine.writes('at the end', { at: end });
    await engine.writes('after the end', { at: new Date(end.getTime() + 1) });
    expect(await engine.conversations('at the end')).toMatchObject([{ status: 'ACTIVE' }]);
    expect(await engine.conversations('after the end')).toMatchObject([
      { status: 'ENDED' },
      { status: 'WAITING' },
    ]);
  });

  it('LL-2 starts a new conversation if it arrives more than 24 hours after the end', async () => {
    for (const address of ['a day', 'a day and more']) {
      await engine.writes(address);
      await engine.answers(address);
    }
    await engine.runUntil(inMs(2 * HOUR));
    const sent = ago(MINUTE);
    await engine.runUntil(inMs(DAY));
    await engine.writes('a day', { at: sent });
    engine.clock.advance(1);
    await engine.writes('a day and more', { at: sent });
    expect(await engine.conversations('a day')).toMatchObject([{ status: 'ACTIVE' }]);
    expect(await engine.conversations('a day and more')).toMatchObject([
      { status: 'ENDED' },
      { status: 'WAITING', last_activity_at: sent },
    ]);
  });

  it('LL-2 goes to a newer conversation if one is open, and the end stands', async () => {
    await engine.writes('newer');
    await engine.answers('newer');
    await engine.runUntil(inMs(2 * HOUR));
    const sent = ago(MINUTE);
    await engine.runUntil(inMs(HOUR));
    await engine.writes('newer');
    const began = engine.clock.now();
    await engine.runUntil(inMs(MINUTE));
    const { conversationId } = await engine.writes('newer', { at: sent });
    const [old, next] = await engine.conversations('newer');
    expect(next).toMatchObject({
      id: conversationId,
      status: 'WAITING',
      last_activity_at: began,
      previous_id: old?.id,
    });
    expect(old).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });

  it('LL-2 goes to the newer conversation even if it names the ended one', async () => {
    const [old, next] = await engine.conversations('newer');
    const [result] = await engine.apply({
      target: { conversationId: old?.id },
      action: { kind: 'INBOUND' },
      at: ago(HOUR),
    });
    expect(result).toMatchObject({ outcome: 'APPLIED', conversationId: next?.id });
  });

  it('LL-2 starts a new conversation if a person ended the old one', async () => {
    await engine.writes('by hand');
    await engine.answers('by hand');
    engine.clock.advance(HOUR);
    await engine.does('by hand', { kind: 'END', by: 'AGENT', agentId: engine.ann });
    engine.clock.advance(MINUTE);
    await engine.writes('by hand', { at: ago(2 * MINUTE) });
    expect(await engine.conversations('by hand')).toMatchObject([
      { status: 'ENDED', end_reason: 'COMMAND' },
      { status: 'WAITING' },
    ]);
  });

  it('LL-2 leaves a conversation that closes again on time once it is quiet', async () => {
    await engine.writes('again');
    await engine.answers('again');
    await engine.runUntil(inMs(2 * HOUR));
    await engine.runUntil(inMs(HOUR));
    await engine.writes('again', { at: ago(2 * HOUR) });
    await engine.runUntil(inMs(5 * HOUR));
    expect(await engine.latest('again')).toMatchObject({ status: 'ACTIVE' });
    await engine.answers('again');
    const answered = engine.clock.now();
    await engine.runUntil(inMs(2 * HOUR));
    expect(await engine.conversations('again')).toMatchObject([
      { status: 'ENDED', ended_at: new Date(answered.getTime() + 2 * HOUR), lateness_ms: '0' },
    ]);
  });
});
