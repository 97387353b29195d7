import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Answer, type Api, openApi } from '../http/open-api.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const ANSWER = `
  __typename
  ... on Conversation {
    id status awaiting held heldUntil caseStatus tags manualResponseAt revision startedBy
    agent { name } skill { name } ending { reason by creditedAgent { name } }
    contact { address } feed(first: 200) { nodes { kind actor agent { name } } }
  }
  ... on Error {
    code message
    ... on InvalidInputError { field allowed }
    ... on NotFoundError { field }
    ... on NotAllowedError { command status }
    ... on ConversationEndedError { conversationId }
    ... on ForbiddenError { scope }
  }`;

/** Calls a mutation; `args` is GraphQL text. */
async function call(name: string, args: string, as?: string) {
  const answer = await api.ask(`mutation { ${name}(${args}) { ${ANSWER} } }`, {}, as);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name];
}
const text = JSON.stringify;

/** Creates a conversation that the customer started and, if wanted, ann answered. */
async function begun(address: string, answered?: 'answered'): Promise<string> {
  await api.engine.writes(address);
  if (answered) await api.engine.answers(address);
  return api.id('Conversation', (await api.engine.latest(address)).id);
}
const later = (ms: number) => new Date(api.engine.clock.now().getTime() + ms).toISOString();

describe('commands', () => {
  it.each(['CUSTOMER', 'AGENT', 'SUPERVISOR', 'BOT'])('PE-14 ends a conversation as %s', async (by) => {
    const id = await begun(`end ${by}`, 'answered');
    expect(await call('endConversation', `conversationId: ${text(id)}, by: ${by}`)).toMatchObject({
      __typename: 'Conversation',
      id,
      status: 'ENDED',
      ending: { reason: 'COMMAND', by, creditedAgent: { name: 'ann' } },
    });
    const again = await call('endConversation', `conversationId: ${text(id)}, by: ${by}`);
    expect(again).toMatchObject({ __typename: 'ConversationEndedError', conversationId: id });
  });

  it('PE-14 no caller can end a conversation as SYSTEM', async () => {
    const id = await begun('as system');
    const { errors } = await api.ask(
      `mutation { endConversation(conversationId: ${text(id)}, by: SYSTEM) { __typename } }`,
    );
    expect(errors?.[0]?.message).toContain('SYSTEM');
    expect(await api.engine.latest('as system')).toMatchObject({ status: 'WAITING' });
  });

  it('SF-12 inactivates a conversation, assigns it and returns it to the queue', async () => {
    const id = await begun('moves', 'answered');
    const on = `conversationId: ${text(id)}`;
    expect(await call('inactivateConversation', on)).toMatchObject({ status: 'INACTIVE' });
    expect(await call('returnToQueue', on)).toMatchObject({ status: 'WAITING', agent: null });
    expect(await call('inactivateConversation', on)).toMatchObject({
      __typename: 'NotAllowedError',
      command: 'INACTIVATE',
      status: 'WAITING',
    });
    expect(await call('assignConversation', `${on}, agentId: ${text(api.bob)}`)).toMatchObject({
      status: 'ACTIVE',
      agent: { name: 'bob' },
    });
  });

  it('PE-6 puts a conversation on hold, with an end or without, and releases it', async () => {
    const on = `conversationId: ${text(await begun('held', 'answered'))}`;
    const until = later(3_600_000);
    expect(await call('holdConversation', `${on}, until: ${text(until)}`)).toMatchObject({
      held: true,
      heldUntil: until,
    });
    expect(await call('holdConversation', on)).toMatchObject({ held: true, heldUntil: null });
    expect(await call('releaseConversation', on)).toMatchObject({ held: false });
    expect(await call('releaseConversation', on)).toMatchObject({
      __typename: 'NotAllowedError',
      command: 'RELEASE',
    });
    expect(await call('holdConversation', `${on}, until: ${text(later(-1))}`)).toMatchObject({
      __typename: 'InvalidInputError',
      field: 'until',
    });
  });

  it('reopens an ended conversation', async () => {
    const on = `conversationId: ${text(await begun('again', 'answered'))}`;
    expect(await call('reopenConversation', on)).toMatchObject({ __typename: 'NotAllowedError' });
    await call('endConversation', `${on}, by: AGENT`);
    expect(await call('reopenConversation', on)).toMatchObject({ status: 'ACTIVE', ending: null });
  });

  it('LP-4, SP-4, PE-7, LP-7 sets and removes skill, case status, tags and a manual response time', async () => {
    const on = `conversationId: ${text(await begun('facts', 'answered'))}`;
    expect(await call('setSkill', `${on}, skillId: ${text(api.sales)}`)).toMatchObject({
      skill: { name: 'sales' },
    });
    expect(await call('setSkill', on)).toMatchObject({ skill: null });
    expect(await call('setCaseStatus', `${on}, caseStatus: "pending"`)).toMatchObject({
      caseStatus: 'pending',
    });
    expect(await call('setCaseStatus', on)).toMatchObject({ caseStatus: null });
    expect(await call('addTags', `${on}, tags: ["a", "b"]`)).toMatchObject({ tags: ['a', 'b'] });
    expect(await call('removeTags', `${on}, tags: ["a"]`)).toMatchObject({ tags: ['b'] });
    const at = later(60_000);
    expect(await call('setManualResponseTime', `${on}, responseAt: ${text(at)}`)).toMatchObject({
      manualResponseAt: at,
    });
    expect(await call('setManualResponseTime', on)).toMatchObject({ manualResponseAt: null });
    const { feed } = await call('comment', `${on}, agentId: ${text(api.ann)}`);
    expect(feed.nodes.at(-1)).toEqual({ kind: 'COMMENT', actor: 'AGENT', agent: { name: 'ann' } });
  });

  it('SF-9 starts a conversation; a second start is refused while it is open', async () => {
    const whom = `channelId: ${text(api.channel)}, address: "called"`;
    expect(await call('startConversation', `${whom}, by: AUTOMATION`)).toMatchObject({
      status: 'NEW',
      startedBy: 'AUTOMATION',
      contact: { address: 'called' },
    });
    expect(await call('startConversation', `${whom}, by: AGENT`)).toMatchObject({
      __typename: 'NotAllowedError',
      command: 'START',
    });
  });

  it('records the agent that the request acts as, except for commands in another role', async () => {
    const id = await begun('acting');
    const act = async (mutation: string) => {
      const query = `mutation { ${mutation} { ... on Conversation { feed(first: 200) { nodes { kind actor agent { name } } } } } }`;
      const response = await api.post(text({ query }), { 'x-lull-agent': api.bob });
      const { data } = (await response.json()) as Answer;
      return Object.values<Answer['data']>(data)[0].feed.nodes.at(-1);
    };
    const on = `conversationId: ${text(id)}`;
    const bob = { name: 'bob' };
    expect(await act(`comment(${on})`)).toEqual({ kind: 'COMMENT', actor: 'AGENT', agent: bob });
    expect(await act(`comment(${on}, agentId: ${text(api.ann)})`)).toMatchObject({ agent: { name: 'ann' } });
    expect(await act(`endConversation(${on}, by: CUSTOMER)`)).toEqual({
      ...{ kind: 'END', actor: 'CUSTOMER', agent: null },
    });
  });

  it('SP-12 each command is in the feed with its actor', async () => {
    const id = await begun('fed');
    const { feed } = await call('endConversation', `conversationId: ${text(id)}, by: SUPERVISOR`);
    expect(feed.nodes.at(-1)).toMatchObject({ kind: 'END', actor: 'SUPERVISOR' });
  });
});

describe('a refused command changes nothing:', () => {
  const MALFORMED: [mutation: string, args: string, field: string][] = [
    ['endConversation', 'conversationId: "nonsense", by: AGENT', 'conversationId'],
    ['comment', 'conversationId: ""', 'conversationId'],
    ['assignConversation', 'conversationId: ID, agentId: "QWdlbnQ6MQ=="', 'agentId'],
    ['setSkill', 'conversationId: ID, skillId: ID', 'skillId'],
    ['setCaseStatus', `conversationId: ID, caseStatus: ${text('x'.repeat(101))}`, 'caseStatus'],
    ['setCaseStatus', 'conversationId: ID, caseStatus: ""', 'caseStatus'],
    ['addTags', 'conversationId: ID, tags: []', 'tags'],
    ['addTags', 'conversationId: ID, tags: ["ok", ""]', 'tags[1]'],
    ['removeTags', 'conversationId: ID, tags: ["\\u0000"]', 'tags[0]'],
    ['setManualResponseTime', 'conversationId: ID, responseAt: "1960-01-01T00:00:00Z"', 'responseAt'],
    ['endConversation', 'conversationId: ID, by: AGENT, idempotencyKey: ""', 'idempotencyKey'],
    ['startConversation', 'channelId: ID, address: "x", by: AGENT', 'channelId'],
  ];
  it.each(MALFORMED)('%s with %s', async (name, args, field) => {
    const id = await begun('malformed');
    const before = await api.engine.latest('malformed');
    expect(await call(name, args.replaceAll(': ID', `: ${text(id)}`))).toMatchObject({
      __typename: 'InvalidInputError',
      field,
    });
    expect(await api.engine.latest('malformed')).toEqual(before);
  });

  it('ids of another account are answered like unknown ones', async () => {
    const { deps } = api.engine;
    const other = await createAccount(deps, { name: 'other' });
    const channelId = await ensureChannel(deps, other, { name: 'web', adapter: 'web', settings: {} });
    const key = await api.makeKey(['conversations:act', 'conversations:read'], other);
    const id = await begun('mine');
    const before = await api.engine.latest('mine');
    for (const [name, extra] of [
      ['endConversation', ', by: AGENT'],
      ['inactivateConversation', ''],
      ['holdConversation', ''],
      ['releaseConversation', ''],
      ['reopenConversation', ''],
      ['returnToQueue', ''],
      ['setSkill', ''],
      ['setCaseStatus', ''],
      ['setManualResponseTime', ''],
      ['addTags', ', tags: ["x"]'],
      ['removeTags', ', tags: ["x"]'],
      ['comment', ''],
    ] as const)
      expect(await call(name, `conversationId: ${text(id)}${extra}`, key), name).toEqual({
        __typename: 'NotFoundError',
        code: 'NOT_FOUND',
        message: 'conversationId: no such conversation',
        field: 'conversationId',
      });
    const foreign = api.id('Channel', channelId);
    expect(
      await call('startConversation', `channelId: ${text(foreign)}, address: "x", by: AGENT`),
    ).toMatchObject({ __typename: 'NotFoundError', field: 'channelId' });
    expect(
      await call('assignConversation', `conversationId: ${text(id)}, agentId: ${text(api.ann)}`, key),
    ).toMatchObject({ __typename: 'NotFoundError' });
    expect(await api.engine.latest('mine')).toEqual(before);
  });

  it('a key without conversations:act is refused', async () => {
    const key = await api.makeKey(['conversations:read', 'activities:write', 'policies:write']);
    const id = await begun('no scope');
    expect(await call('endConversation', `conversationId: ${text(id)}, by: AGENT`, key)).toMatchObject({
      __typename: 'ForbiddenError',
      scope: 'conversations:act',
    });
    expect(await api.engine.latest('no scope')).toMatchObject({ status: 'WAITING' });
  });
});
