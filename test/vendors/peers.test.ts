import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action } from '../../src/domain/conversation/activity.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H', reopenWithin: 'PT0S' });
});
afterAll(() => engine.drop());

const now = () => engine.clock.now();
const plus = (instant: Date, ms: number) => new Date(instant.getTime() + ms);
const run = (ms: number) => engine.runUntil(plus(now(), ms));
const sales = () => ({ skillId: engine.sales });
const stateOf = async (address: string) => await engine.latest(address);
/** A conversation of the queue sales, answered by Ann just now. */
async function begun(address: string): Promise<Date> {
  await engine.writes(address, sales());
  await engine.answers(address);
  return now();
}
/** What timers did to it, and after how many minutes. */
async function firings(address: string, since: Date): Promise<[string, number][]> {
  const feed = await engine.feed((await stateOf(address)).id);
  return feed.flatMap(({ timer, at }) =>
    timer === null ? [] : [[timer as string, (at.getTime() - since.getTime()) / MINUTE] as [string, number]],
  );
}

describe('reminders', () => {
  it.each([1, 2, 3].flatMap((sent) => (['customer', 'agent'] as const).map((who) => [who, sent] as const)))(
    'PE-2 a reply of the %s after %i of three cancels the close and what is left, and begins anew',
    async (who, sent) => {
      await engine.policy({ remindBefore: ['PT1H', 'PT30M', 'PT10M'] }, sales());
      const address = `${who} ${sent}`;
      const since = await begun(address);
      const minutes = [60, 90, 110];
      await engine.runUntil(plus(since, (minutes[sent - 1] as number) * MINUTE));
      engine.clock.advance(1);
      const told = minutes.slice(0, sent).map((each) => ['REMIND', each]);
      expect(await firings(address, since)).toEqual(told);
      await (who === 'customer' ? engine.writes(address) : engine.answers(address));
      await engine.runUntil(plus(since, 119 * MINUTE));
      expect(await firings(address, since)).toEqual(told);
      expect(await stateOf(address)).toMatchObject({ status: 'ACTIVE', stage: 0 });
      await engine.answers(address);
      const again = now();
      await run(2 * HOUR);
      expect((await firings(address, again)).slice(sent)).toEqual([
        ...minutes.map((each) => ['REMIND', each]),
        ['AUTO_CLOSE', 120],
      ]);
      expect(await stateOf(address)).toMatchObject({ status: 'ENDED', ended_at: plus(again, 2 * HOUR) });
    },
  );
});

