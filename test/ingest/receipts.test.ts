import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceiptState } from '../../src/domain/conversation/activity.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
});
afterAll(() => engine.drop());

const now = () => engine.clock.now();
const inMs = (ms: number) => new Date(now().getTime() + ms);
const wait = (ms: number) => engine.runUntil(inMs(ms));
/** The id of a message: its contact and a number. */
const idOf = (address: string, number: number) => `${address} ${number}`;
const ofAgent = { awaiting: 'AGENT', awaiting_since: null };
const ofConsumer = (since: Date) => ({ awaiting: 'CONSUMER', awaiting_since: since });

/** Ann writes. Returns the time of her message. */
async function answers(address: string, number: number): Promise<Date> {
  await engine.answers(address, { messageId: idOf(address, number) });
  return now();
}

/** The channel reports that a message failed, now or at an earlier time. */
async function fail(address: string, number: number, when: Date = now()) {
  const receipt = { kind: 'RECEIPT', of: idOf(address, number), state: 'FAILED' } as const;
  return await engine.does(address, receipt, { at: when });
}

/** The status one millisecond before an instant, and at it. */
async function around(address: string, instant: Date): Promise<[string, string]> {
  await engine.runUntil(new Date(instant.getTime() - 1));
  const before = await engine.latest(address);
  await engine.runUntil(instant);
  return [before.status, (await engine.latest(address)).status];
}

describe('a failed agent message', () => {
  it('LL-8 leaves the agent awaited if it was the only one, and the conversation never becomes inactive', async () => {
    await engine.writes('only');
    await answers('only', 1);
    await wait(MINUTE);
    expect(await fail('only', 1)).toMatchObject({ outcome: 'APPLIED' });
    expect(await engine.latest('only')).toMatchObject({ ...ofAgent, status: 'ACTIVE', agent_id: engine.ann });
    await engine.jumpTo(inMs(DAY));
    expect(await engine.latest('only')).toMatchObject({ ...ofAgent, status: 'ACTIVE' });
  });

  it('LL-8 makes the clock start at the earliest message that was delivered', async () => {
    await engine.writes('second');
    await answers('second', 1);
    await wait(4 * MINUTE);
    const second = await answers('second', 2);
    await wait(MINUTE);
    await answers('second', 3);
    await fail('second', 1);
    expect(await engine.latest('second')).toMatchObject(ofConsumer(second));
    const due = new Date(second.getTime() + 10 * MINUTE);
    expect(await around('second', due)).toEqual(['ACTIVE', 'INACTIVE']);
  });

  it('LL-8 changes nothing if it was not the first', async () => {
    await engine.writes('not the first');
    const first = await answers('not the first', 1);
    await wait(MINUTE);
    await answers('not the first', 2);
    await fail('not the first', 2);
    expect(await engine.latest('not the first')).toMatchObject(ofConsumer(first));
  });

  it.each([
    [[1, 2, 3], null],
    [[3, 2, 1], null],
    [[1, 2], 3],
    [[2, 1], 3],
    [[1, 3], 2],
    [[3, 1], 2],
    [[2, 3], 1],
    [[1, 1], 2],
  ])(
    'LL-8 of three, where %j fail in this order, leaves the customer awaited since message %s',
    async (failed, first) => {
      const address = `three ${failed}`;
      await engine.writes(address);
      const sent: Date[] = [];
      for (const number of [1, 2, 3]) {
        await wait(MINUTE);
        sent.push(await answers(address, number));
      }
      for (const number of failed) {
        await wait(1000);
        await fail(address, number);
      }
      const since = first === null ? undefined : sent[first - 1];
      expect(await engine.latest(address)).toMatchObject(since ? ofConsumer(since) : ofAgent);
    },
  );

  it('LL-8 counts the same whether several fail in one call or one by one', async () => {
    const target = { channelId: engine.channelId, address: 'one call' };
    const receipt = (number: number) => ({
      target,
      action: { kind: 'RECEIPT', of: idOf('one call', number), state: 'FAILED' } as const,
    });
    await engine.writes('one call');
    await answers('one call', 1);
    const results = await engine.apply(
      { target, action: { kind: 'OUTBOUND', sender: 'AGENT' }, messageId: idOf('one call', 2) },
      receipt(2),
      receipt(1),
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['APPLIED', 'APPLIED', 'APPLIED']);
    expect(await engine.latest('one call')).toMatchObject(ofAgent);
  });

  it('LL-8 changes nothing if the customer has written since', async () => {
    await engine.writes('before');
    await answers('before', 1);
    await wait(MINUTE);
    await engine.writes('before');
    await fail('before', 1);
    expect(await engine.latest('before')).toMatchObject({ ...ofAgent, status: 'ACTIVE' });
    await wait(MINUTE);
    const second = await answers('before', 2);
    await fail('before', 1);
    expect(await engine.latest('before')).toMatchObject(ofConsumer(second));
  });

  it('LL-8 lets the next delivered message start the clock', async () => {
    await engine.writes('next');
    await answers('next', 1);
    await fail('next', 1);
    await wait(HOUR);
    const next = await answers('next', 2);
    expect(await engine.latest('next')).toMatchObject(ofConsumer(next));
    expect(await around('next', new Date(next.getTime() + 10 * MINUTE))).toEqual(['ACTIVE', 'INACTIVE']);
  });

  it('LL-8 restarts no other clock, and is in the feed', async () => {
    await engine.writes('feed');
    await answers('feed', 1);
    const before = await engine.latest('feed');
    await wait(MINUTE);
    await fail('feed', 1);
    const { id, last_activity_at, status_since } = await engine.latest('feed');
    expect({ last_activity_at, status_since }).toEqual({
      last_activity_at: before.last_activity_at,
      status_since: before.status_since,
    });
    expect((await engine.feed(id)).at(-1)).toMatchObject({
      ...{ kind: 'RECEIPT', at: now(), awaiting: 'AGENT' },
      data: { of: idOf('feed', 1), state: 'FAILED' },
    });
  });

  it('LL-8 does not restore a clock from before the end of a hold', async () => {
    await engine.writes('hold');
    await answers('hold', 1);
    await engine.does('hold', { kind: 'HOLD', until: null });
    await wait(HOUR);
    await engine.does('hold', { kind: 'RELEASE' });
    const released = now();
    await wait(MINUTE);
    await answers('hold', 2);
    await fail('hold', 2);
    expect(await engine.latest('hold')).toMatchObject(ofConsumer(released));
    expect(await around('hold', new Date(released.getTime() + 10 * MINUTE))).toEqual(['ACTIVE', 'INACTIVE']);
  });

  it('LL-8 also prevents the automatic close, because the agent is awaited', async () => {
    await engine.policy({ autoCloseAfter: 'PT5M' });
    await engine.writes('close');
    await answers('close', 1);
    await fail('close', 1);
    await wait(HOUR);
    expect(await engine.latest('close')).toMatchObject({ status: 'ACTIVE' });
    await engine.policy({ autoCloseAfter: null });
  });
});

