import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play as playTimeline } from '../../src/commands/play.ts';
import { retain } from '../../src/jobs/retention.ts';
import { change, hubBody } from '../adapters/samples/whatsapp.ts';
import { DAY } from '../support/engine.ts';
import { everything } from '../support/everything.ts';
import { hub, openWebhookApi, type Webhooks } from './webhook-calls.ts';

let world: Webhooks;
beforeAll(async () => {
  world = await openWebhookApi();
});
afterAll(() => world.api.close());

const ERASE = `mutation ($contactId: ID!) { eraseContact(contactId: $contactId, by: AGENT) { __typename } }`;
const START = `mutation ($channelId: ID!, $address: String!, $key: String) {
  startConversation(channelId: $channelId, address: $address, by: AGENT, idempotencyKey: $key) {
    __typename ... on Conversation { id } ... on Error { code message } } }`;
const RECORD = `mutation ($activities: [ActivityInput!]!) { recordActivities(input: { activities: $activities }) {
  ... on RecordedActivities { results { outcome conversationId error { code message } } } } }`;

async function erase(address: string): Promise<string> {
  const { engine, id, ask } = world.api;
  const contactId = (await engine.latest(address)).contact_id as string;
  const { data } = await ask(ERASE, { contactId: id('Contact', contactId) });
  expect(data.eraseContact).toEqual({ __typename: 'Contact' });
  return contactId;
}
const isKnown = async (text: string) => (await everything(world.api.engine.db.sql)).includes(text);
const record = async (...activities: object[]) =>
  (await world.api.ask(RECORD, { activities })).data.recordActivities.results;
