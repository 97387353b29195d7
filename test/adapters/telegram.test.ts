import { describe, expect, it } from 'vitest';
import { BLOCKED, call, HELLO, NOW, SETTINGS, samples } from '../../examples/telegram/samples.ts';
import telegram from '../../examples/telegram/telegram.ts';
import { type Adapter, adapterContract, parseSettings } from '../../src/adapters/kit.ts';
import { adaptersOf } from '../../src/adapters/load.ts';
import { goodbyeTo, openProvider, partTo, templateTo } from './provider.ts';

const parse = (update: unknown) =>
  telegram.inbound.parse(call(update), {
    settings: parseSettings(telegram, SETTINGS),
    fetch,
    now: () => NOW,
    signal: new AbortController().signal,
  });

describe('examples/telegram', () => {
  for (const { name, run } of adapterContract(telegram, samples)) it(name, run);

  it('passes the check at the start', async () => {
    expect(await adaptersOf([{ name: 'telegram', exported: telegram }], [])).toEqual([telegram]);
  });

  it('must be marked as unsigned to pass the contract', async () => {
    const silent: Adapter = { ...telegram, inbound: { ...telegram.inbound } };
    delete silent.inbound.unsigned;
    const cases = adapterContract(silent, samples);
    const results = await Promise.allSettled(cases.map(({ run }) => run()));
    expect(cases.filter((_, index) => results[index]?.status === 'rejected').map(({ name }) => name)).toEqual(
      ['rejects a request with any byte of its body changed'],
    );
  });
});

describe('requests of Telegram', () => {
  it.each([
    ['a message in a group', { message: { ...HELLO, chat: { id: -5, type: 'group' } } }],
    ['a message of a bot', { message: { ...HELLO, from: { ...HELLO.from, is_bot: true } } }],
    ['a bot that is let in again', { my_chat_member: { ...BLOCKED, new_chat_member: { status: 'member' } } }],
    [
      'a bot that is thrown out of a group',
      { my_chat_member: { ...BLOCKED, chat: { id: -5, type: 'group' } } },
    ],
    ['an update of another kind', { poll: { id: '1' } }],
  ])('%s is ignored', (_what, update) => {
    expect(parse({ update_id: 1, ...update })).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('parses a picture with its caption, or without a text', () => {
    const { text: _, ...picture } = HELLO;
    expect(parse({ update_id: 1, message: { ...picture, caption: 'STOP' } }).events).toMatchObject([
      { kind: 'MESSAGE', text: 'STOP' },
    ]);
    expect(parse({ update_id: 1, message: picture }).events[0]).not.toHaveProperty('text');
  });

  it('names the invalid field of an update', () => {
    expect(parse({ update_id: 1, message: { ...HELLO, date: 'today' } })).toEqual({
      events: [],
      ignored: 0,
      malformed: [{ field: 'body.message.date', allowed: 'seconds since 1970' }],
    });
  });
});

describe('messages to Telegram', () => {
  const provider = openProvider();
  const send = (message = goodbyeTo('4711')) =>
    provider.send(telegram, { ...SETTINGS, apiUrl: provider.url() }, message);

  it('posts a text to the chat with the token of the bot, and returns an id within the chat', async () => {
    provider.answers(200, { ok: true, result: { message_id: 1366 } });
    expect(await send()).toEqual({ outcome: 'ACCEPTED', providerMessageId: '4711:1366' });
    expect(provider.got).toMatchObject([{ url: `/bot${SETTINGS.botToken}/sendMessage` }]);
    expect(JSON.parse(provider.got[0]?.body ?? '')).toEqual({
      chat_id: '4711',
      text: 'Auf Wiedersehen, grüß Gott',
    });
  });

  it('retries after the delay in the body or in the header', async () => {
    const body = { ok: false, error_code: 429, parameters: { retry_after: 35 } };
    provider.answers(429, body, { 'retry-after': '7' });
    expect(await send()).toEqual({ outcome: 'RETRY', afterMs: 35_000 });
    provider.answers(429, { ok: false }, { 'retry-after': '7' });
    expect(await send()).toEqual({ outcome: 'RETRY', afterMs: 7000 });
    provider.answers(502, 'Bad Gateway');
    expect(await send()).toEqual({ outcome: 'RETRY', afterMs: null });
  });

  it.each([
    [403, 'the provider answered 403: the customer has blocked the bot'],
    [401, 'the provider answered 401: the token of the bot is not valid'],
    [400, 'the provider answered 400'],
  ])('rejects a message after %i, without the text of Telegram', async (status, reason) => {
    provider.answers(status, { ok: false, error_code: status, description: SETTINGS.botToken });
    expect(await send()).toEqual({ outcome: 'REJECTED', reason });
  });

  it('rejects parts that the channel does not have, without a request', async () => {
    const refused = [templateTo('4711', 'de'), partTo('4711', 'SURVEY'), partTo('4711', 'SEPARATOR')];
    for (const message of refused) {
      expect(await send(message)).toMatchObject({ outcome: 'REJECTED' });
      expect(provider.got).toEqual([]);
    }
  });
});
