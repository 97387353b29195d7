import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eraseContact } from '../../src/accounts/erase-contact.ts';
import { DAY, HOUR, MINUTE } from '../support/engine.ts';
import { updateChannel } from '../support/flows.ts';
import { answers, openSending, type Sending, TAKES } from '../support/sending.ts';

let world: Sending;
let byoc: string;
let sms: string;
let whatsapp: string;
beforeAll(async () => {
  world = await openSending();
  byoc = await world.channel('byoc');
  sms = await world.channel('sms');
  whatsapp = await world.channel('whatsapp');
});
beforeEach(async () => {
  await world.engine.db.sql`delete from outbox`;
  world.got.length = 0;
  world.provider(TAKES);
});
afterAll(() => world.close());

const kinds = () => world.got.map(({ body }) => body.kind);
const of = (feed: string[], part: string) => feed.filter((line) => line.startsWith(part));
const wait = (ms: number) => world.engine.runUntil(new Date(world.engine.clock.now().getTime() + ms));
const says = (channelId: string, address: string, text: string) =>
  world.does(channelId, address, { kind: 'INBOUND', text });
/** Ends a conversation whose close message fails at the first attempt. */
async function endsInVain(channelId: string, address: string) {
  world.provider(answers(503));
  await world.ends(channelId, address);
  await world.relay();
  expect(world.got).toHaveLength(1);
  world.provider(TAKES);
  world.got.length = 0;
}

describe('between two attempts to send a close message', () => {
  it('SF-11 the customer opts out: it is skipped, and the feed says why', async () => {
    await endsInVain(sms, 'opts out');
    await says(sms, 'opts out', 'STOP');
    await world.after(HOUR);
    expect(world.got).toEqual([]);
    expect(await world.effects('opts out')).toMatchObject([{ state: 'DROPPED', attempts: 2 }]);
    expect(of(await world.feed('opts out'), 'CLOSE')).toEqual([
      'CLOSE_MESSAGE SKIPPED the customer opted out',
    ]);
  });

  it('PE-4 the reply window closes: it is skipped, and the feed says why', async () => {
    await endsInVain(whatsapp, 'late');
    await world.after(DAY + 1);
    expect(world.got).toEqual([]);
    expect(await world.effects('late')).toMatchObject([{ state: 'DROPPED' }]);
    expect(of(await world.feed('late'), 'CLOSE')).toEqual([
      'CLOSE_MESSAGE SKIPPED the reply window is closed',
    ]);
  });

  it('PE-4 the reply window closes: the template is sent instead if the channel has one', async () => {
    const templated = await world.channel('whatsapp', { closeTemplate: 'conversation_closed' });
    await endsInVain(templated, 'late with template');
    await world.after(DAY + 1);
    expect(world.got.map(({ body }) => body.template)).toMatchObject([{ name: 'conversation_closed' }]);
    expect(await world.feed('late with template')).toContain('TEMPLATE SENT');
    expect(await world.effects('late with template')).toMatchObject([{ state: 'SENT' }]);
  });

  it('PE-4 the reply window is at its last instant: it is still sent', async () => {
    await endsInVain(whatsapp, 'in time');
    await world.after(DAY);
    expect(world.got).toHaveLength(1);
    expect(await world.feed('in time')).toContain('CLOSE_MESSAGE SENT');
  });

  it('SP-7 the customer reopens the conversation: it is skipped, and the next end has its own', async () => {
    await endsInVain(byoc, 'comes back');
    await says(byoc, 'comes back', 'One more thing');
    expect(await world.engine.latest('comes back')).toMatchObject({ ended_at: null });
    await world.after(HOUR);
    expect(world.got).toEqual([]);
    const why = 'the conversation has gone on since';
    expect(of(await world.feed('comes back'), 'CLOSE')).toEqual([`CLOSE_MESSAGE SKIPPED ${why}`]);
    // Its next end has its own close message.
    await world.does(byoc, 'comes back', { kind: 'END', by: 'AGENT', agentId: world.engine.ann });
    await world.after(HOUR);
    expect(kinds()).toEqual(['CLOSE_MESSAGE']);
  });

  it('LL-14 the customer reopens the conversation after a cut-off attempt: it is unconfirmed', async () => {
    await endsInVain(sms, 'comes back late');
    await world.engine.db
      .sql`update outbox set begun_at = ${world.engine.clock.now()} where state = 'PENDING'`;
    await says(sms, 'comes back late', 'One more thing');
    await world.after(HOUR);
    expect(world.got).toEqual([]);
    expect(await world.effects('comes back late')).toMatchObject([{ state: 'UNCONFIRMED' }]);
    expect(of(await world.feed('comes back late'), 'CLOSE')).toEqual([
      'CLOSE_MESSAGE UNCONFIRMED an attempt was cut off, and nobody knows how far it came',
    ]);
  });

  it('LP-3 the customer starts another conversation: it is skipped', async () => {
    await world.engine.policy({ reopenWithin: 'PT0S' });
    await endsInVain(byoc, 'begins anew');
    world.engine.clock.advance(MINUTE);
    await says(byoc, 'begins anew', 'Hello again');
    await world.engine.policy({ reopenWithin: null });
    expect(await world.engine.conversations('begins anew')).toHaveLength(2);
    await world.after(HOUR);
    expect(world.got).toEqual([]);
    const why = 'the customer has begun another conversation';
    expect(of(await world.feed('begins anew'), 'CLOSE')).toEqual([`CLOSE_MESSAGE SKIPPED ${why}`]);
  });

  it('the channel is set up to send nothing: it is skipped', async () => {
    const { engine, deps } = world;
    const mute = await world.channel('byoc');
    await endsInVain(mute, 'muted');
    const setup = { ...engine.deps, readSettings: deps.settings.toStore };
    const author = { changedBy: 'test', why: null };
    const changes = { settings: { deliverUrl: null } };
    const call = { key: null, request: {} };
    await updateChannel(setup, { accountId: engine.accountId, author, call }, mute, changes);
    await world.after(HOUR);
    expect(of(await world.feed('muted'), 'CLOSE')).toEqual([
      'CLOSE_MESSAGE SKIPPED nothing is sent from here on this channel',
    ]);
    expect(await world.effects('muted')).toMatchObject([{ state: 'DROPPED' }]);
  });

  it('PE-15 the contact is erased: it is dropped', async () => {
    await endsInVain(byoc, 'erased');
    const { contact_id } = await world.engine.latest('erased');
    const { accountId } = world.engine;
    await eraseContact(world.engine.deps, accountId, contact_id as string, { kind: 'END', by: 'AGENT' });
    await world.after(HOUR);
    expect(world.got).toEqual([]);
    const states = await world.engine.db.sql`select state, error from outbox where payload ? 'part'`;
    expect([...states]).toEqual([{ state: 'DROPPED', error: 'the contact is gone' }]);
  });

  it('PE-15 the contact is erased while a message is under way: no message id is stored', async () => {
    const { engine } = world;
    await world.ends(sms, 'erased under way');
    const { id, contact_id } = await engine.latest('erased under way');
    world.provider(async (response, got) => {
      await eraseContact(engine.deps, engine.accountId, contact_id as string, { kind: 'END', by: 'AGENT' });
      await TAKES(response, got);
    });
    await world.relay();
    expect(world.got).toHaveLength(1);
    const sent = (await engine.feed(id)).filter(({ data }) => data?.outcome === 'SENT');
    expect(sent.map(({ message_id }) => message_id)).toEqual([null]);
  });
});

