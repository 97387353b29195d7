import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import { retain } from '../../src/jobs/retention.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { DAY } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const text = JSON.stringify;
const ERROR = '... on Error { code message ... on ConflictError { field current } }';
async function call(name: string, args: string) {
  const answer = await api.ask(`mutation { ${name}(${args}) { __typename ... on Node { id } ${ERROR} } }`);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name];
}

const keys = async () =>
  (await api.engine.db.sql`select key from idempotency order by key`).map((row) => row.key as string);
async function begun(address: string): Promise<string> {
  await api.engine.writes(address);
  return api.id('Conversation', (await api.engine.latest(address)).id);
}
const feedOf = async (address: string) =>
  (await api.engine.feed((await api.engine.latest(address)).id)).map((event) => event.kind);

describe('a command under an idempotency key', () => {
  it('again answers the same, and changes nothing', async () => {
    const args = `conversationId: ${text(await begun('ended'))}, by: AGENT, idempotencyKey: "end"`;
    const first = await call('endConversation', args);
    expect(first.__typename).toBe('Conversation');
    expect(await call('endConversation', args)).toEqual(first);
    expect(await feedOf('ended')).toEqual(['INBOUND', 'END']);
  });

  it('again answers the same, even once the conversation has gone on', async () => {
    const id = await begun('goes on');
    const args = `conversationId: ${text(id)}, idempotencyKey: "hold"`;
    await call('holdConversation', args);
    await call('endConversation', `conversationId: ${text(id)}, by: AGENT`);
    expect(await call('holdConversation', args)).toEqual({ __typename: 'Conversation', id });
    expect(await feedOf('goes on')).toEqual(['INBOUND', 'HOLD', 'END']);
  });

  it('without it, the same call is another one', async () => {
    const args = `conversationId: ${text(await begun('twice'))}`;
    await call('comment', args);
    await call('comment', args);
    expect(await feedOf('twice')).toEqual(['INBOUND', 'COMMENT', 'COMMENT']);
  });

  it('used for something else is a conflict: other arguments, another command, another conversation', async () => {
    const id = await begun('conflict');
    const other = await begun('conflict, too');
    await call('addTags', `conversationId: ${text(id)}, tags: ["a"], idempotencyKey: "tags"`);
    for (const [name, args] of [
      ['addTags', `conversationId: ${text(id)}, tags: ["b"]`],
      ['removeTags', `conversationId: ${text(id)}, tags: ["a"]`],
      ['addTags', `conversationId: ${text(other)}, tags: ["a"]`],
      ['startConversation', `channelId: ${text(api.channel)}, address: "new", by: AGENT`],
      ['createSkill', 'name: "new"'],
    ] as const)
      expect(await call(name, `${args}, idempotencyKey: "tags"`), name).toMatchObject({
        __typename: 'ConflictError',
        field: 'idempotencyKey',
        current: api.engine.clock.now().toISOString(),
      });
    expect(await feedOf('conflict')).toEqual(['INBOUND', 'TAG']);
    expect(await api.engine.conversations('new')).toEqual([]);
  });

  it('keeps none where the call was refused, so that it may be tried again', async () => {
    const id = await begun('refused');
    const args = `conversationId: ${text(id)}, idempotencyKey: "release"`;
    expect((await call('releaseConversation', args)).__typename).toBe('NotAllowedError');
    expect(await keys()).not.toContain('release');
    await call('holdConversation', `conversationId: ${text(id)}`);
    expect((await call('releaseConversation', args)).__typename).toBe('Conversation');
    expect(await keys()).toContain('release');
  });

  it('of eight calls at once one acts, and all answer the same', async () => {
    const args = `conversationId: ${text(await begun('at once'))}, idempotencyKey: "at once"`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('comment', args)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0].__typename).toBe('Conversation');
    expect(await feedOf('at once')).toEqual(['INBOUND', 'COMMENT']);
  });

  it('of calls for different things at once one acts, and the others are in conflict', async () => {
    const ids = await Promise.all(['one', 'two', 'three', 'four'].map(begun));
    const answers = await Promise.all(
      ids.map((id) => call('comment', `conversationId: ${text(id)}, idempotencyKey: "which"`)),
    );
    expect(answers.map((answer) => answer.__typename).sort()).toEqual([
      ...['ConflictError', 'ConflictError', 'ConflictError', 'Conversation'],
    ]);
  });

  it('cut off before it is committed leaves no key and no change, and the same call then acts', async () => {
    const { sql } = api.engine.db;
    const args = `conversationId: ${text(await begun('cut off'))}, by: AGENT, idempotencyKey: "cut off"`;
    const { contact_id: contactId } = await api.engine.latest('cut off');
    const waiting = async () =>
      (
        await sql`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      )[0]?.pid;
    const { answer } = await inTransaction(sql, async (tx) => {
      await tx`select 1 from contact where id = ${contactId as string} for update`;
      const answer = call('endConversation', args);
      // By now it has its key, and waits for the contact.
      await expect.poll(waiting).toBeDefined();
      await sql`select pg_cancel_backend(${await waiting()})`;
      return { answer: await answer };
    });
    expect(answer).toMatchObject({ __typename: 'UnavailableError', code: 'UNAVAILABLE' });
    expect(await keys()).not.toContain('cut off');
    expect(await feedOf('cut off')).toEqual(['INBOUND']);
    expect((await call('endConversation', args)).__typename).toBe('Conversation');
    expect(await feedOf('cut off')).toEqual(['INBOUND', 'END']);
  });
});

it('a key is kept for a day', async () => {
  const args = `conversationId: ${text(await begun('a day'))}, idempotencyKey: "a day"`;
  await call('comment', args);
  api.engine.clock.advance(DAY);
  expect(await retain(api.engine.deps, null)).toMatchObject({ answers: 0 });
  await call('comment', args);
  expect(await feedOf('a day')).toEqual(['INBOUND', 'COMMENT']);
  api.engine.clock.advance(1);
  await retain(api.engine.deps, null);
  expect(await keys()).toEqual([]);
  await call('comment', args);
  expect(await feedOf('a day')).toEqual(['INBOUND', 'COMMENT', 'COMMENT']);
});

describe('setting up under an idempotency key', () => {
  const settings = '{ secret: "sixteen characters or more" }';
  const made: [mutation: string, args: string, table: string][] = [
    ['createSkill', 'name: "once"', 'skill'],
    ['createAgent', 'input: { name: "once" }', 'agent'],
    ['createChannel', `input: { name: "once", adapterId: "web", settings: ${settings} }`, 'channel'],
    [
      'createCalendar',
      'name: "once", hours: { timeZone: "UTC", weekly: [{ day: 1, from: "09:00", until: "17:00" }] }',
      'calendar',
    ],
  ];
  it.each(made)('%s makes one, and its name is no obstacle to the same call', async (name, args, table) => {
    const keyed = `${args}, idempotencyKey: ${text(name)}`;
    const answers = await Promise.all([call(name, keyed), call(name, keyed)]);
    answers.push(await call(name, keyed));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(answers[0].id).toBeDefined();
    expect((await call(name, args)).__typename).toBe('TakenError');
    const [row] = await api.engine.db
      .sql`select count(*)::int from ${api.engine.db.sql(table)} where name = 'once'`;
    expect(row?.count).toBe(1);
  });
});
