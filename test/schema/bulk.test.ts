import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
  await api.engine.policy({ autoCloseAfter: 'P1D' });
});
beforeEach(async () => {
  await end({ by: 'SUPERVISOR', filter: {} });
});
afterAll(() => api.close());

const END = /* GraphQL */ `
  mutation ($filter: ConversationFilter!, $by: Ender!, $limit: Int) {
    endConversations(filter: $filter, by: $by, limit: $limit) {
      __typename
      ... on EndedConversations {
        remaining
        results { conversationId conversation { status ending { by reason } } error { __typename code } }
      }
      ... on Error { code ... on OutOfBoundsError { field min max } ... on InvalidInputError { field } ... on NotFoundError { field } ... on ForbiddenError { scope } }
    }
  }
`;
async function end(variables: Record<string, unknown>, as?: string) {
  const answer = await api.ask(END, { limit: 1000, ...variables }, as);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data.endConversations;
}
async function open(...addresses: string[]) {
  for (const address of addresses) await api.engine.writes(address);
}
const status = async (address: string) => (await api.engine.latest(address)).status;

describe('endConversations', () => {
  it('PE-14 ends the conversations that pass the filter and no others, with a result for each', async () => {
    const { engine } = api;
    await open('a', 'b');
    await engine.writes('in sales', { skillId: engine.sales });
    const answer = await end({ filter: { skillId: api.sales }, by: 'SUPERVISOR' });
    expect(answer).toEqual({
      __typename: 'EndedConversations',
      remaining: false,
      results: [
        {
          conversationId: api.id('Conversation', (await engine.latest('in sales')).id),
          conversation: { status: 'ENDED', ending: { by: 'SUPERVISOR', reason: 'COMMAND' } },
          error: null,
        },
      ],
    });
    expect([await status('a'), await status('b')]).toEqual(['WAITING', 'WAITING']);
    expect((await end({ filter: {}, by: 'BOT' })).results).toHaveLength(2);
  });

  it('ends at most `limit` conversations, the least recently active first, and says if more remain', async () => {
    for (const address of ['first', 'second', 'third']) {
      await open(address);
      api.engine.clock.advance(1000);
    }
    const answer = await end({ filter: {}, by: 'AGENT', limit: 2 });
    expect([answer.results.length, answer.remaining]).toEqual([2, true]);
    expect(await Promise.all(['first', 'second', 'third'].map(status))).toEqual([
      'ENDED',
      'ENDED',
      'WAITING',
    ]);
    const rest = await end({ filter: {}, by: 'AGENT', limit: 2 });
    expect([rest.results.length, rest.remaining]).toEqual([1, false]);
    expect(await end({ filter: {}, by: 'AGENT' })).toMatchObject({ results: [], remaining: false });
  });

  it('PE-1 ends the conversations that are due before `dueBefore`', async () => {
    const { engine } = api;
    await open('due', 'due later', 'not due');
    await engine.answers('due');
    engine.clock.advance(2 * HOUR);
    await engine.answers('due later');
    const dueBefore = new Date(engine.clock.now().getTime() + 23 * HOUR).toISOString();
    expect((await end({ filter: { dueBefore }, by: 'AGENT' })).results).toHaveLength(1);
    expect(await Promise.all(['due', 'due later', 'not due'].map(status))).toEqual([
      ...['ENDED', 'ACTIVE', 'WAITING'],
    ]);
  });

  it('uses a constant number of statements for 1,000 conversations and records an END event for each', async () => {
    const { engine } = api;
    const target = (n: number) => ({ channelId: engine.channelId, address: `bulk ${n}` });
    const writes = (from: number, to: number) =>
      engine.apply(
        ...Array.from({ length: to - from }, (_, n) => ({
          target: target(from + n),
          action: { kind: 'INBOUND' } as const,
        })),
      );
    await writes(0, 10);
    const counted = async () => {
      const before = api.statements();
      const answer = await api.ask(
        'mutation { endConversations(filter: {}, by: AGENT) { ... on EndedConversations { remaining results { error { code } } } } }',
      );
      return { statements: api.statements() - before, ...answer.data.endConversations };
    };
    const few = await counted();
    await writes(10, 1010);
    const many = await counted();
    expect(many.results).toHaveLength(1000);
    expect(many).toMatchObject({ remaining: false, statements: few.statements });
    const [row] = await engine.db.sql`select count(*)::int from event where kind = 'END' and actor = 'AGENT'
      and conversation_id in (select conversation.id from conversation join contact on contact.id = contact_id where address like 'bulk %')`;
    expect(row?.count).toBe(1010);
  });
});

describe('a refused endConversations ends nothing:', () => {
  it('with a limit out of bounds, an unknown skill, the status ENDED or a malformed id', async () => {
    await open('stays');
    for (const limit of [0, -1, 1001])
      expect(await end({ filter: {}, by: 'AGENT', limit })).toMatchObject({
        __typename: 'OutOfBoundsError',
        ...{ field: 'limit', min: '1', max: '1000' },
      });
    const unknown = api.id('Skill', api.engine.deps.newId());
    expect(await end({ filter: { skillId: unknown }, by: 'AGENT' })).toMatchObject({
      __typename: 'NotFoundError',
      field: 'filter.skillId',
    });
    expect(await end({ filter: { channelId: api.sales }, by: 'AGENT' })).toMatchObject({
      __typename: 'InvalidInputError',
      field: 'filter.channelId',
    });
    expect(await end({ filter: { status: ['ENDED'] }, by: 'AGENT' })).toMatchObject({
      __typename: 'InvalidInputError',
      field: 'filter.status',
    });
    expect(await status('stays')).toBe('WAITING');
  });

  it('with a key that lacks conversations:act', async () => {
    await open('stays, too');
    const key = await api.makeKey(['conversations:read', 'activities:write']);
    expect(await end({ filter: {}, by: 'AGENT' }, key)).toMatchObject({ scope: 'conversations:act' });
    expect(await status('stays, too')).toBe('WAITING');
  });
});
