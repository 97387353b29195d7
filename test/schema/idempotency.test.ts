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
  it('changes nothing when repeated and returns the first result', async () => {
    const args = `conversationId: ${text(await begun('ended'))}, by: AGENT, idempotencyKey: "end"`;
    const first = await call('endConversation', args);
    expect(first.__typename).toBe('Conversation');
    expect(await call('endConversation', args)).toEqual(first);
    expect(await feedOf('ended')).toEqual(['INBOUND', 'END']);
  });

  it('returns the same object when repeated after the conversation has changed', async () => {
    const id = await begun('goes on');
    const args = `conversationId: ${text(id)}, idempotencyKey: "hold"`;
    await call('holdConversation', args);
    await call('endConversation', `conversationId: ${text(id)}, by: AGENT`);
    expect(await call('holdConversation', args)).toEqual({ __typename: 'Conversation', id });
    expect(await feedOf('goes on')).toEqual(['INBOUND', 'HOLD', 'END']);
  });

  it('acts again when repeated without a key', async () => {
    const args = `conversationId: ${text(await begun('twice'))}`;
    await call('comment', args);
    await call('comment', args);
    expect(await feedOf('twice')).toEqual(['INBOUND', 'COMMENT', 'COMMENT']);
  });

  it('is a CONFLICT if the key is used with other arguments, another command or another conversation', async () => {
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

  it('keeps no key if it was refused, so it can be repeated', async () => {
    const id = await begun('refused');
    const args = `conversationId: ${text(id)}, idempotencyKey: "release"`;
    expect((await call('releaseConversation', args)).__typename).toBe('NotAllowedError');
    expect(await keys()).not.toContain('release');
    await call('holdConversation', `conversationId: ${text(id)}`);
    expect((await call('releaseConversation', args)).__typename).toBe('Conversation');
    expect(await keys()).toContain('release');
  });

  it('acts once for eight concurrent calls, and all return the same result', async () => {
    const args = `conversationId: ${text(await begun('at once'))}, idempotencyKey: "at once"`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('comment', args)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0].__typename).toBe('Conversation');
    expect(await feedOf('at once')).toEqual(['INBOUND', 'COMMENT']);
  });

  it('acts once for concurrent calls with different arguments; the others are CONFLICT', async () => {
    const ids = await Promise.all(['one', 'two', 'three', 'four'].map(begun));
    const answers = await Promise.all(
      ids.map((id) => call('comment', `conversationId: ${text(id)}, idempotencyKey: "which"`)),
    );
    expect(answers.map((answer) => answer.__typename).sort()).toEqual([
      ...['ConflictError', 'ConflictError', 'ConflictError', 'Conversation'],
    ]);
  });

  it('leaves neither a key nor a change if it is cut off before the commit; the repeated call acts', async () => {
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
      // The call holds its key now and waits for the lock of the contact.
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

it('an idempotency key is kept for 24 hours', async () => {
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

describe('a mutation that creates an object under an idempotency key', () => {
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
  it.each(made)(
    '%s acts once; the repeated call returns the object although its name is taken',
    async (name, args, table) => {
      const keyed = `${args}, idempotencyKey: ${text(name)}`;
      const answers = await Promise.all([call(name, keyed), call(name, keyed)]);
      answers.push(await call(name, keyed));
      expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
      expect(answers[0].id).toBeDefined();
      expect((await call(name, args)).__typename).toBe('TakenError');
      const [row] = await api.engine.db
        .sql`select count(*)::int from ${api.engine.db.sql(table)} where name = 'once'`;
      expect(row?.count).toBe(1);
    },
  );
});
