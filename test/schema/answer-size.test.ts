import { afterAll, beforeAll, expect, it } from 'vitest';
import { MAX_ANSWER_BYTES } from '../../src/db/rows/bounded.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const TOO_LARGE = [{ extensions: { code: 'TOO_LARGE', max: MAX_ANSWER_BYTES } }];

/** Creates a conversation with this many bytes of tags. */
async function withTags(address: string, bytes: number): Promise<string> {
  const { engine } = api;
  await engine.writes(address);
  const { id } = await engine.latest(address);
  await engine.db.sql`
    update conversation set tags = array(select md5(number::text) || repeat('x', 968) from generate_series(1, ${bytes / 1000}::int) as number)
    where account_id = ${engine.accountId} and id = ${id}`;
  return api.id('Conversation', id);
}

it('a page with over 5 MB of tags is TOO_LARGE with the limit and is not read', async () => {
  for (const at of [1, 2, 3, 4, 5, 6]) await withTags(`long ${at}`, 1_000_000);
  const page = (first: number) => api.ask(`{ conversations(first: ${first}) { nodes { id tags } } }`);
  expect((await page(6)).errors).toMatchObject(TOO_LARGE);
  const { data, errors } = await page(3);
  expect(errors).toBeUndefined();
  expect(data.conversations.nodes[0].tags).toHaveLength(1_000);
});

it('a response that repeats the same tags to over 5 MB is TOO_LARGE', async () => {
  const id = await withTags('again', 400_000);
  const again = (times: number) =>
    `query ($id: ID!) { ${Array.from({ length: times }, (_, at) => `a${at}: conversation(id: $id) { tags }`).join(' ')} }`;
  expect((await api.ask(again(30), { id })).errors).toMatchObject(TOO_LARGE);
  expect((await api.ask(again(5), { id })).errors).toBeUndefined();
});

it('a feed with over 5 MB of event data is TOO_LARGE', async () => {
  const { engine } = api;
  await engine.writes('telling');
  const { id } = await engine.latest('telling');
  await engine.db.sql`
    update event set data = jsonb_build_object('add', array(select md5(number::text) || repeat('y', 968) from generate_series(1, 6000) as number))
    where account_id = ${engine.accountId} and conversation_id = ${id}`;
  const feed = 'query ($id: ID!) { conversation(id: $id) { feed { nodes { tagsAdded } } } }';
  expect((await api.ask(feed, { id: api.id('Conversation', id) })).errors).toMatchObject(TOO_LARGE);
});
