import { describe, expect, it } from 'vitest';
import type { InboundRequest } from '../../src/adapters/adapter.ts';
import twilioConversations from '../../src/adapters/channels/twilio-conversations/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { InvalidInputError } from '../../src/domain/errors.ts';
import { goodbyeTo, openProvider } from './provider.ts';
import { ADDED, CLOSED, CONVERSATIONS, DELIVERY, formCall, jsonCall, streamed } from './samples/twilio.ts';
import { NOW } from './samples.ts';

const read = (request: InboundRequest, settings: object = CONVERSATIONS) =>
  twilioConversations.inbound.parse(request, {
    settings: parseSettings(twilioConversations, settings),
    fetch,
    now: () => NOW,
    signal: new AbortController().signal,
  });
const kinds = (form: Record<string, string>, settings?: object) =>
  read(formCall(form), settings).events.map((event) => [
    event.kind,
    ...('sender' in event ? [event.sender] : []),
  ]);

describe('the sender of a message', () => {
  const api = { ...ADDED, Source: 'API' };
  const sdk = { ...ADDED, Source: 'SDK' };

  it.each([
    ['a customer by SMS', ADDED, [['MESSAGE']]],
    ['a customer by WhatsApp', { ...ADDED, Source: 'WHATSAPP', Author: 'whatsapp:+15550123' }, [['MESSAGE']]],
    ['an agent in a client', { ...sdk, ClientIdentity: 'ann', Author: 'ann' }, [['ECHO', 'AGENT']]],
    ["an agent's console", { ...api, Author: 'ann' }, [['ECHO', 'AGENT']]],
    ['a bot', { ...api, Author: 'system' }, [['ECHO', 'BOT']]],
  ])('%s', (_who, form, expected) => expect(kinds(form)).toEqual(expected));

  it('recognizes a customer by the prefix of their identity', () => {
    const settings = { ...CONVERSATIONS, customerIdentities: 'visitor-', botAuthors: ['botty'] };
    expect(kinds({ ...sdk, ClientIdentity: 'visitor-7' }, settings)).toEqual([['MESSAGE']]);
    expect(kinds({ ...sdk, ClientIdentity: 'ann', Author: 'ann' }, settings)).toEqual([['ECHO', 'AGENT']]);
    expect(kinds({ ...api, Author: 'botty' }, settings)).toEqual([['ECHO', 'BOT']]);
  });

  it.each([
    ['+15550123', 'MESSAGE'],
    ['whatsapp:+15550123', 'MESSAGE'],
    ['ann', 'ECHO'],
  ])('in an event stream, the author %s wrote a %s', (Author, kind) => {
    const { AccountSid, ConversationSid, MessageSid, DateCreated } = ADDED;
    const data = { AccountSid, ConversationSid, MessageSid, DateCreated, Author, MessageBody: 'Hello' };
    expect(read(jsonCall(streamed('message.added', data))).events).toMatchObject([{ kind }]);
  });

  it('LL-9 ignores a message with the mark of Lull, before its id is known', () => {
    const form = { ...api, Author: 'lull', Attributes: '{"lull":"019b"}' };
    expect(read(formCall(form))).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it.each(['', 'null', '{', '{"lull":7}', '[]'])('attributes %j are not the mark', (Attributes) => {
    expect(kinds({ ...ADDED, Attributes })).toEqual([['MESSAGE']]);
  });
});

describe('events', () => {
  it.each([
    ['API', 'AGENT'],
    ['TIMER', 'BOT'],
  ])('PE-14 a close by %s ends the conversation by %s', (Reason, by) => {
    expect(read(formCall({ ...CLOSED, Reason })).events).toMatchObject([{ kind: 'END', by }]);
  });

  it.each([
    ['inactive', { ...CLOSED, StateTo: 'inactive' }],
    ['a message on its way', { ...DELIVERY, Status: 'sent' }],
    ['a participant', { ...ADDED, EventType: 'onParticipantAdded' }],
    ['a question before the event', { ...ADDED, EventType: 'onMessageAdd' }],
    ['another account', { ...ADDED, AccountSid: 'AC0' }],
  ])('%s is ignored and counted', (_what, form) => {
    expect(read(formCall(form))).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('parses the valid events of a stream and names the invalid one', () => {
    const good = streamed('conversation-state.updated', { ...CLOSED, EventType: undefined });
    const { events, malformed, ignored } = read(
      jsonCall([
        streamed('conversation-state.updated', { ...CLOSED, StateUpdated: 'noon' }),
        7,
        streamed('user.added', { AccountSid: CLOSED.AccountSid }),
        good,
      ]),
    );
    expect(events).toHaveLength(1);
    expect(ignored).toBe(1);
    expect(malformed.map(({ field }) => field)).toEqual(['body[0].StateUpdated', 'body[1]']);
  });

  it.each([
    ['MessageSid', { ...ADDED, MessageSid: '' }],
    ['DateCreated', { ...ADDED, DateCreated: 'noon' }],
    ['ConversationSid', { ...CLOSED, ConversationSid: '' }],
  ])('reports an invalid %s', (field, form) => {
    expect(read(formCall(form))).toMatchObject({ events: [], malformed: [{ field: `body.${field}` }] });
  });

  it('rejects JSON that is neither an event nor a list', () => {
    expect(() => read(jsonCall('text'))).toThrow(InvalidInputError);
  });
});

it('a closed conversation cannot be reopened', () => {
  expect(twilioConversations.rules.canReopen).toBe(false);
});

describe('sending', () => {
  const provider = openProvider();
  it.each([
    [undefined, '/v1/Conversations/CH1%3F..'],
    [`IS${'a'.repeat(32)}`, `/v1/Services/IS${'a'.repeat(32)}/Conversations/CH1%3F..`],
  ])('posts a marked message into the conversation of service %s', async (serviceSid, path) => {
    provider.answers(201, { sid: 'IM1' });
    const message = goodbyeTo('CH1?..');
    await provider.send(
      twilioConversations,
      { ...CONVERSATIONS, serviceSid, apiUrl: provider.url() },
      message,
    );
    const [{ url, body } = { url: '', body: '' }] = provider.got;
    expect(url).toBe(`${path}/Messages`);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      Author: 'lull',
      Body: 'Auf Wiedersehen, grüß Gott',
      Attributes: JSON.stringify({ lull: message.id }),
    });
  });

  it.each(['', '.', '..', 'CH1/../../Services', 'CH1\\..'])(
    'rejects a message to the address %j',
    async (address) => {
      const settings = { ...CONVERSATIONS, apiUrl: provider.url() };
      expect(await provider.send(twilioConversations, settings, goodbyeTo(address))).toEqual({
        ...{ outcome: 'REJECTED', reason: "the customer's address is not a valid part of a URL path" },
      });
      expect(provider.got).toEqual([]);
    },
  );
});
