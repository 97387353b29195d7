import { describe, expect, it } from 'vitest';
import type { InboundRequest } from '../../src/adapters/adapter.ts';
import whatsapp from '../../src/adapters/channels/whatsapp/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { change, hello, hubBody, hubCall, TEXT, WHATSAPP } from './samples/whatsapp.ts';
import { NOW } from './samples.ts';

const NOON = new Date('2026-01-05T13:00:00Z');
const contextOf = () => ({
  settings: parseSettings(whatsapp, WHATSAPP),
  fetch,
  now: () => NOW,
  signal: new AbortController().signal,
});
const parse = (...changes: unknown[]) => whatsapp.inbound.parse(hubCall(hubBody(...changes)), contextOf());

describe('parsing requests', () => {
  it.each([
    ['a text', { type: 'text', text: { body: 'STOP' } }],
    ['a button of a template', { type: 'button', button: { payload: 'x', text: 'STOP' } }],
    [
      'a button',
      {
        type: 'interactive',
        interactive: { type: 'button_reply', button_reply: { id: '1', title: 'STOP' } },
      },
    ],
    [
      'a choice',
      { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: '1', title: 'STOP' } } },
    ],
  ])('PE-12 reads keywords from the text of %s', (_what, content) => {
    const { events } = parse(change({ messages: [{ ...TEXT, text: undefined, ...content }] }));
    expect(events).toMatchObject([{ kind: 'MESSAGE', text: 'STOP' }]);
  });

  it('parses a message without a text', () => {
    const image = { ...TEXT, type: 'image', text: undefined, image: { id: '1', mime_type: 'image/jpeg' } };
    const { events } = parse(change({ messages: [image, { ...image, type: 'unsupported', id: 'w2' }] }));
    expect(events).toEqual([
      { kind: 'MESSAGE', providerMessageId: TEXT.id, address: TEXT.from, sentAt: NOON },
      { kind: 'MESSAGE', providerMessageId: 'w2', address: TEXT.from, sentAt: NOON },
    ]);
  });

  it('uses the user id of a customer who hides their phone number', () => {
    const from = { from: undefined, from_user_id: 'US.13491208655302741918' };
    const status = {
      id: 'w2',
      status: 'read',
      timestamp: '1767618000',
      recipient_user_id: from.from_user_id,
    };
    const { events } = parse(change({ messages: [{ ...TEXT, ...from }], statuses: [status] }));
    expect(events.map(({ address }) => address)).toEqual([from.from_user_id, from.from_user_id]);
  });

  it('prefers the phone number to the user id', () => {
    const both = { ...TEXT, from_user_id: 'US.13491208655302741918' };
    const status = { id: 'w2', status: 'read', timestamp: '1767618000', recipient_id: '1650' };
    const { events } = parse(
      change({ messages: [both], statuses: [{ ...status, recipient_user_id: 'US.1' }] }),
      change({ message_echoes: [{ ...both, to: '1650', to_user_id: 'US.1' }] }, 'smb_message_echoes'),
    );
    expect(events.map(({ address }) => address)).toEqual([TEXT.from, '1650', '1650']);
  });

  it('parses a failed status as a receipt', () => {
    const status = { id: 'w', status: 'failed', timestamp: '1767618000', recipient_id: '1650' };
    expect(parse(change({ statuses: [{ ...status, errors: [{ code: 131047 }] }] })).events).toEqual([
      { kind: 'RECEIPT', providerMessageId: 'w', address: '1650', state: 'FAILED', at: NOON },
    ]);
  });

  it('ignores and counts events without new content', () => {
    const status = { id: 'w', status: 'sent', timestamp: '1767618000', recipient_id: '1650' };
    expect(
      parse(
        change({ statuses: [status, { ...status, status: 'played' }] }),
        change({
          messages: [
            { ...TEXT, type: 'reaction' },
            { ...TEXT, type: 'system' },
          ],
        }),
        change({ messages: [{ ...TEXT, group_id: 'g1' }] }),
        change({ message_echoes: [{ ...TEXT, to: '1', type: 'revoke' }] }, 'smb_message_echoes'),
        change({}, 'history'),
        change({ ...({ errors: [{ code: 130429 }] } as object) }),
        { field: 'account_update' },
      ),
    ).toEqual({ events: [], ignored: 9, malformed: [] });
  });

  it('parses echoes under both field names', () => {
    const echoes = { message_echoes: [{ ...TEXT, from: '1', to: '1650' }] };
    const fields = ['smb_message_echoes', 'message_echoes'].map((field) => change(echoes, field));
    expect(parse(...fields).events).toMatchObject([
      { kind: 'ECHO', address: '1650', sender: 'AGENT' },
      { kind: 'ECHO', address: '1650', sender: 'AGENT' },
    ]);
  });

  it('ignores and counts events of another phone number', () => {
    expect(
      parse(change({ messages: [TEXT, TEXT] }, 'messages', '999'), change({ messages: [TEXT] })),
    ).toEqual({
      events: [expect.objectContaining({ kind: 'MESSAGE' })],
      ignored: 2,
      malformed: [],
    });
  });

  it('ignores a request of another product', () => {
    const request = hubCall('{"object":"page","entry":[{"messaging":[]}]}');
    expect(whatsapp.inbound.parse(request, contextOf())).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('parses the valid events and names the invalid ones', () => {
    const { events, malformed, ignored } = parse(
      change({ messages: [{ ...TEXT, timestamp: 'noon' }, TEXT, { ...TEXT, from: undefined }, 7] }),
      { field: 'messages', value: { metadata: {} } },
      'change',
      change({ statuses: [{ status: 'read' }, { ...TEXT, status: 'read', recipient_id: '1650' }] }),
    );
    expect(events.map(({ kind }) => kind)).toEqual(['MESSAGE', 'RECEIPT']);
    expect(ignored).toBe(0);
    expect(malformed).toEqual([
      { field: 'entry[0].changes[0].value.messages[0].timestamp', allowed: 'seconds since 1970' },
      {
        field: 'entry[0].changes[0].value.messages[2].from',
        allowed: 'a phone number or the id of a user',
      },
      expect.objectContaining({ field: 'entry[0].changes[0].value.messages[3]' }),
      expect.objectContaining({ field: 'entry[1].changes[0].value.metadata.phone_number_id' }),
      expect.objectContaining({ field: 'entry[2].changes[0]' }),
      expect.objectContaining({ field: 'entry[3].changes[0].value.statuses[0].id' }),
    ]);
  });

  it('names an entry without changes', () => {
    const request = hubCall('{"object":"whatsapp_business_account","entry":[{"id":"1"}]}');
    expect(whatsapp.inbound.parse(request, contextOf()).malformed).toMatchObject([
      { field: 'entry[0].changes' },
    ]);
  });
});

describe('the handshake', () => {
  const answer = (request: InboundRequest) => whatsapp.inbound.handshake?.(request, contextOf());

  it('returns the challenge as plain text', () => {
    expect(answer(hello(WHATSAPP.verifyToken))).toMatchObject({ status: 200, body: '1158201444' });
  });

  it.each([
    ['another token', hello('another')],
    ['no token', hello('')],
    ['another mode', hello(WHATSAPP.verifyToken, 'unsubscribe')],
    ['no query', { ...hello(WHATSAPP.verifyToken), url: 'https://lull.example/webhooks/a/c' }],
    ['a URL that is none', { ...hello(WHATSAPP.verifyToken), url: 'lull' }],
  ])('refuses %s', (_what, request) => expect(answer(request)).toBeNull());
});
