import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendLimit } from '../../src/delivery/send-limit.ts';
import { HOUR, MINUTE } from '../support/engine.ts';
import { answers, openSending, type Sending, TAKES } from '../support/sending.ts';

let world: Sending;
let turns: number[] = [];
let byoc: string;
let app: string;
let whatsapp: string;
beforeAll(async () => {
  world = await openSending(async () => turns.shift() ?? 0);
  byoc = await world.channel('byoc');
  app = await world.channel('in-app');
  whatsapp = await world.channel('whatsapp');
});
beforeEach(async () => {
  await world.engine.db.sql`delete from outbox`;
  world.got.length = 0;
  world.provider(TAKES);
  turns = [];
});
afterAll(() => world.close());

const sentTo = (to: string) =>
  world.got.filter(({ body }) => (body.address ?? body.to) === to).map(({ body }) => body.kind);
const of = (feed: string[], part: string) => feed.filter((line) => line.startsWith(part));
const wait = (ms: number) => world.engine.runUntil(new Date(world.engine.clock.now().getTime() + ms));

describe('a warning', () => {
  beforeAll(() => world.engine.policy({ autoCloseAfter: 'PT2H', remindBefore: ['PT1H', 'PT30M'] }));
  afterAll(() => world.engine.policy({ autoCloseAfter: null, remindBefore: null }));
  /** Creates a conversation that was answered an hour ago: the first warning is due and not sent yet. */
  async function owed(address: string, channelId = byoc) {
    await world.talks(channelId, address);
    await wait(HOUR);
    expect(await world.effects(address)).toMatchObject([{ state: 'PENDING' }]);
  }
  const gone = 'WARNING SKIPPED the conversation has gone on since';

  it('PE-2 is sent, and does not count as an activity (LL-9)', async () => {
    await owed('warned');
    const before = await world.engine.latest('warned');
    await world.relay();
    expect(world.got).toMatchObject([
      { body: { kind: 'WARNING', address: 'warned', text: expect.any(String) } },
    ]);
    expect(await world.feed('warned')).toEqual(['WARNING SENT']);
    const { last_activity_at, stage, status } = before;
    expect(await world.engine.latest('warned')).toMatchObject({ last_activity_at, stage, status });
  });

  it.each([
    ['the customer', () => world.does(byoc, 'reply of the customer', { kind: 'INBOUND' })],
    ['the agent', () => world.does(byoc, 'reply of the agent', { kind: 'OUTBOUND', sender: 'AGENT' })],
  ])('PE-2 is cancelled by a reply of %s', async (who, reply) => {
    await owed(`reply of ${who}`);
    world.engine.clock.advance(1);
    await reply();
    await world.relay();
    expect(sentTo(`reply of ${who}`)).toEqual([]);
    expect(await world.feed(`reply of ${who}`)).toEqual([gone]);
  });

  it('PE-2 is not cancelled by a receipt or a comment', async () => {
    await owed('read');
    await world.does(byoc, 'read', { kind: 'RECEIPT', of: 'a message of ann', state: 'READ' });
    await world.does(byoc, 'read', { kind: 'COMMENT', agentId: world.engine.ann });
    await world.relay();
    expect(sentTo('read')).toEqual(['WARNING']);
  });

  it('PE-2 is skipped once the next warning or the end is due', async () => {
    await owed('slow');
    await wait(30 * MINUTE);
    await world.relay();
    expect(sentTo('slow')).toEqual(['WARNING']);
    expect(await world.feed('slow')).toEqual(expect.arrayContaining([gone, 'WARNING SENT']));
    await owed('slower');
    await wait(HOUR);
    await world.relay();
    expect(sentTo('slower')).toEqual(['CLOSE_MESSAGE']);
    expect(of(await world.feed('slower'), 'WARNING')).toEqual([gone, gone]);
  });

  it('PE-6 LL-15 is skipped if no timer closes the conversation any more', async () => {
    await owed('held');
    await world.does(byoc, 'held', { kind: 'HOLD', until: null });
    await world.relay();
    const why = 'WARNING SKIPPED nothing closes the conversation any more';
    expect(await world.feed('held')).toEqual([why]);
    await owed('switched off');
    await world.engine.policy({ autoClose: false });
    await world.relay();
    expect(await world.feed('switched off')).toEqual([why]);
    expect([...sentTo('held'), ...sentTo('switched off')]).toEqual([]);
    await world.engine.policy({ autoClose: null });
  });

  it('PE-4 is skipped outside the reply window', async () => {
    await world.engine.policy({ autoCloseAfter: 'PT26H', remindBefore: ['PT1H'] });
    await world.talks(whatsapp, 'outside');
    await wait(25 * HOUR);
    await world.relay();
    expect(sentTo('outside')).toEqual([]);
    expect(await world.feed('outside')).toEqual(['WARNING SKIPPED the reply window is closed']);
  });
});

describe('a survey', () => {
  const old = { clientVersion: '2.0' };
  it('is sent one second after the close message, however long that takes', async () => {
    world.provider((response, got) =>
      (got.body.kind === 'CLOSE_MESSAGE' ? answers(503) : TAKES)(response, got),
    );
    await world.ends(app, 'survey', old);
    await world.relay();
    await world.after(5_000);
    expect(new Set(sentTo('survey'))).toEqual(new Set(['SEPARATOR', 'CLOSE_MESSAGE']));
    world.provider(TAKES);
    await world.after(10_000);
    await world.after(999);
    expect(sentTo('survey')).not.toContain('SURVEY');
    await world.after(1);
    expect(sentTo('survey').slice(-2)).toEqual(['CLOSE_MESSAGE', 'SURVEY']);
    const feed = await world.feed('survey');
    expect(feed.sort()).toEqual(['CLOSE_MESSAGE SENT', 'SEPARATOR SENT', 'SURVEY SENT']);
  });

  it('is skipped if the close message is refused', async () => {
    world.provider((response, got) =>
      (got.body.kind === 'CLOSE_MESSAGE' ? answers(400) : TAKES)(response, got),
    );
    await world.ends(app, 'no survey', old);
    await world.relay();
    await world.after(HOUR);
    expect(sentTo('no survey')).not.toContain('SURVEY');
    expect(of(await world.feed('no survey'), 'SURVEY')).toEqual([
      'SURVEY SKIPPED what comes before it was not sent',
    ]);
  });
});

describe('the rate limit of a channel', () => {
  it('delays messages without counting an attempt', async () => {
    turns = [0, 700, 1_700];
    for (const address of ['first', 'second', 'third']) await world.ends(byoc, `in line ${address}`);
    await world.relay();
    expect(world.got).toHaveLength(1);
    await world.after(700);
    expect(world.got).toHaveLength(2);
    await world.after(1_000);
    expect(world.got).toHaveLength(3);
    for (const address of ['first', 'second', 'third'])
      expect(await world.effects(`in line ${address}`)).toMatchObject([{ state: 'SENT', attempts: 1 }]);
  });

  it('returns the time until the next second, for each channel separately', async () => {
    const limit = sendLimit(2);
    const waits: number[] = [];
    for (let index = 0; index < 8; index++) waits.push(await limit('one'));
    expect(waits.map((ms) => Math.ceil(ms / 1000))).toEqual([0, 0, 1, 1, 1, 1, 1, 1]);
    expect(await limit('another')).toBe(0);
  });
});