describe('what does not count', () => {
  const sent = (sender: 'BOT' | 'AUTOMATION' | 'BROADCAST' | 'OWN'): Action => ({ kind: 'OUTBOUND', sender });
  const senders = ['BOT', 'AUTOMATION', 'BROADCAST', 'OWN'] as const;

  it.each(senders)('PE-5 a message by %s neither starts a clock nor resets one', async (sender) => {
    await engine.policy({ remindBefore: [], inactivate: true, inactivateAfter: 'PT1H' }, sales());
    await engine.writes(`${sender} starts`, sales());
    const written = now();
    await engine.does(`${sender} starts`, { kind: 'ASSIGN', agentId: engine.ann });
    const since = await begun(`${sender} resets`);
    await run(30 * MINUTE);
    for (const address of [`${sender} starts`, `${sender} resets`]) await engine.does(address, sent(sender));
    expect(await stateOf(`${sender} resets`)).toMatchObject({
      ...{ last_activity_at: since, awaiting_since: since, awaiting: 'CONSUMER' },
    });
    await engine.runUntil(plus(since, HOUR - 1));
    expect(await stateOf(`${sender} resets`)).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(plus(since, HOUR));
    expect(await stateOf(`${sender} resets`)).toMatchObject({ status: 'INACTIVE' });
    await run(DAY);
    expect(await stateOf(`${sender} starts`)).toMatchObject({
      ...{ status: 'ACTIVE', awaiting: 'AGENT', awaiting_since: null, last_activity_at: written },
    });
    await engine.policy({ inactivate: null }, sales());
  });

  it.each([
    ['BOT', 'BOT_MESSAGE'],
    ['AUTOMATION', 'AUTOMATION_MESSAGE'],
    ['BROADCAST', 'BROADCAST_MESSAGE'],
  ] as const)(
    'PE-5 LL-10 one by %s resets it where the policy says so, and still awaits as before',
    async (sender, kind) => {
      await engine.policy({ remindBefore: [], resetOn: [kind] }, sales());
      const since = await begun(`${sender} policy`);
      await engine.writes(`${sender} awaits`, sales());
      await engine.writes(`${sender} elsewhere`);
      await engine.answers(`${sender} elsewhere`);
      await run(HOUR);
      for (const which of ['policy', 'awaits', 'elsewhere'])
        await engine.does(`${sender} ${which}`, sent(sender));
      expect(await stateOf(`${sender} awaits`)).toMatchObject({ status: 'WAITING', awaiting: 'AGENT' });
      await engine.runUntil(plus(since, 3 * HOUR - 1));
      expect(await stateOf(`${sender} policy`)).toMatchObject({ status: 'ACTIVE', awaiting_since: since });
      expect(await stateOf(`${sender} elsewhere`)).toMatchObject({ ended_at: plus(since, 2 * HOUR) });
      await engine.runUntil(plus(since, 3 * HOUR));
      expect(await stateOf(`${sender} policy`)).toMatchObject({ ended_at: plus(since, 3 * HOUR) });
      await engine.policy({ resetOn: null }, sales());
    },
  );

  it('PE-5 LL-9 no policy makes Lull’s own messages count', async () => {
    const every = ['BOT_MESSAGE', 'AUTOMATION_MESSAGE', 'BROADCAST_MESSAGE'];
    await engine.policy({ resetOn: every, botsAreAgents: true }, sales());
    const since = await begun('own');
    await run(HOUR);
    await engine.does('own', sent('OWN'));
    await engine.runUntil(plus(since, 2 * HOUR));
    expect(await stateOf('own')).toMatchObject({ ended_at: plus(since, 2 * HOUR) });
    await engine.policy({ resetOn: null, botsAreAgents: null }, sales());
  });

  it('PE-5 where bots are agents, a bot’s message starts a clock and resets it', async () => {
    await engine.policy({ botsAreAgents: true }, sales());
    await engine.writes('bot as agent', sales());
    await run(HOUR);
    await engine.does('bot as agent', sent('BOT'));
    expect(await stateOf('bot as agent')).toMatchObject({ awaiting: 'CONSUMER', awaiting_since: now() });
    await run(HOUR);
    await engine.does('bot as agent', sent('BOT'));
    const last = now();
    await engine.runUntil(plus(last, 2 * HOUR - 1));
    expect(await stateOf('bot as agent')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(plus(last, 2 * HOUR));
    expect(await stateOf('bot as agent')).toMatchObject({ ended_at: plus(last, 2 * HOUR) });
    await engine.policy({ botsAreAgents: null }, sales());
  });
});

describe('the reset matrix as configuration', () => {
  const actions: [string, () => Action][] = [
    ['CASE_STATUS', () => ({ kind: 'CASE_STATUS', caseStatus: 'solved' })],
    ['TO_QUEUE', () => ({ kind: 'TO_QUEUE' })],
    ['READER_JOINED', () => ({ kind: 'READER_JOINED', agentId: engine.bob })],
    ['ASSIGN', () => ({ kind: 'ASSIGN', agentId: engine.bob })],
    ['TAG', () => ({ kind: 'TAG', add: ['seen'], remove: [] })],
    ['SKILL', () => ({ kind: 'SKILL', skillId: engine.care })],
    ['MANUAL_RESPONSE_TIME', () => ({ kind: 'MANUAL_RESPONSE_TIME', responseAt: null })],
    ['COMMENT', () => ({ kind: 'COMMENT' })],
    ['TRANSCRIPT_VIEWED', () => ({ kind: 'TRANSCRIPT_VIEWED' })],
    ['RECEIPT', () => ({ kind: 'RECEIPT', of: 'a message', state: 'READ' })],
    ['CLIENT', () => ({ kind: 'CLIENT', clientVersion: '2.1' })],
  ];
  it.each(actions)(
    'LL-10 %s resets the clock where it is set to, and nothing else does',
    async (kind, action) => {
      await engine.policy({ resetOn: [kind] }, sales());
      const [moved, still] = [`${kind} does`, `${kind} does not`];
      await begun(moved);
      const since = await begun(still);
      await run(HOUR);
      await engine.does(moved, action());
      for (const [other, does] of actions)
        if (other !== kind && other !== 'SKILL') await engine.does(still, does());
      expect(await stateOf(moved)).toMatchObject({ last_activity_at: plus(since, HOUR) });
      expect(await stateOf(still)).toMatchObject({ last_activity_at: since });
      await engine.policy({ resetOn: null }, sales());
    },
  );

  it('LL-10 each layer has its own: a queue’s goes before that of the account', async () => {
    await engine.policy({ resetOn: ['COMMENT'] });
    await engine.policy({ resetOn: [] }, sales());
    const since = await begun('queue');
    await engine.writes('account');
    await engine.answers('account');
    await run(HOUR);
    for (const address of ['queue', 'account']) await engine.does(address, { kind: 'COMMENT' });
    await engine.runUntil(plus(since, 2 * HOUR));
    expect(await stateOf('queue')).toMatchObject({ ended_at: plus(since, 2 * HOUR) });
    expect(await stateOf('account')).toMatchObject({ ended_at: null, last_activity_at: plus(since, HOUR) });
    await engine.policy({ resetOn: null });
    await engine.policy({ resetOn: null }, sales());
  });

  it('LL-10 what was recorded before a change keeps the effect that it had', async () => {
    await engine.policy({ resetOn: ['COMMENT'] }, sales());
    const since = await begun('counted then');
    await run(HOUR);
    await engine.does('counted then', { kind: 'COMMENT' });
    await engine.policy({ resetOn: [] }, sales());
    await begun('not counted then');
    const other = now();
    await run(HOUR);
    await engine.does('not counted then', { kind: 'COMMENT' });
    await engine.policy({ resetOn: ['COMMENT'] }, sales());
    await engine.runUntil(plus(since, 3 * HOUR - 1));
    expect(await stateOf('counted then')).toMatchObject({ ended_at: null });
    expect(await stateOf('not counted then')).toMatchObject({ ended_at: null, last_activity_at: other });
    await engine.runUntil(plus(since, 3 * HOUR));
    for (const address of ['counted then', 'not counted then'])
      expect(await stateOf(address)).toMatchObject({ ended_at: plus(since, 3 * HOUR) });
    await engine.policy({ resetOn: null }, sales());
  });

  it('LL-10 also where a late message has its history folded again', async () => {
    await engine.policy({ resetOn: [] }, sales());
    const since = await begun('folded');
    await run(HOUR);
    await engine.does('folded', { kind: 'COMMENT' });
    await engine.policy({ resetOn: ['COMMENT'] }, sales());
    await run(MINUTE);
    await engine.writes('folded', { at: plus(since, MINUTE) });
    expect(await stateOf('folded')).toMatchObject({
      last_activity_at: plus(since, MINUTE),
      awaiting: 'AGENT',
    });
    await engine.policy({ resetOn: null }, sales());
  });
});
