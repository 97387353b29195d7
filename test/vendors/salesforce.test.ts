import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/index.ts';
import { NotAllowedError } from '../../src/domain/errors.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import {
  type ChannelName,
  ENHANCED_CHANNELS,
  OUTBOUND_CHANNELS,
  openSessions,
  type Sessions,
  STANDARD_CHANNELS,
} from './sessions.ts';

let engine: Engine;
let sessions: Sessions;
beforeAll(async () => {
  engine = await openEngine(at('12:00'), { profile: 'SALESFORCE' });
  sessions = await openSessions(engine);
});
afterAll(() => engine.drop());

const now = () => engine.clock.now();
const inMs = (ms: number) => new Date(now().getTime() + ms);
/** Time passes in one step: what falls due within it acts at its end. */
const wait = (ms: number) => engine.jumpTo(inMs(ms));
const on = (name: ChannelName) => sessions.on(name);
const NEW = { status: 'NEW', awaiting: 'CONSUMER', agent_id: null, ended_at: null };

/** Runs until a millisecond before an instant; only the last second of it as workers would. */
async function runUpTo(instant: Date) {
  await engine.jumpTo(new Date(instant.getTime() - 1000));
  await engine.runUntil(new Date(instant.getTime() - 1));
}

/** What a conversation is, a millisecond before an instant and at it. */
async function around(address: string, instant: Date) {
  await runUpTo(instant);
  const before = await engine.latest(address);
  await engine.runUntil(instant);
  return { before, after: await engine.latest(address) };
}

describe('which channels have sessions', () => {
  it('SF-1 eight kinds of channel, three of which have a standard tier', () => {
    const kinds = ['web', 'in-app', 'whatsapp', 'messenger', 'sms', 'apple-messages', 'line', 'byoc'];
    const tiersOf = (id: string) => {
      const { rules, variants } = BUILT_IN.find((each) => each.id === id) ?? {};
      if (variants) expect(variants.setting).toBe('tier');
      const tiers = Object.entries(variants?.of ?? {}).map(([name, of]) => [name, of.sessions?.tier]);
      return [rules?.sessions?.tier ?? 'ENHANCED', ...tiers.map(String).sort()];
    };
    const tiered = ['ENHANCED', 'enhanced,ENHANCED', 'standard,STANDARD'];
    expect(Object.fromEntries(kinds.map((id) => [id, tiersOf(id)]))).toEqual({
      ...Object.fromEntries(kinds.map((id) => [id, ['ENHANCED']])),
      ...{ whatsapp: tiered, messenger: tiered, sms: tiered },
    });
  });

  it.each(ENHANCED_CHANNELS)('SF-1 SF-8 %s has INACTIVE sessions, which end after a day', async (name) => {
    await on(name).inactive(`SF-1 ${name}`);
    expect(await engine.latest(`SF-1 ${name}`)).toMatchObject({ status: 'INACTIVE', status_since: now() });
    const { before, after } = await around(`SF-1 ${name}`, inMs(DAY));
    expect(before).toMatchObject({ status: 'INACTIVE' });
    expect(after).toMatchObject({ status: 'ENDED', end_reason: 'INACTIVE', ended_at: now() });
  });

  it.each(STANDARD_CHANNELS)('SF-1 %s has none, and nothing ends a session that went quiet', async (name) => {
    await on(name).answered(`SF-1 ${name}`);
    const refused = await on(name).inactivates(`SF-1 ${name}`);
    expect(refused.error).toMatchObject({ code: 'NOT_ALLOWED', command: 'INACTIVATE', status: 'ACTIVE' });
    await wait(400 * DAY);
    expect(await engine.latest(`SF-1 ${name}`)).toMatchObject({ status: 'ACTIVE', revision: 2 });
  });

  it.each(STANDARD_CHANNELS)('SF-1 SF-10 on %s a notification stays open for a day', async (name) => {
    await on(name).notifies(`SF-10 ${name}`);
    expect(await engine.latest(`SF-10 ${name}`)).toMatchObject(NEW);
    const { before, after } = await around(`SF-10 ${name}`, inMs(DAY));
    expect(before).toMatchObject(NEW);
    expect(after).toMatchObject({ end_reason: 'UNANSWERED', ended_at: now() });
  });
});

