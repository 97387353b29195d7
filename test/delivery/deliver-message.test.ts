import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { deliverMessage } from '../../src/delivery/deliver-message.ts';
import type { EffectHandlers } from '../../src/delivery/effect-result.ts';
import { createLog } from '../../src/log.ts';
import { openGuardedFetch } from '../../src/outgoing/guarded-fetch.ts';
import { MINUTE } from '../support/engine.ts';
import { openSender } from '../support/flows.ts';
import { answers, type Kind, nobodyHome, openSending, type Sending, TAKES } from '../support/sending.ts';

const GOODBYE = 'Goodbye by text';
const RESOLVED = 'Conversation resolved';

let world: Sending;
let byoc: string;
let sms: string;
beforeAll(async () => {
  world = await openSending();
  byoc = await world.channel('byoc');
  sms = await world.channel('sms');
});
beforeEach(async () => {
  await world.engine.db.sql`delete from outbox`;
  world.got.length = 0;
  world.provider(TAKES);
});
afterAll(() => world.close());

const texts = () => world.got.map(({ body }) => body.text ?? body.Body);
const channelOf = (kind: Kind) => (kind === 'sms' ? sms : byoc);
const effect = async (address: string) => (await world.effects(address))[0];

describe.each([
  ['byoc', RESOLVED],
  ['sms', GOODBYE],
] as [Kind, string][])('a close message on %s', (kind, goodbye) => {
  it('PE-3 is sent once, and the feed records it with the id that receipts and echoes carry', async () => {
    await world.ends(channelOf(kind), `${kind} taken`);
    await world.relay();
    await world.after(MINUTE);
    expect(texts()).toEqual([goodbye]);
    expect(await world.feed(`${kind} taken`)).toContain('CLOSE_MESSAGE SENT');
    expect(await world.effects(`${kind} taken`)).toMatchObject([
      { state: 'SENT', attempts: 1, begun_at: null },
    ]);
    const { id } = await world.engine.latest(`${kind} taken`);
    const delivered = (await world.engine.feed(id)).find(({ data }) => data?.outcome === 'SENT');
    const own = (await effect(`${kind} taken`))?.id;
    expect(delivered?.message_id).toEqual(kind === 'byoc' ? own : expect.stringMatching(/^taken-/));
  });

  it.each([400, 401, 404])('PE-3 is given up after the answer %s, and the feed says why', async (status) => {
    world.provider(answers(status));
    await world.ends(channelOf(kind), `${kind} ${status}`);
    await world.relay();
    await world.after(MINUTE);
    expect(texts()).toEqual([goodbye]);
    const why = `the provider answered ${status}`;
    expect(await world.feed(`${kind} ${status}`)).toContain(`CLOSE_MESSAGE REFUSED ${why}`);
    expect(await world.effects(`${kind} ${status}`)).toMatchObject([{ state: 'DEAD', error: why }]);
  });

  it.each([429, 500, 503])('is retried after the answer %s, with growing pauses', async (status) => {
    const address = `${kind} ${status}`;
    world.provider(answers(status));
    await world.ends(channelOf(kind), address);
    await world.relay();
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      const due = (await effect(address))?.due_at as Date;
      pauses.push(due.getTime() - world.engine.clock.now().getTime());
      await world.after(due.getTime() - world.engine.clock.now().getTime() - 1);
      expect(texts()).toHaveLength(attempt);
      await world.after(1);
    }
    expect(pauses).toEqual([5_000, 10_000, 20_000, 40_000]);
    world.provider(TAKES);
    await world.after(80_000);
    expect(texts()).toHaveLength(6);
    expect(await world.effects(address)).toMatchObject([{ state: 'SENT', attempts: 6, error: null }]);
    expect((await world.feed(address)).filter((line) => line.startsWith('CLOSE'))).toEqual([
      'CLOSE_MESSAGE SENT',
    ]);
  });

  it.each([
    ['90', 90_000],
    ['1', 5_000],
    ['999999999', 24 * 60 * MINUTE],
  ])('waits for Retry-After: %s, between 5 s and a day', async (header, pauseMs) => {
    const address = `${kind} after ${header}`;
    world.provider(answers(429, { 'retry-after': header }));
    await world.ends(channelOf(kind), address);
    await world.relay();
    const due = (await effect(address))?.due_at as Date;
    expect(due.getTime() - world.engine.clock.now().getTime()).toBe(pauseMs);
    world.provider(TAKES);
    await world.after(pauseMs);
    expect(await world.effects(address)).toMatchObject([{ state: 'SENT' }]);
  });

  it('is retried if the connection was refused', async () => {
    const away = await world.channel(kind, {}, await nobodyHome());
    await world.ends(away, `${kind} away`);
    await world.relay();
    await world.after(5_000);
    expect(await world.effects(`${kind} away`)).toMatchObject([
      { state: 'PENDING', attempts: 2, error: 'ECONNREFUSED', begun_at: null },
    ]);
    expect((await world.feed(`${kind} away`)).filter((line) => line.startsWith('CLOSE'))).toEqual([]);
  });

  it('is given up after 50 attempts, and the feed says so', async () => {
    const address = `${kind} for ever`;
    world.provider(answers(503));
    await world.ends(channelOf(kind), address);
    await world.relay();
    await world.engine.db.sql`update outbox set attempts = 49 where state = 'PENDING'`;
    await world.after(60 * MINUTE);
    const why = 'given up after 50 attempts: the channel asked to be tried again';
    expect(await world.effects(address)).toMatchObject([{ state: 'DEAD', attempts: 50, error: why }]);
    expect(await world.feed(address)).toContain(`CLOSE_MESSAGE REFUSED ${why}`);
  });

  it('is sent once by two concurrent senders', async () => {
    for (let index = 0; index < 20; index++) await world.ends(channelOf(kind), `${kind} two ${index}`);
    await Promise.all([world.relay(), world.relay()]);
    await Promise.all([world.relay(), world.relay()]);
    expect(texts()).toEqual(Array(20).fill(goodbye));
    const to = world.got.map(({ body }) => body.address ?? body.To);
    expect(new Set(to).size).toBe(20);
  });

  it('is sent again only under the same id if the database cannot store its outcome', async () => {
    const { sql } = world.engine.db;
    const address = `${kind} unwritten`;
    await world.ends(channelOf(kind), address);
    world.provider(async (response, got) => {
      await sql`create function refuse() returns trigger language plpgsql as 'begin if new.kind = ''DELIVERY'' then raise exception ''no room''; end if; return new; end'`;
      await sql`create trigger refuse before insert on event for each row execute function refuse()`;
      await TAKES(response, got);
    });
    await world.relay();
    await sql`drop trigger refuse on event`;
    await sql`drop function refuse`;
    world.provider(TAKES);
    expect(await world.effects(address)).toMatchObject([{ state: 'PENDING', begun_at: expect.any(Date) }]);
    expect(world.logged()).toContain('the result of an effect could not be written');
    await world.after(MINUTE);
    const sent = kind === 'byoc' ? 2 : 1;
    expect(texts()).toHaveLength(sent);
    expect(new Set(world.got.map(({ body }) => body.id)).size).toBe(1);
    expect(await world.effects(address)).toMatchObject([{ state: kind === 'byoc' ? 'SENT' : 'UNCONFIRMED' }]);
  });
});