it('LL-2 an end that is revoked before its close message is sent has none', async () => {
  await world.engine.policy({ autoCloseAfter: 'PT1H' });
  await world.talks(byoc, 'revoked');
  const sentAt = new Date(world.engine.clock.now().getTime() + HOUR - 1);
  await wait(HOUR);
  expect(await world.engine.latest('revoked')).toMatchObject({ end_reason: 'AUTO_CLOSE' });
  await world.does(byoc, 'revoked', { kind: 'INBOUND' }, { at: sentAt });
  await world.after(MINUTE);
  expect(world.got).toEqual([]);
  expect(await world.feed('revoked')).toEqual([]);
  const states = await world.engine.db
    .sql`select state, error from outbox where account_id = ${world.engine.accountId}`;
  expect([...states]).toEqual([{ state: 'DROPPED', error: 'the conversation has gone on since' }]);
  await world.engine.policy({ autoCloseAfter: null });
});

describe('echoes of messages of the business', () => {
  const counts = async (address: string) => {
    const { revision, status, last_activity_at } = await world.engine.latest(address);
    return {
      conversations: (await world.engine.conversations(address)).length,
      revision,
      status,
      last_activity_at,
    };
  };

  it('LL-9 the echo of a close message is recognised by its id and changes nothing', async () => {
    await world.ends(byoc, 'echoed');
    await world.relay();
    const before = await counts('echoed');
    const echoed = await world.echo(byoc, 'echoed', String(world.got[0]?.body.id));
    expect(echoed).toMatchObject({ applied: 0, duplicates: 1 });
    expect(await counts('echoed')).toEqual(before);
  });

  it('LL-9 the echo of a close message changes nothing, even before the channel has answered', async () => {
    await world.ends(sms, 'in flight');
    const { ended_at } = await world.engine.latest('in flight');
    world.provider(async (response) => {
      expect(await world.echo(sms, 'in flight', 'SM1')).toMatchObject({ applied: 1, faults: [] });
      response.writeHead(201).end(JSON.stringify({ sid: 'SM1' }));
    });
    await world.relay();
    expect(await world.engine.conversations('in flight')).toMatchObject([{ status: 'ENDED', ended_at }]);
    expect(await world.feed('in flight')).toContain('CLOSE_MESSAGE SENT');
    expect(await world.echo(sms, 'in flight', 'SM1')).toMatchObject({ applied: 0, duplicates: 1 });
  });

  it('LL-9 the echo of a close message changes nothing, even if the channel then answers 500', async () => {
    world.provider(answers(500));
    await world.ends(byoc, 'shown');
    await world.relay();
    const shown = String(world.got[0]?.body.id);
    expect(await world.echo(byoc, 'shown', shown)).toMatchObject({ applied: 1 });
    expect(await world.engine.conversations('shown')).toMatchObject([{ status: 'ENDED' }]);
    world.provider(TAKES);
    await world.after(MINUTE);
    expect(world.got.map(({ body }) => body.id)).toEqual([shown, shown]);
    expect(await world.feed('shown')).toContain('CLOSE_MESSAGE SENT');
    expect(await world.echo(byoc, 'shown', shown)).toMatchObject({ duplicates: 1 });
    expect(await world.engine.conversations('shown')).toMatchObject([{ status: 'ENDED' }]);
  });

  it('LL-9 the echo of an agent’s message starts a conversation', async () => {
    await world.ends(sms, 'by hand');
    await world.relay();
    expect(await world.echo(sms, 'by hand', 'SM-of-ann')).toMatchObject({ applied: 1 });
    expect(await world.engine.conversations('by hand')).toMatchObject([
      { status: 'ENDED' },
      { status: 'NEW' },
    ]);
  });
});