describe('a failure receipt that arrives out of order', () => {
  it('LL-8 counts from its own instant if it is reported after a later message', async () => {
    await engine.writes('late');
    await answers('late', 1);
    const failed = inMs(MINUTE);
    await wait(2 * MINUTE);
    const second = await answers('late', 2);
    await fail('late', 1, failed);
    expect(await engine.latest('late')).toMatchObject(ofConsumer(second));
    await fail('late', 2);
    expect(await engine.latest('late')).toMatchObject(ofAgent);
  });

  it('LL-8 takes effect once its message arrives if it is reported before', async () => {
    await engine.writes('early');
    const sent = now();
    await wait(MINUTE);
    await fail('early', 1);
    expect(await engine.latest('early')).toMatchObject({ ...ofAgent, status: 'WAITING' });
    await engine.answers('early', { messageId: idOf('early', 1), at: sent });
    expect(await engine.latest('early')).toMatchObject({ ...ofAgent, status: 'ACTIVE' });
  });

  it('LL-8 counts when it seems older than its message because the channel reports whole seconds', async () => {
    await engine.writes('seconds');
    await wait(700);
    await answers('seconds', 1);
    const whole = new Date(Math.floor(now().getTime() / 1000) * 1000);
    expect(whole < now()).toBe(true);
    await fail('seconds', 1, whole);
    expect(await engine.latest('seconds')).toMatchObject(ofAgent);
    engine.clock.advance(300);
  });
});

