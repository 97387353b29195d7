import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at, HOUR, MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
const ids: Record<string, string> = {};
beforeAll(async () => {
  api = await openApi(at('12:00'));
  await api.engine.db.sql`update channel set settings = '{"secret": "a secret for the tests"}'`;
  await api.engine.policy({ autoCloseAfter: 'PT5H' });
  await api.engine.policy({ autoCloseAfter: 'PT1H' }, { skillId: api.engine.sales });
  // In order of arrival. By due time: `sold`, `answered`, then the conversations that only the system protection ends.
  await come('waits', {}, false);
  await come('answered', { skillId: api.id('Skill', api.engine.care) }, true);
  await come('sold', { skillId: api.sales }, true);
  await come('sold later', { skillId: api.sales }, true);
  await come('ended', {}, true);
  await api.record({ kind: 'END', conversationId: ids.ended, by: 'AGENT' });
  await api.record({ kind: 'TAG', conversationId: ids['sold later'], add: ['vip'] });
});
afterAll(() => api.close());

async function come(address: string, more: object, isAnswered: boolean): Promise<void> {
  api.engine.clock.advance(MINUTE);
  const where = { channelId: api.channel, address };
  const answer = { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: api.ann };
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', ...where, ...more },
    ...(isAnswered ? [answer] : []),
  );
  ids[address] = conversationId;
}
const PAGE =
  '{ nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }';
const ask = (args: string) => api.ask(`{ conversations(${args}) ${PAGE} }`);
async function list(args: string) {
  const { data, errors } = await ask(args);
  expect(errors, args).toBeUndefined();
  const { nodes, pageInfo } = data.conversations;
  const nameOf = (id: string) => Object.entries(ids).find(([, each]) => each === id)?.[0];
  return { names: nodes.map(({ id }: { id: string }) => nameOf(id)), ...pageInfo };
}
const refusal = async (args: string) =>
  (await api.ask(`{ conversations(${args}) { edges { cursor } } }`)).errors?.[0]?.extensions;
const BY_DUE = ['sold', 'sold later', 'answered', 'waits'];

