import { describe, expect, it } from 'vitest';
import chatwoot from '../../src/adapters/channels/chatwoot/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { InvalidInputError } from '../../src/domain/errors.ts';
import { goodbyeTo, openProvider } from './provider.ts';
import { CHATWOOT, CREATED, chatwootCall, RESOLVED } from './samples/chatwoot.ts';
import { NOW } from './samples.ts';

const parse = (value: unknown, settings: object = CHATWOOT) =>
  chatwoot.inbound.parse(chatwootCall(value), {
    settings: parseSettings(chatwoot, settings),
    fetch,
    now: () => NOW,
    signal: new AbortController().signal,
  });
const outgoing = { ...CREATED, message_type: 'outgoing' };
const AT = new Date('2026-01-05T13:00:00Z');

describe('the sender of a message', () => {
  it.each([
    ['an agent', { ...outgoing, sender: { id: 1, type: 'user' } }, 'AGENT'],
    ['a bot', { ...outgoing, sender: { id: 2, type: 'agent_bot' } }, 'BOT'],
    ['nobody', { ...outgoing, sender: null }, 'AUTOMATION'],
    [
      'a rule of theirs',
      { ...outgoing, sender: { type: 'user' }, content_attributes: { automation_rule_id: 9 } },
      'AUTOMATION',
    ],
    ['a template', { ...CREATED, message_type: 'template', sender: null }, 'AUTOMATION'],
  ])('%s', (_who, value, sender) => {
    expect(parse(value).events).toEqual([
      { kind: 'ECHO', providerMessageId: '118', address: '10', sender, at: AT },
    ]);
  });

  it('LL-9 ignores a message with the mark of Lull, before its id is known', () => {
    const value = { ...outgoing, content_attributes: { automation_rule_id: 'lull' } };
    expect(parse(value)).toEqual({ events: [], ignored: 1, malformed: [] });
  });
});

describe('parsing requests', () => {
  it.each([
    ['a private note', { ...outgoing, private: true }],
    ['an activity', { ...CREATED, message_type: 'activity' }],
    ['an update', { ...RESOLVED, event: 'conversation_updated' }],
    ['a status that ends nothing', { ...RESOLVED, status: 'snoozed' }],
    ['something else', { event: 'webwidget_triggered', id: 12 }],
    ['another account', { ...CREATED, account: { id: 8 } }],
    ['another inbox', { ...CREATED, inbox: { id: 4 } }],
    ['a conversation of another inbox', { ...RESOLVED, inbox_id: 4 }],
  ])('%s is ignored and counted', (_what, value) => {
    expect(parse(value)).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('uses every inbox of the account if the settings name none', () => {
    const settings = { ...CHATWOOT, inboxId: undefined };
    expect(parse({ ...CREATED, inbox: { id: 4 } }, settings).events).toHaveLength(1);
  });

  it.each(['2026-01-05T13:00:00.000Z', '2026-01-05 13:00:00 UTC', 1_767_618_000])(
    'parses the time %s',
    (created_at) => expect(parse({ ...CREATED, created_at }).events).toMatchObject([{ sentAt: AT }]),
  );

  it('gives each resolution one event id, the same at redelivery', () => {
    const ids = [RESOLVED, RESOLVED, { ...RESOLVED, updated_at: RESOLVED.updated_at + 60 }].map(
      (value) => parse(value).events.map((event) => 'providerEventId' in event && event.providerEventId)[0],
    );
    expect(ids).toEqual([
      'resolved:10:1767618060250',
      'resolved:10:1767618060250',
      'resolved:10:1767618120250',
    ]);
  });

  it('reads the time from the field that older versions use', () => {
    expect(parse({ ...RESOLVED, updated_at: undefined }).events).toMatchObject([{ at: AT }]);
  });

  it.each([
    ['id', { ...CREATED, id: null }],
    ['created_at', { ...CREATED, created_at: 'noon' }],
    ['created_at', { ...CREATED, created_at: '2026-13-41 99:00:00 UTC' }],
    ['conversation', { ...CREATED, conversation: null }],
    ['updated_at', { ...RESOLVED, updated_at: undefined, timestamp: undefined }],
  ])('reports an invalid %s', (field, value) => {
    const { events, malformed } = parse(value);
    expect(events).toEqual([]);
    expect(malformed).toHaveLength(1);
    expect(malformed[0]?.field).toBe(`body.${field}`);
  });

  it('rejects a request without an event', () => {
    expect(() => parse({ id: 118 })).toThrow(InvalidInputError);
  });
});

describe('sending', () => {
  const provider = openProvider();

  it('posts a marked message into the conversation that the address names', async () => {
    provider.answers(200, { id: 121 });
    await provider.send(chatwoot, { ...CHATWOOT, baseUrl: `${provider.url()}/` }, goodbyeTo('10'));
    const [{ url, headers, body } = { url: '', headers: {}, body: '' }] = provider.got;
    expect(url).toBe('/api/v1/accounts/7/conversations/10/messages');
    expect(headers.api_access_token).toBe(CHATWOOT.apiToken);
    expect(JSON.parse(body)).toEqual({
      content: 'Auf Wiedersehen, grüß Gott',
      message_type: 'outgoing',
      private: false,
      content_attributes: { automation_rule_id: 'lull' },
    });
  });
});