describe('the customer inactivity timeout', () => {
  const channels = ['web chat', 'in-app chat', 'byoc'] as const;

  it.each(channels)(
    'SF-2 is off on %s until it is set there, and then from 5 to 30 minutes',
    async (name) => {
      await on(name).answered(`SF-2 ${name}`);
      await wait(30 * DAY);
      expect(await engine.latest(`SF-2 ${name}`)).toMatchObject({ status: 'ACTIVE' });
      for (const minutes of [5, 30]) {
        await on(name).policy({ inactivate: true, inactivateAfter: `PT${minutes}M` });
        await on(name).answered(`SF-2 ${name} ${minutes}`);
        const { before, after } = await around(`SF-2 ${name} ${minutes}`, inMs(minutes * MINUTE));
        expect(before).toMatchObject({ status: 'ACTIVE' });
        expect(after).toMatchObject({ status: 'INACTIVE', status_since: now() });
      }
      expect(await engine.latest(`SF-2 ${name}`)).toMatchObject({ status: 'ACTIVE' });
      await on(name).policy({ inactivate: true, inactivateAfter: 'PT5M' });
    },
  );

  it("SF-4 SF-5 of 5 minutes: it counts from the agent's first message after the customer's last, and the second does not restart it", async () => {
    await on('web chat').writes('SF-4');
    await wait(7 * MINUTE);
    await on('web chat').answers('SF-4');
    const first = now();
    await wait(2 * MINUTE);
    await on('web chat').answers('SF-4');
    const { before, after } = await around('SF-4', new Date(first.getTime() + 5 * MINUTE));
    expect(before).toMatchObject({ status: 'ACTIVE', awaiting_since: first });
    expect(after).toMatchObject({
      status: 'INACTIVE',
      status_since: now(),
      agent_id: engine.ann,
      ended_at: null,
    });
    const feed = await engine.feed(after.id);
    expect(feed.map(({ kind, timer, status }) => [kind, timer, status])).toEqual([
      ['INBOUND', null, 'WAITING'],
      ['OUTBOUND', null, 'ACTIVE'],
      ['OUTBOUND', null, 'ACTIVE'],
      ['TIMER', 'INACTIVATE', 'INACTIVE'],
    ]);
    expect(feed.at(-1)).toMatchObject({ at: now(), data: { due: now().toISOString() } });
  });

  it('SF-4 a message of the customer stops it, and the next answer starts it again', async () => {
    await on('byoc').answered('SF-4 again');
    await wait(5 * MINUTE - 1);
    await on('byoc').writes('SF-4 again');
    await wait(HOUR);
    expect(await engine.latest('SF-4 again')).toMatchObject({ status: 'ACTIVE', awaiting: 'AGENT' });
    await on('byoc').answers('SF-4 again');
    const { before, after } = await around('SF-4 again', inMs(5 * MINUTE));
    expect([before.status, after.status]).toEqual(['ACTIVE', 'INACTIVE']);
  });

  it.each(['BOT', 'AUTOMATION', 'BROADCAST', 'OWN'] as const)(
    "SF-13 a message of %s starts no clock and restarts none; an agent's alone does",
    async (sender) => {
      const address = `SF-13 ${sender}`;
      const says = () => on('in-app chat').does(address, { kind: 'OUTBOUND', sender });
      await on('in-app chat').writes(address);
      await on('in-app chat').does(address, { kind: 'ASSIGN', agentId: engine.ann });
      await says();
      await wait(HOUR);
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE', awaiting: 'AGENT' });
      await on('in-app chat').answers(address);
      const due = inMs(5 * MINUTE);
      await wait(4 * MINUTE);
      await says();
      const { before, after } = await around(address, due);
      expect([before.status, after.status]).toEqual(['ACTIVE', 'INACTIVE']);
    },
  );
});

