import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi, RECORD } from '../http/open-api.ts';
import { MINUTE } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const inbound = (address: string, more: Record<string, unknown> = {}) => ({
  kind: 'INBOUND',
  channelId: api.channel,
  address,
  ...more,
});
const countOf = async (table: 'conversation' | 'event' | 'contact') =>
  (await api.engine.db.sql`select count(*)::int as count from ${api.engine.db.sql(table)}`)[0]
    ?.count as number;

describe('recordActivities', () => {
  it('records activities in the order of the input, on the contact’s conversation', async () => {
    const [first, second, other] = await api.record(
      inbound('anna', { messageId: 'm1' }),
      { kind: 'OUTBOUND', channelId: api.channel, address: 'anna', sender: 'AGENT', agentId: api.ann },
      inbound('otto'),
    );
    expect(first).toMatchObject({ outcome: 'APPLIED', error: null });
    expect(second).toEqual(first);
    expect(other).toMatchObject({ outcome: 'APPLIED' });
    expect(other.conversationId).not.toBe(first.conversationId);
    const { data } = await api.ask(
      'query ($id: ID!) { conversation(id: $id) { status awaiting agent { id name } contact { address } startedBy } }',
      { id: first.conversationId },
    );
    expect(data.conversation).toEqual({
      status: 'ACTIVE',
      awaiting: 'CONSUMER',
      agent: { id: api.ann, name: 'ann' },
      contact: { address: 'anna' },
      startedBy: 'CUSTOMER',
    });
  });

  it('a repeated messageId is a DUPLICATE without an error, in one call and in two', async () => {
    const message = inbound('dora', { messageId: 'd1' });
    const [first, again] = await api.record(message, message);
    const [later] = await api.record(message);
    expect(first.outcome).toBe('APPLIED');
    for (const duplicate of [again, later])
      expect(duplicate).toEqual({ outcome: 'DUPLICATE', conversationId: first.conversationId, error: null });
  });

  it('accepts every kind with its required fields', async () => {
    const [{ conversationId }] = await api.record(
      inbound('kinds', { clientVersion: '2.1', skillId: api.sales }),
    );
    const at = api.engine.clock.now();
    const later = new Date(at.getTime() + 60 * MINUTE).toISOString();
    const results = await api.record(
      ...[
        { kind: 'OUTBOUND', sender: 'AGENT', agentId: api.ann, messageId: 'k1' },
        { kind: 'COMMENT', agentId: api.ann },
        { kind: 'TAG', add: ['vip', 'new'], remove: ['old'] },
        { kind: 'ASSIGN', agentId: api.bob },
        { kind: 'SKILL', skillId: null },
        { kind: 'CASE_STATUS', caseStatus: 'pending', agentId: api.bob },
        { kind: 'READER_JOINED' },
        { kind: 'TRANSCRIPT_VIEWED', agentId: api.ann },
        { kind: 'RECEIPT', of: 'k1', state: 'DELIVERED' },
        { kind: 'CLIENT', clientVersion: '2.2' },
        { kind: 'MANUAL_RESPONSE_TIME', responseAt: later },
        { kind: 'MANUAL_RESPONSE_TIME', responseAt: null },
        { kind: 'INACTIVATE', agentId: api.bob },
        { kind: 'TO_QUEUE' },
        { kind: 'HOLD', until: later, agentId: api.bob },
        { kind: 'RELEASE' },
        { kind: 'HOLD' },
        { kind: 'RELEASE', agentId: api.bob },
        { kind: 'END', by: 'SUPERVISOR' },
        { kind: 'REOPEN' },
      ].map((activity) => ({ conversationId, ...activity })),
    );
    expect(results).toEqual(results.map(() => ({ outcome: 'APPLIED', conversationId, error: null })));
    const [started] = await api.record({
      kind: 'START',
      by: 'AGENT',
      agentId: api.ann,
      channelId: api.channel,
      address: 'nobody yet',
    });
    expect(started).toMatchObject({ outcome: 'APPLIED', error: null });
    const { data } = await api.ask(
      `query ($id: ID!) { conversation(id: $id) { status tags skill { id } caseStatus held heldUntil manualResponseAt revision
        contact { clientVersion } feed(first: 100) { edges { node { kind tagsAdded until receiptState caseStatus } } } } }`,
      { id: conversationId },
    );
    expect(data.conversation).toMatchObject({
      status: 'WAITING',
      tags: ['vip', 'new'],
      skill: null,
      caseStatus: 'pending',
      held: false,
      heldUntil: null,
      manualResponseAt: null,
      revision: 21,
      contact: { clientVersion: '2.2' },
    });
    const nodes = data.conversation.feed.edges.map((edge: { node: object }) => edge.node);
    expect(nodes).toHaveLength(21);
    expect(nodes[3]).toMatchObject({ kind: 'TAG', tagsAdded: ['vip', 'new'] });
    expect(nodes[9]).toMatchObject({ kind: 'RECEIPT', receiptState: 'DELIVERED' });
    expect(nodes[15]).toMatchObject({ kind: 'HOLD', until: later });
  });
});

describe('a call of recordActivities', () => {
  it('accepts 1,000 activities; with 1,001 it is TOO_MANY and records none', async () => {
    const before = await countOf('contact');
    const many = (count: number) => Array.from({ length: count }, (_, index) => inbound(`many ${index}`));
    const tooMany = await api.ask(RECORD, { input: { activities: many(1001) } });
    expect(tooMany.data.recordActivities).toEqual({
      __typename: 'TooManyError',
      code: 'TOO_MANY',
      field: 'activities',
      max: 1000,
    });
    expect(await countOf('contact')).toBe(before);
    const results = await api.record(...many(1000));
    expect(results).toHaveLength(1000);
    expect(await countOf('contact')).toBe(before + 1000);
  });

  it('returns no results without activities', async () => {
    expect(await api.record()).toEqual([]);
  });

  it('refuses each activity if all are malformed', async () => {
    const [refused] = await api.record({ kind: 'TO_QUEUE' });
    expect(refused).toMatchObject({ outcome: 'REFUSED' });
  });

  it('records nothing if one activity has an unknown kind or a malformed instant', async () => {
    const before = await countOf('event');
    for (const activity of [inbound('x', { kind: 'SHOUT' }), inbound('x', { at: '2026-02-30T00:00:00Z' })]) {
      const { data, errors } = await api.ask(RECORD, { input: { activities: [inbound('x'), activity] } });
      expect(data).toBeUndefined();
      expect(errors?.[0]?.message).toContain('input.activities[1]');
    }
    expect(await countOf('event')).toBe(before);
  });

  it('requires activities:write, and conversations:read to select the conversation', async () => {
    const reader = await api.makeKey(['conversations:read', 'policies:write']);
    const writer = await api.makeKey(['activities:write']);
    const input = { activities: [inbound('scoped')] };
    expect((await api.ask(RECORD, { input }, reader)).data.recordActivities).toEqual({
      __typename: 'ForbiddenError',
      code: 'FORBIDDEN',
      scope: 'activities:write',
    });
    expect((await api.ask(RECORD, { input }, writer)).data.recordActivities.results[0].outcome).toBe(
      'APPLIED',
    );
    const peek = `mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { ... on RecordedActivities { results { outcome conversation { status } } } } }`;
    const { data, errors } = await api.ask(peek, { input }, writer);
    expect(data.recordActivities.results).toEqual([{ outcome: 'APPLIED', conversation: null }]);
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', scope: 'conversations:read' } }]);
  });
});