describe('lists of conversations', () => {
  it('PE-1 are sorted by due time in both directions, across all lanes', async () => {
    expect((await list('orderBy: { field: DUE }')).names).toEqual(BY_DUE);
    expect((await list('orderBy: { field: DUE, direction: DESC }')).names).toEqual(BY_DUE.toReversed());
  });

  it('LL-10 are sorted by last activity, and by start, in both directions', async () => {
    const inOrder = ['waits', 'answered', 'sold', 'sold later'];
    expect((await list('orderBy: { field: LAST_ACTIVITY }')).names).toEqual(inOrder);
    expect((await list('orderBy: { field: LAST_ACTIVITY, direction: DESC }')).names).toEqual(
      inOrder.toReversed(),
    );
    expect((await list('orderBy: { field: STARTED }')).names).toEqual([...inOrder, 'ended']);
    expect((await list('first: 20')).names).toEqual([...inOrder, 'ended'].toReversed());
    expect((await list('filter: { status: [ENDED] }')).names).toEqual(['ended']);
  });

  it('follow a change of rules at once (SP-10)', async () => {
    await api.engine.policy({ autoCloseAfter: 'PT10M' }, { skillId: api.engine.care });
    expect((await list('orderBy: { field: DUE }')).names[0]).toBe('answered');
    await api.engine.policy({ autoCloseAfter: 'PT5H' }, { skillId: api.engine.care });
    expect((await list('orderBy: { field: DUE }')).names).toEqual(BY_DUE);
  });

  it.each(['DUE', 'LAST_ACTIVITY', 'STARTED'])('ordered by %s are paged from either end', async (field) => {
    const order = `orderBy: { field: ${field}, direction: DESC }`;
    const whole = (await list(order)).names;
    const first = await list(`${order}, first: 3`);
    expect(first).toMatchObject({ names: whole.slice(0, 3), hasNextPage: true, hasPreviousPage: false });
    const rest = await list(`${order}, first: 3, after: "${first.endCursor}"`);
    expect(rest).toMatchObject({ names: whole.slice(3), hasNextPage: false, hasPreviousPage: true });
    const end = await list(`${order}, last: 2`);
    expect(end).toMatchObject({ names: whole.slice(-2), hasNextPage: false, hasPreviousPage: true });
    const before = await list(`${order}, last: 2, before: "${end.startCursor}"`);
    expect(before).toMatchObject({ names: whole.slice(-4, -2), hasNextPage: true });
  });

  it.each(['DUE', 'LAST_ACTIVITY'])('ordered by %s apply every filter', async (field) => {
    const through = async (filter: string) =>
      (await list(`orderBy: { field: ${field} }, filter: { ${filter} }`)).names.toSorted();
    expect(await through(`skillId: "${api.sales}"`)).toEqual(['sold', 'sold later']);
    expect(await through('status: [WAITING]')).toEqual(['waits']);
    expect(await through('awaiting: CONSUMER')).toEqual(['answered', 'sold', 'sold later']);
    expect(await through(`channelId: "${api.channel}"`)).toHaveLength(4);
    expect(await through(`agentId: "${api.ann}"`)).toEqual(['answered', 'sold', 'sold later']);
    expect(await through(`agentId: "${api.ann}", tag: "vip", status: [ACTIVE]`)).toEqual(['sold later']);
    expect(await through('tag: "vip"')).toEqual(['sold later']);
    expect(await through('status: []')).toEqual([]);
  });

  it('PE-1 with dueBefore are sorted by due time', async () => {
    const soon = new Date(api.engine.clock.now().getTime() + 2 * HOUR).toISOString();
    const filter = `filter: { dueBefore: "${soon}" }`;
    expect((await list(filter)).names).toEqual(['sold', 'sold later']);
    const latest = 'orderBy: { field: DUE, direction: DESC }';
    expect((await list(`${filter}, ${latest}, first: 1`)).names).toEqual(['sold later']);
  });

  it('refuse invalid arguments by name', async () => {
    for (const name of ['first', 'last'])
      for (const count of [0, -1, 201, 10001])
        expect(await refusal(`${name}: ${count}`)).toEqual({
          ...{ code: 'OUT_OF_BOUNDS', field: name, min: '1', max: '200' },
        });
    const invalid = async (args: string, field: string) =>
      expect(await refusal(args), args).toMatchObject({ code: 'INVALID_INPUT', field });
    await invalid('first: 1, last: 1', 'last');
    await invalid('first: 1, before: "x"', 'before');
    await invalid('last: 1, after: "x"', 'after');
    const due = 'orderBy: { field: DUE }';
    const { startCursor } = await list('first: 1');
    const byActivity = await list('orderBy: { field: LAST_ACTIVITY }');
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    const made = (text: string) => Buffer.from(text).toString('base64url');
    for (const cursor of [
      ...['', 'x', startCursor, byActivity.startCursor, made(`conversation:DUE:due:1:${id}`)],
      ...[made(`conversation:DUE:due:1e9:1:${id}`), made(`conversation:DUE:due:1:999999999999999:${id}`)],
      ...[made(`conversation:DUE:due:1:1:x`), made(`conversation:DUE:soon:1:1:${id}`)],
      made(`conversation:DUE:due:1:1:1:${id}`),
    ]) {
      await invalid(`${due}, after: "${cursor}"`, 'after');
      await invalid(`${due}, last: 1, before: "${cursor}"`, 'before');
    }
    await invalid(`after: "${byActivity.startCursor}"`, 'after');
    await invalid(`${due}, filter: { status: [ACTIVE, ENDED] }`, 'filter.status');
    await invalid(
      'orderBy: { field: LAST_ACTIVITY }, filter: { dueBefore: "2026-03-02T12:00:00Z" }',
      'filter.dueBefore',
    );
    await invalid('filter: { tag: "" }', 'filter.tag');
    for (const [type, field] of [
      ['Skill', 'skillId'],
      ['Channel', 'channelId'],
      ['Agent', 'agentId'],
    ] as const) {
      const unknown = api.id(type, api.engine.deps.newId());
      expect(await refusal(`${due}, filter: { ${field}: "${unknown}" }`)).toEqual({
        ...{ code: 'NOT_FOUND', field: `filter.${field}` },
      });
    }
  });
});