describe('an INACTIVE session', () => {
  it.each(OUTBOUND_CHANNELS)(
    'SF-6 on %s an agent who writes to it begins a new one, linked to it',
    async (name) => {
      const address = `SF-6 ${name}`;
      await on(name).inactive(address);
      await wait(MINUTE);
      const written = await on(name).answers(address);
      const [old, begun] = await engine.conversations(address);
      expect(await engine.conversations(address)).toHaveLength(2);
      expect(written).toMatchObject({ outcome: 'APPLIED', conversationId: begun?.id, error: null });
      expect(old).toMatchObject({
        status: 'ENDED',
        end_reason: 'SUPERSEDED',
        ended_at: now(),
        ended_by: 'SYSTEM',
      });
      expect(old).toMatchObject({
        credited_agent_id: engine.ann,
        former_status: 'INACTIVE',
        lateness_ms: null,
      });
      expect(begun).toMatchObject({
        ...NEW,
        previous_id: old?.id,
        started_by: 'AGENT',
        awaiting_since: now(),
      });
      const [end] = (await engine.feed(old?.id)).slice(-1);
      expect(end).toMatchObject({ kind: 'END', effect: 'ENDED', at: now(), actor: 'SYSTEM', revision: 4 });
      const feed = await engine.feed(begun?.id);
      expect(feed).toHaveLength(1);
      expect(feed[0]).toMatchObject({
        kind: 'OUTBOUND',
        effect: 'STARTED',
        agent_id: engine.ann,
        status: 'NEW',
      });
    },
  );

  it('SF-6 SF-9 the new one goes to the queue with a reply, and ends after 48 hours without one', async () => {
    for (const address of ['SF-6 reply', 'SF-6 none']) {
      await on('sms').inactive(address);
      await on('sms').answers(address);
    }
    await on('sms').writes('SF-6 reply');
    expect(await engine.latest('SF-6 reply')).toMatchObject({ status: 'WAITING', awaiting: 'AGENT' });
    const { before, after } = await around('SF-6 none', inMs(2 * DAY));
    expect(before).toMatchObject(NEW);
    expect(after).toMatchObject({ end_reason: 'UNANSWERED', ended_at: now() });
  });

  it('SF-6 it makes no difference whether the session is named by its id', async () => {
    await on('byoc').inactive('SF-6 by id');
    const { id } = await engine.latest('SF-6 by id');
    const action = { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob } as const;
    const [written] = await engine.apply({ target: { conversationId: id }, action });
    expect(written).toMatchObject({ outcome: 'APPLIED' });
    expect(await engine.latest('SF-6 by id')).toMatchObject({
      ...NEW,
      id: written?.conversationId,
      previous_id: id,
    });
  });

  it.each(['web chat', 'apple messages'] as const)(
    'SF-6 on %s that is refused, and changes nothing',
    async (name) => {
      const address = `SF-6 ${name}`;
      await on(name).inactive(address);
      const before = await engine.conversations(address);
      const { outcome, error } = await on(name).answers(address);
      expect(outcome).toBe('REFUSED');
      expect(error).toBeInstanceOf(NotAllowedError);
      expect(error).toMatchObject({ code: 'NOT_ALLOWED', command: 'OUTBOUND', status: 'INACTIVE' });
      expect(await engine.conversations(address)).toEqual(before);
      expect(await engine.feed(before[0]?.id)).toHaveLength(3);
    },
  );

  it.each(ENHANCED_CHANNELS)('SF-7 on %s goes to the queue when the customer writes', async (name) => {
    const address = `SF-7 ${name}`;
    await on(name).inactive(address);
    await wait(23 * HOUR);
    await on(name).writes(address);
    expect(await engine.conversations(address)).toHaveLength(1);
    const waiting = { status: 'WAITING', agent_id: null, awaiting: 'AGENT', status_since: now() };
    expect(await engine.latest(address)).toMatchObject(waiting);
    await wait(100 * DAY);
    expect(await engine.latest(address)).toMatchObject(waiting);
  });

  it('SF-7 with status-based capacity goes back to its agent', async () => {
    const channels = ['web chat', 'in-app chat', 'byoc'] as const;
    for (const name of channels) await on(name).policy({ inactivate: null });
    await engine.policy({ statusBasedCapacity: true });
    await on('web chat').inactive('SF-7 capacity');
    await on('web chat').writes('SF-7 capacity');
    const active = { status: 'ACTIVE', agent_id: engine.ann, awaiting: 'AGENT', status_since: now() };
    expect(await engine.latest('SF-7 capacity')).toMatchObject(active);
    await engine.policy({ statusBasedCapacity: null });
    for (const name of channels) await on(name).policy({ inactivate: true });
  });

  it.each([
    ['the timer', async (address: string) => wait(address ? 5 * MINUTE : 0)],
    ['an agent', (address: string) => on('web chat').inactivates(address)],
    ['automation', (address: string) => on('web chat').does(address, { kind: 'INACTIVATE' })],
  ])('SF-8 made so by %s, it ends 24 hours later', async (who, inactivate) => {
    await on('web chat').answered(`SF-8 ${who}`);
    await inactivate(`SF-8 ${who}`);
    expect(await engine.latest(`SF-8 ${who}`)).toMatchObject({ status: 'INACTIVE', status_since: now() });
    const { before, after } = await around(`SF-8 ${who}`, inMs(24 * HOUR));
    expect(before).toMatchObject({ status: 'INACTIVE' });
    expect(after).toMatchObject({
      end_reason: 'INACTIVE',
      ended_at: now(),
      former_status: 'INACTIVE',
      lateness_ms: '0',
    });
  });
});