describe('an attempt whose outcome is unknown', () => {
  /** The close messages of one customer on each channel, after a first attempt that the provider handled like this. */
  async function met(name: string, provider: Parameters<Sending['provider']>[0]) {
    world.provider(provider);
    for (const kind of ['byoc', 'sms'] as const) await world.ends(channelOf(kind), `${name} ${kind}`);
    await world.relay();
    expect(world.got).toHaveLength(2);
    world.provider(TAKES);
    await world.after(MINUTE);
    return { byoc: await effect(`${name} byoc`), sms: await effect(`${name} sms`) };
  }
  const goodbyes = async (address: string) =>
    (await world.feed(address)).filter((line) => line.startsWith('CLOSE_MESSAGE'));

  it('because the provider hung up is repeated under the same id on idempotent channels, and else is unconfirmed', async () => {
    const { byoc, sms } = await met('hangs up', (response) => void response.socket?.destroy());
    expect([byoc?.state, sms?.state]).toEqual(['SENT', 'UNCONFIRMED']);
    expect(world.got).toHaveLength(3);
    expect(world.got.filter(({ body }) => body.id === byoc?.id)).toHaveLength(2);
    expect(await goodbyes('hangs up byoc')).toEqual(['CLOSE_MESSAGE SENT']);
    expect(await goodbyes('hangs up sms')).toEqual(['CLOSE_MESSAGE UNCONFIRMED no answer: ECONNRESET']);
  });

  it('because the provider hung for 15 s is repeated on idempotent channels, and else is unconfirmed', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const limits: number[] = [];
    const spy = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      limits.push(ms);
      return timeout(ms / 100);
    });
    const { byoc, sms } = await met('hangs', () => {});
    spy.mockRestore();
    expect(new Set(limits)).toEqual(new Set([15_000]));
    expect([byoc?.state, sms?.state]).toEqual(['SENT', 'UNCONFIRMED']);
    expect(world.got).toHaveLength(3);
    expect(await goodbyes('hangs sms')).toEqual([
      expect.stringMatching(/^CLOSE_MESSAGE UNCONFIRMED no answer: /),
    ]);
  });

  it('is not assumed if the address was private and forbidden: nothing was sent, so it is retried on any channel', async () => {
    const { deps, engine } = world;
    const fetchWithin = openGuardedFetch({ allowPrivate: false });
    const handlers: EffectHandlers = {
      DELIVER_MESSAGE: deliverMessage({ ...deps, fetchWithin }),
      SEND_WEBHOOK: async () => ({ state: 'SENT' }),
    };
    for (const kind of ['byoc', 'sms'] as const) await world.ends(channelOf(kind), `private ${kind}`);
    await openSender(engine.deps, handlers, createLog({ logLevel: 'silent' })).drain();
    expect(world.got).toEqual([]);
    for (const kind of ['byoc', 'sms'])
      expect(await effect(`private ${kind}`)).toMatchObject({
        // Nothing was sent, so it is retried on any channel.
        ...{ state: 'PENDING', attempts: 1, error: 'https is needed' },
      });
  });

  it('because the process died is repeated on idempotent channels after the lease, and else is unconfirmed', async () => {
    for (const kind of ['byoc', 'sms'] as const) await world.ends(channelOf(kind), `dies ${kind}`);
    // The plans of the ends are carried out. Then both attempts start and never finish.
    world.provider(answers(503));
    await world.relay();
    world.provider(TAKES);
    world.got.length = 0;
    const { now } = world.engine.clock;
    await world.engine.db
      .sql`update outbox set begun_at = ${now()}, due_at = ${new Date(now().getTime() + MINUTE)} where state = 'PENDING'`;
    await world.after(MINUTE - 1);
    expect(world.got).toEqual([]);
    await world.after(1);
    expect(texts()).toEqual([RESOLVED]);
    expect([(await effect('dies byoc'))?.state, (await effect('dies sms'))?.state]).toEqual([
      'SENT',
      'UNCONFIRMED',
    ]);
    expect(await goodbyes('dies sms')).toEqual([
      'CLOSE_MESSAGE UNCONFIRMED an attempt was cut off, and nobody knows how far it came',
    ]);
  });

  it('stays unknown if the next attempt fails before it is sent', async () => {
    const { sql } = world.engine.db;
    await world.ends(sms, 'twice in trouble');
    world.provider(answers(503));
    await world.relay();
    world.provider(TAKES);
    world.got.length = 0;
    await sql`update outbox set begun_at = ${world.engine.clock.now()} where state = 'PENDING'`;
    await sql`alter table channel rename to channel_away`;
    await world.after(MINUTE);
    await sql`alter table channel_away rename to channel`;
    await world.after(MINUTE);
    expect(world.got).toEqual([]);
    expect(await world.effects('twice in trouble')).toMatchObject([{ state: 'UNCONFIRMED' }]);
  });
});