it('pages of 5 and of 200 use the same number of statements, in every order', async () => {
  const skills = [null, api.sales, api.id('Skill', api.engine.care)];
  const where = (n: number) => ({ channelId: api.channel, address: `many ${n}` });
  for (let n = 0; n < 210; n += 30) {
    api.engine.clock.advance(1000);
    const some = Array.from({ length: 30 }, (_, index) => n + index);
    await api.record(
      ...some.flatMap((each) => [
        { kind: 'INBOUND', ...where(each), skillId: skills[each % 3] ?? undefined },
        { kind: 'OUTBOUND', ...where(each), sender: 'AGENT', agentId: each % 2 ? api.ann : api.bob },
      ]),
    );
  }
  for (const order of ['DUE', 'LAST_ACTIVITY', 'STARTED'].flatMap((field) =>
    ['ASC', 'DESC'].map((direction) => ({ field, direction })),
  )) {
    const cost = async (first: number) => {
      const before = api.statements();
      const { data, errors } = await api.ask(
        `query ($first: Int!, $order: ConversationOrder!) { conversations(first: $first, orderBy: $order, filter: { status: [ACTIVE] }) {
          nodes { id due { at timer } endsAt closing { survey closeMessage separator reasons { survey } } agent { name } }
        } }`,
        { first, order },
      );
      expect(errors).toBeUndefined();
      expect(data.conversations.nodes).toHaveLength(first);
      expect(data.conversations.nodes.at(-1)).toMatchObject({
        ...{ due: { timer: 'AUTO_CLOSE' }, closing: { survey: false }, agent: { name: expect.any(String) } },
      });
      return api.statements() - before;
    };
    const small = await cost(5);
    expect(await cost(200), JSON.stringify(order)).toBe(small);
    expect(small).toBeLessThanOrEqual(12);
  }
});

describe('a list ordered by STARTED', () => {
  const SETTINGS = { secret: 'a secret for the tests' };
  /** Creates a channel with this many conversations; `own` has their ids in order of arrival. */
  async function channelWith(count: number) {
    const { deps, accountId } = api.engine;
    const channel = { name: `of ${count}`, adapter: 'web', settings: SETTINGS };
    const channelId = api.id('Channel', await ensureChannel(deps, accountId, channel));
    const own: string[] = [];
    for (let n = 0; n < count; n++) {
      const where = { channelId, address: `${count} ${n}` };
      const answer = { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: n % 2 ? api.ann : api.bob };
      const [{ conversationId }] = await api.record({ kind: 'INBOUND', ...where }, answer);
      own.push(conversationId);
    }
    return { channelId, own };
  }
  const sized = new Map<number, { channelId: string; own: string[] }>();
  beforeAll(async () => {
    for (const count of [1, 2, 3, 4, 5]) sized.set(count, await channelWith(count));
  });
  const MORE = '{ nodes { id agent { name } closing { survey } } pageInfo { hasNextPage hasPreviousPage } }';
  const direct = async (count: number, args: string, fields: string) => {
    const { channelId, own } = sized.get(count) as { channelId: string; own: string[] };
    const query = `{ conversations(filter: { channelId: "${channelId}" }, ${args}) ${fields} }`;
    const { data, errors } = await api.ask(query);
    expect(errors, args).toBeUndefined();
    const { nodes, pageInfo } = data.conversations;
    return { own, nodes, ids: nodes.map(({ id }: { id: string }) => id), pageInfo };
  };

  it.each([
    ['with conversations alone', PAGE],
    ['with related rows', MORE],
  ])('says whether more follows if it has exactly a page, or one more: %s', async (_, fields) => {
    for (const direction of ['ASC', 'DESC'])
      for (const limit of [1, 3, 4])
        for (const count of [limit, limit + 1]) {
          const order = `orderBy: { field: STARTED, direction: ${direction} }`;
          const what = `${direction}, ${limit} of ${count}`;
          const first = await direct(count, `${order}, first: ${limit}`, fields);
          const whole = direction === 'ASC' ? first.own : first.own.toReversed();
          expect(first.ids, what).toEqual(whole.slice(0, limit));
          expect(first.pageInfo, what).toMatchObject({
            hasNextPage: count > limit,
            hasPreviousPage: false,
          });
          const last = await direct(count, `${order}, last: ${limit}`, fields);
          expect(last.ids, what).toEqual(whole.slice(-limit));
          expect(last.pageInfo, what).toMatchObject({ hasNextPage: false, hasPreviousPage: count > limit });
          if (fields !== MORE) continue;
          for (const { ids, nodes, own } of [first, last])
            expect(nodes, what).toEqual(
              ids.map((id: string) => ({
                ...{ id, agent: { name: own.indexOf(id) % 2 ? 'ann' : 'bob' }, closing: { survey: false } },
              })),
            );
        }
  });

  it('reads conversations and related rows in one statement, after the lookup of the key', async () => {
    // Caches the rules.
    await direct(5, 'first: 5', MORE);
    for (const args of ['first: 5', 'last: 2', 'first: 1, orderBy: { field: STARTED }']) {
      const [before, sent] = [api.statements(), api.texts().length];
      await direct(5, args, MORE);
      const texts = api.texts().slice(sent);
      const tables = /\b(?:from|join)\s+(?:conversation|contact|agent)\b/;
      expect(
        texts.filter((text) => tables.test(text)),
        args,
      ).toHaveLength(1);
      // The key, the channel of the filter, and the page.
      expect(api.statements() - before, args).toBe(3);
    }
  });
});