describe('PE-15 an erased address stays erased', () => {
  it('when a provider repeats its messages, receipts, echoes or ends', async () => {
    const { engine } = world.api;
    const phone = '491701234567';
    const id = (name: string) => `wamid.${phone}.${name}`;
    const timestamp = String(world.seconds());
    const inbound = { from: phone, id: id('in'), timestamp, type: 'text', text: { body: 'Hello' } };
    const echo = {
      from: '15550783881',
      to: phone,
      id: id('echo'),
      timestamp,
      type: 'text',
      text: { body: 'Hi' },
    };
    const statuses = ['sent', 'delivered', 'read', 'failed'].map((status) => ({
      ...{ id: id('echo'), status, timestamp, recipient_id: phone },
      ...(status === 'failed' ? { errors: [{ code: 131026, title: `not deliverable to ${phone}` }] } : {}),
    }));
    const calls = [
      hub(hubBody(change({ messages: [inbound] }))),
      hub(hubBody(change({ message_echoes: [echo] }, 'smb_message_echoes'))),
      hub(hubBody(change({ statuses }))),
    ];
    const own = [
      world.message(id('own'), phone, { clientVersion: `app of ${phone}`, text: 'Hello' }),
      { type: 'echo', id: id('own echo'), address: phone, sender: 'AGENT', at: world.now().toISOString() },
      {
        type: 'receipt',
        messageId: id('own echo'),
        address: phone,
        state: 'READ',
        at: world.now().toISOString(),
      },
      { type: 'end', id: id('end'), address: phone, by: 'AGENT', at: world.now().toISOString() },
    ];
    const { whatsapp, web } = world.channels;
    const deliver = async () => {
      const answers: unknown[] = [];
      for (const init of calls) expect((await world.call(world.pathOf(whatsapp), init)).status).toBe(200);
      for (const event of own)
        answers.push(await (await world.call(world.pathOf(web), world.wire([event]))).json());
      return answers;
    };
    await deliver();
    expect(await isKnown(phone)).toBe(true);
    engine.clock.advance(5_000);
    for (const { id: contactId } of await engine.db.sql`select id from contact where address = ${phone}`)
      await world.api.ask(ERASE, { contactId: world.api.id('Contact', contactId) });
    expect(await isKnown(phone)).toBe(false);
    const before = await world.counts();
    for (const answer of await deliver()) expect(answer).toMatchObject({ applied: 0, faults: [] });
    expect(await world.counts()).toEqual(before);
    expect(await isKnown(phone)).toBe(false);
    expect(world.api.logged()).not.toContain(phone);
  });

  it('when a platform records its messages again, with or without a timestamp', async () => {
    const { api } = world;
    const address = '+49 30 5550100';
    const at = world.now().toISOString();
    const target = { channelId: api.channel, address };
    const [first] = await record({ ...target, kind: 'INBOUND', messageId: `${address} 1`, at });
    await record({
      ...target,
      kind: 'RECEIPT',
      of: `${address} 1`,
      state: 'READ',
      messageId: `${address} 2`,
    });
    api.engine.clock.advance(5_000);
    await erase(address);
    const again = await record(
      { ...target, kind: 'INBOUND', messageId: `${address} 1`, at },
      { ...target, kind: 'INBOUND', messageId: `${address} 1` },
      { ...target, kind: 'INBOUND', messageId: 'never seen', at },
      { ...target, kind: 'OUTBOUND', sender: 'AGENT', at },
      { conversationId: first.conversationId, kind: 'COMMENT', messageId: `${address} 1` },
      { conversationId: first.conversationId, kind: 'COMMENT', messageId: `${address} 3` },
      { conversationId: first.conversationId, kind: 'RECEIPT', of: `${address} 9`, state: 'DELIVERED' },
      {
        conversationId: first.conversationId,
        kind: 'CLIENT',
        clientVersion: `of ${address}`,
        locale: 'de-AT',
      },
    );
    expect(again.slice(0, 4)).toEqual([
      { outcome: 'DUPLICATE', conversationId: null, error: null },
      { outcome: 'DUPLICATE', conversationId: null, error: null },
      { outcome: 'IGNORED', conversationId: null, error: null },
      { outcome: 'IGNORED', conversationId: null, error: null },
    ]);
    expect(again[4].outcome).toBe('DUPLICATE');
    expect(JSON.stringify(again)).not.toContain(address);
    expect(await isKnown(address)).toBe(false);
    // What came in of the erased contact itself is known again, too.
    const [comment] = await record({
      conversationId: first.conversationId,
      kind: 'COMMENT',
      messageId: `${address} 3`,
    });
    expect(comment.outcome).toBe('DUPLICATE');
  });

  it('when a message names a conversation of the erased contact, whenever it was sent', async () => {
    const { engine } = world.api;
    const address = 'named@erased.example';
    const [first] = await record({
      channelId: world.api.channel,
      address,
      kind: 'INBOUND',
      messageId: 'named 1',
    });
    await erase(address);
    const { conversationId } = first;
    const at = new Date(engine.clock.now().getTime() - DAY);
    for (const message of [
      { conversationId, kind: 'INBOUND', messageId: 'named 2', at },
      { conversationId, kind: 'INBOUND', messageId: 'named 3' },
      { conversationId, kind: 'OUTBOUND', sender: 'AGENT', messageId: 'named 4' },
    ])
      expect(await record(message)).toEqual([{ outcome: 'IGNORED', conversationId: null, error: null }]);
    const [row] = await engine.db
      .sql`select status from conversation where account_id = ${engine.accountId} order by started_at desc limit 1`;
    expect(row).toEqual({ status: 'ENDED' });
  });

  it('when a timeline is replayed', async () => {
    const { engine } = world.api;
    const at = new Date(engine.clock.now().getTime() - DAY);
    const rows = [
      { conversation: 'ada@played.example', at, from: 'consumer' as const, agent: null, skill: null },
    ];
    const play = () =>
      playTimeline(engine.deps, {
        ...{ accountId: engine.accountId, channelId: engine.channelId },
        ...{ messages: rows, shiftMsOf: () => 0 },
      });
    expect(await play()).toMatchObject({ added: 1, known: 0 });
    await erase('ada@played.example');
    const before = await world.counts();
    expect(await play()).toMatchObject({ added: 0, known: 1 });
    expect(await world.counts()).toEqual(before);
    expect(await isKnown('ada@played.example')).toBe(false);
  });

  it('when a call is repeated under an idempotency key, which still prevents a second effect', async () => {
    const { api } = world;
    const address = '+436641234567';
    const input = { channelId: api.channel, address, key: 'start 436641234567' };
    const first = (await api.ask(START, input)).data?.startConversation;
    expect(first).toMatchObject({ __typename: 'Conversation' });
    await erase(address);
    expect(await isKnown('436641234567')).toBe(false);
    expect((await api.ask(START, input)).data.startConversation).toEqual(first);
    expect(await isKnown('436641234567')).toBe(false);
  });
});