describe('a session that the business begins', () => {
  it('SF-9 ends without a reply after 24 hours on standard channels, after 48 on all others', async () => {
    const channels = [...OUTBOUND_CHANNELS, ...STANDARD_CHANNELS];
    for (const name of channels) await on(name).begins(`SF-9 ${name}`);
    const began = now();
    const open = async () => {
      const all = await Promise.all(channels.map((name) => engine.latest(`SF-9 ${name}`)));
      return channels.filter((_, index) => all[index]?.status === 'NEW');
    };
    await wait(20 * HOUR);
    for (const name of channels) await on(name).answers(`SF-9 ${name}`);
    await runUpTo(new Date(began.getTime() + 24 * HOUR));
    expect(await open()).toEqual(channels);
    await wait(1);
    expect(await open()).toEqual(OUTBOUND_CHANNELS);
    await runUpTo(new Date(began.getTime() + 48 * HOUR));
    expect(await open()).toEqual(OUTBOUND_CHANNELS);
    await wait(1);
    expect(await open()).toEqual([]);
    for (const name of channels)
      expect(await engine.latest(`SF-9 ${name}`)).toMatchObject({
        end_reason: 'UNANSWERED',
        lateness_ms: '0',
      });
  });

  it('SF-9 stays once the customer has replied', async () => {
    await on('whatsapp').begins('SF-9 reply');
    await wait(48 * HOUR - 1);
    await on('whatsapp').writes('SF-9 reply');
    await wait(100 * DAY);
    expect(await engine.latest('SF-9 reply')).toMatchObject({ status: 'WAITING' });
  });

  it.each(['web chat', 'apple messages'] as const)(
    'SF-9 is refused on %s, and leaves nothing behind',
    async (name) => {
      for (const attempt of [on(name).begins, on(name).answers]) {
        const { outcome, error } = await attempt(`SF-9 ${name}`);
        expect(outcome).toBe('REFUSED');
        expect(error).toBeInstanceOf(NotAllowedError);
      }
      expect(await engine.conversations(`SF-9 ${name}`)).toEqual([]);
    },
  );
});