describe('a first message of the business that failed', () => {
  it('LL-8 SF-9 leaves the agent awaited, and the conversation ends without a reply like any other', async () => {
    const start = { kind: 'START', by: 'AGENT', agentId: engine.ann } as const;
    await engine.does('start', start, { messageId: idOf('start', 1) });
    const began = now();
    await wait(MINUTE);
    await fail('start', 1);
    expect(await engine.latest('start')).toMatchObject({ status: 'NEW', awaiting: 'AGENT' });
    await engine.jumpTo(new Date(began.getTime() + 2 * DAY - 1000));
    expect(await around('start', new Date(began.getTime() + 2 * DAY))).toEqual(['NEW', 'ENDED']);
    expect(await engine.latest('start')).toMatchObject({ end_reason: 'UNANSWERED' });
  });

  it('LL-8 SF-9 gives the next delivered attempt two days of its own', async () => {
    const start = { kind: 'START', by: 'AUTOMATION' } as const;
    await engine.does('attempt', start, { messageId: idOf('attempt', 1) });
    await fail('attempt', 1);
    await engine.jumpTo(inMs(DAY));
    const second = await answers('attempt', 2);
    expect(await engine.latest('attempt')).toMatchObject({ status: 'NEW', ...ofConsumer(second) });
    await engine.jumpTo(new Date(second.getTime() + 2 * DAY - 1000));
    expect(await around('attempt', new Date(second.getTime() + 2 * DAY))).toEqual(['NEW', 'ENDED']);
  });

  it('LL-8 leaves the agent awaited when an automation sent it', async () => {
    const began = { kind: 'OUTBOUND', sender: 'AUTOMATION' } as const;
    await engine.does('automation', began, { messageId: idOf('automation', 1) });
    const since = now();
    await wait(MINUTE);
    await answers('automation', 2);
    await fail('automation', 2);
    expect(await engine.latest('automation')).toMatchObject({ status: 'NEW', ...ofConsumer(since) });
    await fail('automation', 1);
    expect(await engine.latest('automation')).toMatchObject({ status: 'NEW', awaiting: 'AGENT' });
  });
});

describe('receipts that restart no clock', () => {
  it.each(['DELIVERED', 'READ'] satisfies ReceiptState[])('LL-8 %s changes nothing', async (state) => {
    await engine.writes(state);
    const sent = await answers(state, 1);
    await wait(MINUTE);
    await engine.does(state, { kind: 'RECEIPT', of: idOf(state, 1), state });
    expect(await engine.latest(state)).toMatchObject({ ...ofConsumer(sent), last_activity_at: sent });
  });

  it('LL-8 a failure of an unknown message changes nothing', async () => {
    await engine.writes('unknown');
    const sent = await answers('unknown', 1);
    await wait(MINUTE);
    expect(await fail('unknown', 9)).toMatchObject({ outcome: 'APPLIED' });
    expect(await engine.latest('unknown')).toMatchObject(ofConsumer(sent));
  });

  it.each(['BOT', 'AUTOMATION', 'OWN'] as const)(
    'LL-8 LL-9 the failure of a message with sender %s changes nothing',
    async (sender) => {
      await engine.writes(sender);
      const sent = await answers(sender, 1);
      await wait(MINUTE);
      await engine.does(sender, { kind: 'OUTBOUND', sender }, { messageId: idOf(sender, 2) });
      await fail(sender, 2);
      expect(await engine.latest(sender)).toMatchObject({ ...ofConsumer(sent), last_activity_at: sent });
    },
  );

  it('LL-8 LL-9 a bot message does not replace the failed agent message', async () => {
    await engine.writes('bot');
    await answers('bot', 1);
    await engine.does('bot', { kind: 'OUTBOUND', sender: 'BOT' }, { messageId: idOf('bot', 2) });
    await fail('bot', 1);
    expect(await engine.latest('bot')).toMatchObject(ofAgent);
  });

  it('LL-8 a failure without a conversation is refused and creates no contact', async () => {
    expect(await fail('nobody', 1)).toMatchObject({ outcome: 'REFUSED', error: { code: 'NOT_FOUND' } });
    const contacts = await engine.db
      .sql`select 1 from contact where account_id = ${engine.accountId} and address = 'nobody'`;
    expect([...contacts]).toEqual([]);
  });
});