describe('PE-15 an erased contact who comes back', () => {
  const inbound = (messageId: string, text?: string) => ({ kind: 'INBOUND' as const, messageId, text });
  const says = async (address: string, what: ReturnType<typeof inbound>, sentAt = world.now()) => {
    const { messageId, text } = what;
    const action = { kind: 'INBOUND' as const, ...(text === undefined ? {} : { text }) };
    return await world.api.engine.does(address, action, { messageId, at: sentAt });
  };
  const contactOf = async (address: string) =>
    (await world.api.engine.db.sql`select * from contact where address = ${address}`)[0];

  it('becomes a new contact with a new message, and older messages are still dropped', async () => {
    const { engine } = world.api;
    const sentAt = world.now();
    await says('eve', inbound('eve 1'), sentAt);
    engine.clock.advance(5_000);
    const erased = await erase('eve');
    engine.clock.advance(5_000);
    expect(await says('eve', inbound('eve 2'))).toMatchObject({ outcome: 'APPLIED' });
    expect((await contactOf('eve'))?.id).not.toBe(erased);
    expect(await says('eve', inbound('eve 1'))).toMatchObject({ outcome: 'DUPLICATE', conversationId: null });
    expect(await says('eve', inbound('eve 0'), sentAt)).toMatchObject({ outcome: 'IGNORED' });
    expect(await says('eve', inbound('eve 3'))).toMatchObject({ outcome: 'APPLIED' });
    const { id } = await engine.latest('eve');
    expect((await engine.feed(id)).map((event) => event.message_id)).toEqual(['eve 2', 'eve 3']);
  });

  it('is recognised by a message in whole seconds that falls in the second of the erasure', async () => {
    const { engine } = world.api;
    const second = new Date(Math.ceil(world.now().getTime() / 1000) * 1000);
    engine.clock.advance(second.getTime() - world.now().getTime() + 500);
    await says('second', inbound('second 1'));
    await erase('second');
    expect(await says('second', inbound('second 2'), second)).toMatchObject({ outcome: 'APPLIED' });
  });

  it('PE-12 is still opted out if they were before, and receives nothing before or after writing again', async () => {
    const { engine, ask, channel } = world.api;
    await says('out', inbound('out 1', 'STOP'));
    await erase('out');
    engine.clock.advance(5_000);
    const start = async () =>
      (await ask(START, { channelId: channel, address: 'out' })).data.startConversation;
    expect(await start()).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(await contactOf('out')).toBeUndefined();
    engine.clock.advance(100 * DAY);
    await retain(engine.deps, null);
    expect(await start()).toMatchObject({ code: 'NOT_ALLOWED' });
    await says('out', inbound('out 2', 'Hello'));
    expect(await contactOf('out')).toMatchObject({ consent: 'OPTED_OUT' });
    await says('out', inbound('out 3', 'START'));
    expect(await contactOf('out')).toMatchObject({ consent: 'OPTED_IN' });
  });

  it('PE-12 is opted out by a STOP that was sent before the erasure and arrives after it', async () => {
    const { engine, ask, channel } = world.api;
    await says('late', inbound('late 1'));
    const sentAt = world.now();
    engine.clock.advance(5_000);
    await erase('late');
    expect(await says('late', inbound('late 2', 'STOP'), sentAt)).toMatchObject({ outcome: 'IGNORED' });
    expect(await contactOf('late')).toBeUndefined();
    const started = (await ask(START, { channelId: channel, address: 'late' })).data.startConversation;
    expect(started).toMatchObject({ code: 'NOT_ALLOWED' });
  });

  it('is forgotten once providers no longer repeat messages', async () => {
    const { engine } = world.api;
    const { sql } = engine.db;
    const sentAt = world.now();
    await says('old', inbound('old 1'), sentAt);
    engine.clock.advance(5_000);
    await erase('old');
    engine.clock.advance(5_000);
    await says('old', inbound('old 2'));
    const kept = async () =>
      (
        await sql`select (select count(*)::int from erased_identifier where consent is null) as hashes,
          (select count(*)::int from contact where erased_before is not null) as contacts`
      )[0];
    engine.clock.advance(29 * DAY);
    await retain(engine.deps, null);
    expect((await kept())?.hashes).toBeGreaterThan(0);
    expect((await kept())?.contacts).toBeGreaterThan(0);
    engine.clock.advance(2 * DAY);
    await retain(engine.deps, null);
    expect(await kept()).toEqual({ hashes: 0, contacts: 0 });
  });
});
