import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { NotAllowedError } from '../../src/domain/errors.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import {
  type ChannelName,
  ENHANCED_CHANNELS,
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
    expect(await engine.latest(`SF-1 ${name}`)).toMatchObject({
      status: 'INACTIVE',
      status_since: time.now(),
    });
    const { before, after } = await time.around(`SF-1 ${name}`, time.inMs(DAY));
    expect(before).toMatchObject({ status: 'INACTIVE' });
    expect(after).toMatchObject({ status: 'ENDED', end_reason: 'INACTIVE', ended_at: time.now() });
  });

  it.each(STANDARD_CHANNELS)('SF-1 %s has none, and nothing ends a session that went quiet', async (name) => {
    await on(name).answered(`SF-1 ${name}`);
    const refused = await on(name).inactivates(`SF-1 ${name}`);
    expect(refused.error).toMatchObject({ code: 'NOT_ALLOWED', command: 'INACTIVATE', status: 'ACTIVE' });
    await time.wait(400 * DAY);
    expect(await engine.latest(`SF-1 ${name}`)).toMatchObject({ status: 'ACTIVE', revision: 2 });
  });

  it.each(STANDARD_CHANNELS)('SF-1 SF-10 on %s a notification stays open for a day', async (name) => {
    await on(name).notifies(`SF-10 ${name}`);
    expect(await engine.latest(`SF-10 ${name}`)).toMatchObject(NEW);
    const { before, after } = await time.around(`SF-10 ${name}`, time.inMs(DAY));
    expect(before).toMatchObject(NEW);
    expect(after).toMatchObject({ end_reason: 'UNANSWERED', ended_at: time.now() });
  });
});

describe('the customer inactivity timeout', () => {
  const channels = ['web chat', 'in-app chat', 'byoc'] as const;

  it.each(channels)(
    'SF-2 is off on %s until it is set there, and then from 5 to 30 minutes',
    async (name) => {
      await on(name).answered(`SF-2 ${name}`);
      await time.wait(30 * DAY);
      expect(await engine.latest(`SF-2 ${name}`)).toMatchObject({ status: 'ACTIVE' });
      for (const minutes of [5, 30]) {
        await on(name).policy({ inactivate: true, inactivateAfter: `PT${minutes}M` });
        await on(name).answered(`SF-2 ${name} ${minutes}`);
        const { before, after } = await time.around(`SF-2 ${name} ${minutes}`, time.inMs(minutes * MINUTE));
        expect(before).toMatchObject({ status: 'ACTIVE' });
        expect(after).toMatchObject({ status: 'INACTIVE', status_since: time.now() });
      }
      expect(await engine.latest(`SF-2 ${name}`)).toMatchObject({ status: 'ACTIVE' });
      await on(name).policy({ inactivate: true, inactivateAfter: 'PT5M' });
    },
  );

  it("SF-4 SF-5 of 5 minutes: it counts from the agent's first message after the customer's last, and the second does not restart it", async () => {
    await on('web chat').writes('SF-4');
    await time.wait(7 * MINUTE);
    await on('web chat').answers('SF-4');
    const first = time.now();
    await time.wait(2 * MINUTE);
    await on('web chat').answers('SF-4');
    const { before, after } = await time.around('SF-4', new Date(first.getTime() + 5 * MINUTE));
    expect(before).toMatchObject({ status: 'ACTIVE', awaiting_since: first });
    expect(after).toMatchObject({
      status: 'INACTIVE',
      status_since: time.now(),
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
    expect(feed.at(-1)).toMatchObject({ at: time.now(), data: { due: time.now().toISOString() } });
  });

  it('SF-4 a message of the customer stops it, and the next answer starts it again', async () => {
    await on('byoc').answered('SF-4 again');
    await time.wait(5 * MINUTE - 1);
    await on('byoc').writes('SF-4 again');
    await time.wait(HOUR);
    expect(await engine.latest('SF-4 again')).toMatchObject({ status: 'ACTIVE', awaiting: 'AGENT' });
    await on('byoc').answers('SF-4 again');
    const { before, after } = await time.around('SF-4 again', time.inMs(5 * MINUTE));
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
      await time.wait(HOUR);
      expect(await engine.latest(address)).toMatchObject({ status: 'ACTIVE', awaiting: 'AGENT' });
      await on('in-app chat').answers(address);
      const due = time.inMs(5 * MINUTE);
      await time.wait(4 * MINUTE);
      await says();
      const { before, after } = await time.around(address, due);
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
      await time.wait(MINUTE);
      const written = await on(name).answers(address);
      const [old, begun] = await engine.conversations(address);
      expect(await engine.conversations(address)).toHaveLength(2);
      expect(written).toMatchObject({ outcome: 'APPLIED', conversationId: begun?.id, error: null });
      expect(old).toMatchObject({
        status: 'ENDED',
        end_reason: 'SUPERSEDED',
        ended_at: time.now(),
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
        awaiting_since: time.now(),
      });
      const [end] = (await engine.feed(old?.id)).slice(-1);
      expect(end).toMatchObject({
        kind: 'END',
        effect: 'ENDED',
        at: time.now(),
        actor: 'SYSTEM',
        revision: 4,
      });
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
    const { before, after } = await time.around('SF-6 none', time.inMs(2 * DAY));
    expect(before).toMatchObject(NEW);
    expect(after).toMatchObject({ end_reason: 'UNANSWERED', ended_at: time.now() });
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
    await time.wait(23 * HOUR);
    await on(name).writes(address);
    expect(await engine.conversations(address)).toHaveLength(1);
    const waiting = { status: 'WAITING', agent_id: null, awaiting: 'AGENT', status_since: time.now() };
    expect(await engine.latest(address)).toMatchObject(waiting);
    await time.wait(100 * DAY);
    expect(await engine.latest(address)).toMatchObject(waiting);
  });

  it('SF-7 with status-based capacity goes back to its agent', async () => {
    const channels = ['web chat', 'in-app chat', 'byoc'] as const;
    for (const name of channels) await on(name).policy({ inactivate: null });
    await engine.policy({ statusBasedCapacity: true });
    await on('web chat').inactive('SF-7 capacity');
    await on('web chat').writes('SF-7 capacity');
    const active = { status: 'ACTIVE', agent_id: engine.ann, awaiting: 'AGENT', status_since: time.now() };
    expect(await engine.latest('SF-7 capacity')).toMatchObject(active);
    await engine.policy({ statusBasedCapacity: null });
    for (const name of channels) await on(name).policy({ inactivate: true });
  });

  it.each([
    ['the timer', async (address: string) => time.wait(address ? 5 * MINUTE : 0)],
    ['an agent', (address: string) => on('web chat').inactivates(address)],
    ['automation', (address: string) => on('web chat').does(address, { kind: 'INACTIVATE' })],
  ])('SF-8 made so by %s, it ends 24 hours later', async (who, inactivate) => {
    await on('web chat').answered(`SF-8 ${who}`);
    await inactivate(`SF-8 ${who}`);
    expect(await engine.latest(`SF-8 ${who}`)).toMatchObject({
      status: 'INACTIVE',
      status_since: time.now(),
    });
    const { before, after } = await time.around(`SF-8 ${who}`, time.inMs(24 * HOUR));
    expect(before).toMatchObject({ status: 'INACTIVE' });
    expect(after).toMatchObject({
      end_reason: 'INACTIVE',
      ended_at: time.now(),
      former_status: 'INACTIVE',
      lateness_ms: '0',
    });
  });
});
