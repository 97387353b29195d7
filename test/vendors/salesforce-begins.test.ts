import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotAllowedError } from '../../src/domain/errors.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import {
  type ChannelName,
  NEW,
  OUTBOUND_CHANNELS,
  openSessions,
  type Sessions,
  STANDARD_CHANNELS,
  timeOf,
} from './sessions.ts';

let engine: Engine;
let sessions: Sessions;
let time: ReturnType<typeof timeOf>;
beforeAll(async () => {
  engine = await openEngine(at('12:00'), { profile: 'SALESFORCE' });
  sessions = await openSessions(engine);
  time = timeOf(engine);
});
afterAll(() => engine.drop());

const on = (name: ChannelName) => sessions.on(name);

describe('a session that the business begins', () => {
  it('SF-9 ends without a reply after 24 hours on standard channels, after 48 on all others', async () => {
    const channels = [...OUTBOUND_CHANNELS, ...STANDARD_CHANNELS];
    for (const name of channels) await on(name).begins(`SF-9 ${name}`);
    const began = time.now();
    const open = async () => {
      const all = await Promise.all(channels.map((name) => engine.latest(`SF-9 ${name}`)));
      return channels.filter((_, index) => all[index]?.status === 'NEW');
    };
    await time.wait(20 * HOUR);
    for (const name of channels) await on(name).answers(`SF-9 ${name}`);
    await time.runUpTo(new Date(began.getTime() + 24 * HOUR));
    expect(await open()).toEqual(channels);
    await time.wait(1);
    expect(await open()).toEqual(OUTBOUND_CHANNELS);
    await time.runUpTo(new Date(began.getTime() + 48 * HOUR));
    expect(await open()).toEqual(OUTBOUND_CHANNELS);
    await time.wait(1);
    expect(await open()).toEqual([]);
    for (const name of channels)
      expect(await engine.latest(`SF-9 ${name}`)).toMatchObject({
        end_reason: 'UNANSWERED',
        lateness_ms: '0',
      });
  });

  it('SF-9 stays once the customer has replied', async () => {
    await on('whatsapp').begins('SF-9 reply');
    await time.wait(48 * HOUR - 1);
    await on('whatsapp').writes('SF-9 reply');
    await time.wait(100 * DAY);
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
      ...{ ended_at: time.now(), former_status: 'NEW', started_by: 'AUTOMATION' },
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
    const until = time.inMs(48 * HOUR);
    await time.wait(47 * HOUR);
    await on('line').writes('SF-10 reply');
    expect(await engine.conversations('SF-10 reply')).toHaveLength(1);
    const { before, after } = await time.around('SF-10 open', until);
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
      await time.wait(MINUTE);
      await channel.does(`SF-10 ${status}`, notifications['an automated message']);
      expect(await engine.conversations(`SF-10 ${status}`)).toEqual([
        { ...before, newest_at: time.now(), revision: Number(before.revision) + 1 },
      ]);
    }
  });
});

it('LL-9 SF-6 SF-10 an own message, or its echo, begins nothing, ends nothing and moves no clock', async () => {
  const own = { kind: 'OUTBOUND', sender: 'OWN' } as const;
  expect(await on('sms').does('LL-9 nobody', own)).toMatchObject({ outcome: 'IGNORED' });
  expect(await engine.conversations('LL-9 nobody')).toEqual([]);
  await on('sms').begins('LL-9 NEW');
  await on('sms').inactive('LL-9 INACTIVE');
  await on('sms').writes('LL-9 ENDED', 'STOP');
  for (const status of ['NEW', 'INACTIVE', 'ENDED']) {
    const before = await engine.latest(`LL-9 ${status}`);
    await time.wait(MINUTE);
    expect(await on('sms').does(`LL-9 ${status}`, own)).toMatchObject({ outcome: 'APPLIED' });
    expect(await engine.conversations(`LL-9 ${status}`)).toEqual([
      { ...before, newest_at: time.now(), revision: Number(before.revision) + 1 },
    ]);
  }
});

it('SF-12 what was marked INACTIVE before the account forbade it stays so, whatever comes late', async () => {
  await on('sms').answered('SF-12 late');
  const between = time.inMs(MINUTE);
  await time.wait(2 * MINUTE);
  await on('sms').inactivates('SF-12 late');
  const since = time.now();
  await time.wait(MINUTE);
  await engine.policy({ manualInactivation: false });
  await on('sms').does('SF-12 late', { kind: 'COMMENT' }, { at: between });
  expect(await engine.latest('SF-12 late')).toMatchObject({ status: 'INACTIVE', status_since: since });
  await engine.policy({ manualInactivation: null });
});

describe('after the end', () => {
  it.each([
    ['by hand', (address: string) => on('sms').does(address, { kind: 'END', by: 'AGENT' })],
    [
      'for inactivity',
      (address: string) =>
        on('sms')
          .inactivates(address)
          .then(() => time.wait(DAY)),
    ],
    ['by opting out', (address: string) => on('sms').writes(address, 'STOP')],
  ])('SF-14 %s, a message of the customer begins a new session', async (how, end) => {
    await on('sms').answered(`SF-14 ${how}`);
    await end(`SF-14 ${how}`);
    const ended = await engine.latest(`SF-14 ${how}`);
    expect(ended.status).toBe('ENDED');
    await time.wait(1);
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