describe('a notification', () => {
  const notifications = {
    'an automation that begins one': { kind: 'START', by: 'AUTOMATION' },
    'an automated message': { kind: 'OUTBOUND', sender: 'AUTOMATION' },
    'a broadcast': { kind: 'OUTBOUND', sender: 'BROADCAST' },
  } as const;

  it.each(Object.entries(notifications))('SF-10 %s ends at once', async (what, action) => {
    const { conversationId } = await on('in-app chat').does(`SF-10 ${what}`, action);
    expect(await engine.latest(`SF-10 ${what}`)).toMatchObject({
      ...{ id: conversationId, status: 'ENDED', end_reason: 'NOTIFICATION', ended_by: 'SYSTEM' },
      ...{ ended_at: now(), former_status: 'NEW', started_by: 'AUTOMATION' },
    });
    const feed = await engine.feed(conversationId as string);
    expect(feed.map(({ kind, effect }) => [kind, effect])).toEqual([
      [action.kind, 'STARTED'],
      ['END', 'ENDED'],
    ]);
  });

  it('SF-10 with session longevity it stays open for a reply, for 48 hours', async () => {
    await engine.policy({ sessionLongevity: true });
    await on('line').notifies('SF-10 open');
    await on('line').notifies('SF-10 reply');
    await engine.policy({ sessionLongevity: null });
    const until = inMs(48 * HOUR);
    await wait(47 * HOUR);
    await on('line').writes('SF-10 reply');
    expect(await engine.conversations('SF-10 reply')).toHaveLength(1);
    const { before, after } = await around('SF-10 open', until);
    expect(before).toMatchObject(NEW);
    expect(after).toMatchObject({ end_reason: 'UNANSWERED', ended_at: until });
    expect(await engine.latest('SF-10 reply')).toMatchObject({ status: 'WAITING' });
  });

  it('SF-10 into an open conversation ends nothing, and moves no clock', async () => {
    const channel = on('byoc');
    await channel.begins('SF-10 NEW');
    await channel.writes('SF-10 WAITING');
    await channel.answered('SF-10 ACTIVE');
    await channel.inactive('SF-10 INACTIVE');
    for (const status of ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE']) {
      const before = await engine.latest(`SF-10 ${status}`);
      expect(before.status).toBe(status);
      await wait(MINUTE);
      await channel.does(`SF-10 ${status}`, notifications['an automated message']);
      expect(await engine.conversations(`SF-10 ${status}`)).toEqual([
        { ...before, newest_at: now(), revision: Number(before.revision) + 1 },
      ]);
    }
  });
});

describe('after the end', () => {
  it.each([
    ['by hand', (address: string) => on('sms').does(address, { kind: 'END', by: 'AGENT' })],
    [
      'for inactivity',
      (address: string) =>
        on('sms')
          .inactivates(address)
          .then(() => wait(DAY)),
    ],
    ['by opting out', (address: string) => on('sms').writes(address, 'STOP')],
  ])('SF-14 %s, a message of the customer begins a new session', async (how, end) => {
    await on('sms').answered(`SF-14 ${how}`);
    await end(`SF-14 ${how}`);
    const ended = await engine.latest(`SF-14 ${how}`);
    expect(ended.status).toBe('ENDED');
    await wait(1);
    await on('sms').writes(`SF-14 ${how}`);
    const [before, after, ...more] = await engine.conversations(`SF-14 ${how}`);
    expect([before, more]).toEqual([ended, []]);
    expect(after).toMatchObject({
      status: 'WAITING',
      previous_id: ended.id,
      started_by: 'CUSTOMER',
      agent_id: null,
    });
  });

  it('SF-10 SF-14 a reply to a notification that is over begins a new session', async () => {
    await on('whatsapp').notifies('SF-14 notified');
    await on('whatsapp').writes('SF-14 notified');
    const [notification, reply] = await engine.conversations('SF-14 notified');
    expect(reply).toMatchObject({ status: 'WAITING', previous_id: notification?.id });
  });
});
