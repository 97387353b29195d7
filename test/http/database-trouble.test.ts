import type { Sql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { openRulesCache } from '../../src/rules/rules-cache.ts';
import { openAccess } from '../../src/schema/core/access.ts';
import { depsWith } from '../support/engine.ts';
import { subscribe } from '../support/sse.ts';
import { type BusyApi, type BusyServer, openBusyApi, soon } from './busy-api.ts';

/** Part of each of the database's error messages; no answer may contain it. */
const MARK = 'said-by-the-database';

let busyApi: BusyApi;
let server: BusyServer;
let db: ReturnType<typeof openDatabase>;
/** A session that troubles nobody, and is not troubled. */
let sql: Sql;
let seen: string;
beforeAll(async () => {
  busyApi = await openBusyApi();
  const { api } = busyApi;
  ({ sql } = api.engine.db);
  db = openDatabase(api.engine.address, { connections: 6 });
  const identify = openAccess({ db, clock: api.engine.clock }, null);
  const rules = openRulesCache(db.sql, api.deps.rulesOfAdapter);
  server = await busyApi.serve({}, { ...depsWith(api.engine, { db, rules }), identify });
  await api.engine.writes('known');
  await busyApi.call(
    busyApi.pathOf(busyApi.channels.web),
    busyApi.wire([busyApi.message('first', 'known')]),
    server.url,
  );
  seen = (await api.engine.latest('known')).id;
});
afterAll(async () => {
  await db.close();
  await busyApi.close();
});

/** The error that the next statements that read conversations raise. */
const TROUBLES: [what: string, meets: string][] = [
  ['a statement that takes too long', code('57014')],
  ['a lock that is not to be had', code('55P03')],
  ['a deadlock', code('40P01')],
  ['a serialization failure', code('40001')],
  ['a session that is idle for too long in a transaction', code('25P03')],
  ['a connection that the server ends', 'perform pg_terminate_backend(pg_backend_pid())'],
  ['no room for connections', code('53300')],
  ['a full disk', code('53100')],
  ['a database that can only be read', code('25006')],
  ['a server that stops', code('57P01')],
  ['a file that cannot be read', code('58030')],
];
function code(sqlstate: string): string {
  return `raise exception using errcode = '${sqlstate}', message = '${MARK}', detail = '${MARK}', hint = 'select ${MARK} from conversation'`;
}

/** Lets whoever reads conversations meet something, as long as something else is done. */
async function whileItMeets(meets: string, act: () => Promise<void>): Promise<void> {
  await sql.unsafe(`
    create or replace function meet() returns boolean language plpgsql stable as $$ begin ${meets}; return true; end $$;
    alter table conversation rename to conversation_itself;
    create view conversation as select * from conversation_itself where meet();`);
  try {
    await act();
  } finally {
    await sql.unsafe('drop view conversation; alter table conversation_itself rename to conversation;');
  }
}

type Answered = { errors?: { extensions: { code: string; retryAfterSeconds?: number } }[] };
async function expectUnavailable(what: string, response: Response): Promise<void> {
  const text = await response.text();
  const { errors } = JSON.parse(text) as Answered;
  expect([what, response.status, errors?.map(({ extensions }) => extensions.code)]).toEqual([
    what,
    503,
    ['UNAVAILABLE'],
  ]);
  expect(errors?.[0]?.extensions.retryAfterSeconds).toBe(Number(response.headers.get('retry-after')));
  expect(text).not.toMatch(new RegExp(`${MARK}|conversation_itself|select|meet\\(`, 'i'));
}

describe('a query, a mutation, a subscription and a provider’s call are answered UNAVAILABLE with a time to retry', () => {
  const query = JSON.stringify({ query: '{ conversations(first: 5) { nodes { id status } } }' });
  const UNAVAILABLE = '__typename ... on UnavailableError { code retryAfterSeconds }';
  const end = (id: string) => ({
    query: `mutation ($id: ID!) { endConversation(conversationId: $id, by: AGENT) { ${UNAVAILABLE} } }`,
    variables: { id },
  });
  const record = (channelId: string) => ({
    query: `mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { ${UNAVAILABLE} } }`,
    variables: { input: { activities: [{ kind: 'INBOUND', channelId, address: 'known' }] } },
  });

  it.each(TROUBLES)('when the database reports: %s', async (what, meets) => {
    const { api } = busyApi;
    const listener = await subscribe(
      server.url,
      api.key,
      'subscription { conversationChanged { id status } }',
    );
    await expect.poll(() => api.subscribers(), soon).toBeGreaterThan(0);
    await whileItMeets(meets, async () => {
      await expectUnavailable('query', await busyApi.post(server, query));

      // Told as a member of the union or, of a mutation whose outcome is not known, as an error.
      for (const mutation of [record(api.channel), end(api.id('Conversation', seen))]) {
        const text = await (await busyApi.post(server, JSON.stringify(mutation))).text();
        expect(text).toContain('"code":"UNAVAILABLE"');
        expect(text).toMatch(/"retryAfterSeconds":\d/);
        expect(text).not.toContain(MARK);
      }

      const path = busyApi.pathOf(busyApi.channels.web);
      const called = await busyApi.call(path, busyApi.wire([busyApi.message(what, 'known')]), server.url);
      await expectUnavailable('call', called);

      await api.engine.steps.publish({ accountId: api.engine.accountId, conversationIds: [seen] });
      const told = await listener.next();
      expect(told?.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAVAILABLE']);
      expect(JSON.stringify(told)).not.toContain(MARK);
    });
    listener.stop();
    expect((await busyApi.post(server, query)).status).toBe(200);
  });

  it('when authentication meets the database error', async () => {
    const { api } = busyApi;
    await sql.unsafe(`
      create or replace function meet() returns boolean language plpgsql stable as $$ begin ${code('57014')}; end $$;
      alter table api_key rename to api_key_itself; create view api_key as select * from api_key_itself where meet();
      alter table channel rename to channel_itself; create view channel as select * from channel_itself where meet();`);
    const answers = await Promise.all([
      busyApi.post(server, query),
      subscribe(server.url, api.key, 'subscription { conversationChanged { id } }'),
      busyApi.call(busyApi.pathOf(busyApi.channels.web), busyApi.wire([]), server.url),
    ]);
    await sql.unsafe(`
      drop view api_key; alter table api_key_itself rename to api_key;
      drop view channel; alter table channel_itself rename to channel;`);
    await expectUnavailable('query', answers[0]);
    expect([answers[1].status, Number(answers[1].retryAfter)]).toEqual([503, 5]);
    await expectUnavailable('call', answers[2]);
  });
});
