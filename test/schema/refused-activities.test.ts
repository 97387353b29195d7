import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount, ensureAgents, ensureSkills } from '../../src/accounts/setup.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

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
const countEvents = async () =>
  (await api.engine.db.sql`select count(*)::int as count from event`)[0]?.count as number;

describe('a refused activity', () => {
  it('names its field, changes nothing and does not affect the others', async () => {
    const [good, bad, alsoGood] = await api.record(
      inbound('three'),
      { kind: 'ASSIGN', channelId: api.channel, address: 'three' },
      { kind: 'OUTBOUND', channelId: api.channel, address: 'three', sender: 'AGENT', agentId: api.bob },
    );
    expect([good.outcome, alsoGood.outcome]).toEqual(['APPLIED', 'APPLIED']);
    expect(bad).toMatchObject({
      outcome: 'REFUSED',
      conversationId: null,
      error: {
        __typename: 'InvalidInputError',
        code: 'INVALID_INPUT',
        field: 'activities[1].agentId',
        message: 'activities[1].agentId: required for ASSIGN',
      },
    });
  });

  it('names the field that is missing, malformed or not allowed for its kind', async () => {
    const [{ conversationId }] = await api.record(inbound('form'));
    const before = await countEvents();
    const cases: [string, Record<string, unknown>][] = [
      ['conversationId', { kind: 'INBOUND' }],
      ['conversationId', { kind: 'INBOUND', conversationId: 'x' }],
      ['conversationId', { kind: 'INBOUND', conversationId: api.channel }],
      ['conversationId', { kind: 'INBOUND', conversationId: btoa("Conversation:1' or '1'='1") }],
      ['channelId', { kind: 'INBOUND', conversationId, channelId: api.channel }],
      ['channelId', { kind: 'INBOUND', channelId: 'web', address: 'x' }],
      ['address', { kind: 'INBOUND', channelId: api.channel }],
      ['address', inbound('')],
      ['address', inbound('a\0b')],
      ['address', inbound('\ud800')],
      ['address', inbound('x'.repeat(257))],
      ['messageId', inbound('x', { messageId: 'm'.repeat(257) })],
      ['messageId', inbound('x', { messageId: '\0' })],
      ['locale', inbound('x', { locale: 'no language' })],
      ['locale', inbound('x', { locale: `en-x-${'a1-'.repeat(40)}a` })],
      ['until', inbound('x', { until: '2026-03-02T13:00:00Z' })],
      ['sender', { kind: 'OUTBOUND', conversationId }],
      ['sender', { kind: 'OUTBOUND', conversationId, sender: null }],
      ['agentId', { kind: 'ASSIGN', conversationId, agentId: 'ann' }],
      ['skillId', { kind: 'SKILL', conversationId }],
      ['caseStatus', { kind: 'CASE_STATUS', conversationId }],
      ['caseStatus', { kind: 'CASE_STATUS', conversationId, caseStatus: '' }],
      ['add', { kind: 'TAG', conversationId }],
      ['add', { kind: 'TAG', conversationId, add: [] }],
      ['add[1]', { kind: 'TAG', conversationId, add: ['ok', 'x'.repeat(101)] }],
      ['add[0]', { kind: 'TAG', conversationId, add: [' \t'] }],
      ['remove', { kind: 'TAG', conversationId, remove: Array.from({ length: 51 }, String) }],
      ['of', { kind: 'RECEIPT', conversationId, state: 'READ' }],
      ['state', { kind: 'RECEIPT', conversationId, of: 'm' }],
      ['responseAt', { kind: 'MANUAL_RESPONSE_TIME', conversationId }],
      ['responseAt', { kind: 'MANUAL_RESPONSE_TIME', conversationId, responseAt: '0000-01-01T00:00:00Z' }],
      ['until', { kind: 'HOLD', conversationId, until: '2026-03-02T11:00:00Z' }],
      ['by', { kind: 'END', conversationId }],
      ['by', { kind: 'END', conversationId, by: 'AUTOMATION' }],
      ['by', { kind: 'START', channelId: api.channel, address: 'x', by: 'CUSTOMER' }],
      ['at', inbound('x', { at: '0000-01-01T00:00:00Z' })],
    ];
    const results = await api.record(...cases.map(([, activity]) => activity));
    for (const [index, [field]] of cases.entries()) {
      const where = JSON.stringify(cases[index]);
      expect(results[index], where).toMatchObject({ outcome: 'REFUSED', error: { code: 'INVALID_INPUT' } });
      expect(results[index].error.field, where).toBe(`activities[${index}].${field}`);
      expect(results[index].error.allowed, where).toBeTruthy();
    }
    expect(await countEvents()).toBe(before);
  });

  it('an unknown id is NOT_FOUND, and so is one of another account', async () => {
    const { engine } = api;
    const other = await openOther();
    const [{ conversationId }] = await api.record(inbound('ids'));
    const unknown = (type: 'Agent' | 'Channel' | 'Conversation' | 'Skill') =>
      api.id(type, engine.deps.newId());
    const cases: [string, Record<string, unknown>][] = [
      ['agentId', { kind: 'ASSIGN', conversationId, agentId: unknown('Agent') }],
      ['agentId', { kind: 'ASSIGN', conversationId, agentId: other.agent }],
      ['skillId', { kind: 'SKILL', conversationId, skillId: unknown('Skill') }],
      ['skillId', { kind: 'SKILL', conversationId, skillId: other.skill }],
      ['channelId', { kind: 'INBOUND', channelId: unknown('Channel'), address: 'x' }],
      ['channelId', { kind: 'INBOUND', channelId: other.channel, address: 'x' }],
      ['conversationId', { kind: 'TO_QUEUE', conversationId: unknown('Conversation') }],
      ['conversationId', { kind: 'TO_QUEUE', conversationId: other.conversation }],
    ];
    const results = await api.record(...cases.map(([, activity]) => activity));
    for (const [index, [field]] of cases.entries())
      expect(results[index], JSON.stringify(cases[index])).toMatchObject({
        outcome: 'REFUSED',
        error: { __typename: 'NotFoundError', code: 'NOT_FOUND', field: `activities[${index}].${field}` },
      });
  });

  it('an activity over a minute in the future is refused; up to a minute it is recorded as now', async () => {
    const ahead = (ms: number) => new Date(api.engine.clock.now().getTime() + ms).toISOString();
    const [far, near] = await api.record(
      inbound('ahead', { at: ahead(MINUTE + 1) }),
      inbound('ahead', { at: ahead(MINUTE) }),
    );
    expect(far).toMatchObject({ outcome: 'REFUSED', error: { field: 'activities[0].at' } });
    const { data } = await api.ask('query ($id: ID!) { conversation(id: $id) { lastActivityAt } }', {
      id: near.conversationId,
    });
    expect(data.conversation.lastActivityAt).toBe(ahead(0));
  });

  it('a command on an ended conversation is CONVERSATION_ENDED with its global id', async () => {
    const [{ conversationId }] = await api.record(inbound('ended'));
    const [, end, assign, comment] = await api.record(
      { kind: 'END', conversationId, by: 'AGENT', agentId: api.ann },
      { kind: 'END', conversationId, by: 'AGENT' },
      { kind: 'ASSIGN', conversationId, agentId: api.ann },
      { kind: 'COMMENT', conversationId },
    );
    for (const refused of [end, assign])
      expect(refused).toMatchObject({
        outcome: 'REFUSED',
        error: {
          __typename: 'ConversationEndedError',
          code: 'CONVERSATION_ENDED',
          message: 'the conversation has ended',
          conversationId,
        },
      });
    expect(comment.outcome).toBe('APPLIED');
  });

  it('a command that the status does not allow is NOT_ALLOWED with the command and the status', async () => {
    const [{ conversationId }] = await api.record(inbound('status'));
    const [refused] = await api.record({ kind: 'RELEASE', conversationId });
    expect(refused.error).toMatchObject({ code: 'NOT_ALLOWED', command: 'RELEASE', status: 'WAITING' });
  });
});

/** Creates another account with one object of each type. */
async function openOther() {
  const { deps } = api.engine;
  const accountId = await createAccount(deps, { name: 'other' });
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const agents = await ensureAgents(deps, accountId, ['eve']);
  const skills = await ensureSkills(deps, accountId, ['spies']);
  const [result] = await recordActivities(deps, accountId, [
    { target: { channelId, address: 'x' }, action: { kind: 'INBOUND' } },
  ]);
  return {
    channel: api.id('Channel', channelId),
    agent: api.id('Agent', agents.get('eve') ?? ''),
    skill: api.id('Skill', skills.get('spies') ?? ''),
    conversation: api.id('Conversation', result?.conversationId ?? ''),
  };
}
