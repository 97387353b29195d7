import { describe, expect, it } from 'vitest';
import byocInteraction from '../../src/adapters/channels/byoc-interaction/adapter.ts';
import { parseSettings } from '../../src/adapters/registry.ts';
import { InvalidInputError } from '../../src/domain/errors.ts';
import { event, INTERACTIONS, interactionCall, MESSAGE, request } from './samples/interactions.ts';
import { NOW } from './samples.ts';

const parse = (value: unknown) =>
  byocInteraction.inbound.parse(interactionCall(value), {
    settings: parseSettings(byocInteraction, INTERACTIONS),
    fetch,
    now: () => NOW,
    signal: new AbortController().signal,
  });
const ended = (sessionEndedByRole?: string) =>
  event('SessionStatusChanged', 'System', { sessionStatus: 'Ended', sessionEndedByRole });
const AT = new Date('2026-01-05T13:00:00.123Z');

describe("requests of the customer's side", () => {
  it('parses a file with its text as a message', () => {
    const file = {
      interactionType: 'AttachmentInteraction',
      timestamp: AT.getTime(),
      id: 'f1',
      text: 'STOP',
    };
    expect(parse(request(file, { ...file, id: 'f2', text: null })).events).toEqual([
      { kind: 'MESSAGE', providerMessageId: 'f1', address: 'ada', sentAt: AT, text: 'STOP' },
      { kind: 'MESSAGE', providerMessageId: 'f2', address: 'ada', sentAt: AT },
    ]);
  });

  it('LL-8 parses a failed delivery as a receipt', () => {
    const payload = {
      entryType: 'MessageDeliveryFailed',
      id: 'x',
      failedConversationEntryIdentifier: 'out-1',
    };
    expect(parse(request({ ...MESSAGE, payload })).events).toEqual([
      { kind: 'RECEIPT', providerMessageId: 'out-1', address: 'ada', state: 'FAILED', at: AT },
    ]);
  });

  it.each([
    ['typing', request({ ...MESSAGE, payload: { entryType: 'TypingStartedIndicator', id: 'x' } })],
    ['a failure of nothing', request({ ...MESSAGE, payload: { entryType: 'MessageDeliveryFailed' } })],
    ['another channel', { ...request(MESSAGE), to: 'another' }],
  ])('%s is ignored and counted', (_what, value) => {
    expect(parse(value)).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('parses the valid interactions and names the invalid one', () => {
    const { events, malformed } = parse(
      request(
        { ...MESSAGE, timestamp: 'noon' },
        { ...MESSAGE, payload: { ...MESSAGE.payload, id: '' } },
        { interactionType: 'AttachmentInteraction', timestamp: AT.getTime() },
        MESSAGE,
      ),
    );
    expect(events).toHaveLength(1);
    expect(malformed.map(({ field }) => field)).toEqual([
      'interactions[0].timestamp',
      'interactions[1].payload.id',
      'interactions[2].id',
    ]);
  });
});

describe("events of Salesforce's side", () => {
  it.each([
    ['Agent', 'AGENT'],
    ['Supervisor', 'AGENT'],
    ['Chatbot', 'BOT'],
    ['System', 'AUTOMATION'],
  ])('a message of the role %s has the sender %s', (role, sender) => {
    expect(parse(event('Message', role, { abstractMessage: {} })).events).toMatchObject([
      { kind: 'ECHO', address: 'ada', sender, at: AT },
    ]);
  });

  it.each([
    ['Agent', 'END', 'AGENT'],
    ['Supervisor', 'END', 'AGENT'],
    ['Chatbot', 'END', 'BOT'],
    ['System', 'END', 'BOT'],
    [undefined, 'END', 'BOT'],
    ['EndUser', 'LEAVE', undefined],
  ])('PE-14 a session that the role %s ended becomes %s', (role, kind, by) => {
    const [read] = parse(ended(role)).events;
    expect(read).toMatchObject({ kind, address: 'ada', at: AT, ...(by ? { by } : {}) });
  });

  it.each([
    ["the customer's own message", event('Message', 'EndUser', {})],
    ['a session that goes on', event('SessionStatusChanged', 'System', { sessionStatus: 'Inactive' })],
    ['a note', event('Note', 'Agent', {})],
    ['routing', event('RoutingWorkResult', 'System', { workType: 'Closed' })],
    ['another channel', event('Message', 'Agent', {}, 'another')],
    [
      'what goes to an agent',
      { ...event('Message', 'Agent', {}), recipient: { subject: '005', role: 'Agent' } },
    ],
  ])('%s is ignored and counted', (_what, value) => {
    expect(parse(value)).toEqual({ events: [], ignored: 1, malformed: [] });
  });

  it('reports an event without an id', () => {
    const value = event('Message', 'Agent', {});
    const { identifier: _identifier, ...payload } = value.payload;
    expect(parse({ ...value, payload })).toMatchObject({
      events: [],
      malformed: [{ field: 'payload.identifier' }],
    });
  });
});

it('parses the valid acknowledgements and reports the invalid one', () => {
  const one = {
    acknowledgementType: 'Delivered',
    acknowledgedConversationEntryIdentifier: 'out-1',
    acknowledgementTimestamp: AT.getTime(),
  };
  const sender = { appType: 'custom', subject: 'ada', role: 'EndUser' };
  expect(parse({ sender, acknowledgements: [{ ...one, acknowledgementType: 'Seen' }, one] })).toMatchObject({
    events: [{ kind: 'RECEIPT', state: 'DELIVERED', address: 'ada', at: AT }],
    malformed: [{ field: 'acknowledgements[0].acknowledgementType' }],
  });
});

it.each([{}, [], { from: 'ada', to: 'x' }, { events: [] }])('rejects the body %j', (value) => {
  expect(() => parse(value)).toThrow(InvalidInputError);
});
