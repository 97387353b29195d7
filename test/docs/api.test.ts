import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR, MINUTE } from '../support/engine.ts';
import { feedCaughtUp } from '../support/feed.ts';
import { inBandErrors } from '../support/in-band-errors.ts';
import { subscribe } from '../support/sse.ts';

const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const REQUEST = /<!-- (\w+) -->\n```graphql\n([\s\S]*?)```\n(?:\n```json\n([\s\S]*?)```\n)?/g;
const requests = [...page.matchAll(REQUEST)].map(([, name, query, answer]) => ({
  name: name as string,
  query: query as string,
  answer: answer ?? '',
}));
const inCommands = [...page.matchAll(/-d '(\{"query".*\})'/g)].map(([, body]) => body as string);

let api: Api;
let variables: Record<string, string>;
beforeAll(async () => {
  api = await openApi(new Date('2026-11-20T10:00:00Z'));
  const { engine } = api;
  const settings = { secret: 'known to this test alone' };
  await engine.db.sql`update channel set settings = ${engine.db.sql.json(settings)}`;
  await engine.policy({ autoCloseAfter: 'PT2H' });
  for (const address of ['+31600000001', '+31600000002']) {
    await engine.writes(address);
    await engine.answers(address);
  }
  await engine.runUntil(new Date(engine.clock.now().getTime() + 2 * HOUR));
  for (const address of ['+31600000003', '+31600000004']) {
    engine.clock.advance(MINUTE);
    await engine.writes(address);
    await engine.answers(address);
  }
  engine.clock.advance(MINUTE);
  await feedCaughtUp(engine.db.sql);
  const cursor = (await api.ask('{ eventsCursor }')).data.eventsCursor;
  variables = { channel: api.channel, agent: api.ann, skill: api.sales, cursor };
});
afterAll(() => api.close());

/** Replaces values that differ in each run by their type. */
function normalised(text: string): unknown {
  return JSON.parse(text, (_, value) => {
    if (typeof value !== 'string') return value;
    if (/^\d{4}-\d\d-\d\dT/.test(value)) return 'an instant';
    if (/^key:/.test(value)) return 'a key';
    const decoded = Buffer.from(value, 'base64').toString('utf8');
    return /^[A-Za-z]+:[\w:-]+$/.test(decoded) ? decoded.split(':')[0] : value;
  });
}

/** Runs a request of the page with the variables it declares; a subscription until its first message. */
async function run(query: string): Promise<string> {
  const declared = Object.entries(variables).filter(([name]) => query.includes(`$${name}:`));
  if (!query.startsWith('subscription')) {
    if (query.includes('events(')) await feedCaughtUp(api.engine.db.sql);
    const answer = await api.ask(query, Object.fromEntries(declared));
    const recorded = answer.data?.recordActivities?.results[0]?.conversationId;
    if (recorded) variables.conversation = recorded;
    return JSON.stringify(answer);
  }
  const listener = await subscribe(api.server.url, api.key, query, Object.fromEntries(declared));
  await api.engine.writes('+31600000005', { skillId: api.engine.sales });
  await api.engine.does('+31600000005', { kind: 'END', by: 'CUSTOMER' });
  const told = await listener.next();
  listener.stop();
  return JSON.stringify(told);
}

describe('docs/api.md', () => {
  it('shows exactly the requests that this test runs', () => {
    const all = page.match(/```graphql/g) ?? [];
    expect(requests).toHaveLength(all.length);
    expect(requests.length).toBeGreaterThanOrEqual(13);
  });

  it.each(requests)(
    '$name: the request returns the answer that the page shows',
    async ({ query, answer }) => {
      expect(answer, 'an answer is shown').not.toBe('');
      expect(normalised(await run(query))).toEqual(normalised(answer));
    },
  );

  it('shows a failed request only in the section about errors', () => {
    const failing = requests.filter(({ answer }) => 'errors' in JSON.parse(answer));
    expect(failing.map(({ name }) => name)).toEqual(['errors']);
  });

  it.each(inCommands)('the request %s is answered without errors', async (body) => {
    const { query } = JSON.parse(body) as { query: string };
    if (query.startsWith('subscription')) {
      const listener = await subscribe(api.server.url, api.key, query);
      expect([listener.status, listener.type]).toEqual([200, expect.stringContaining('text/event-stream')]);
      listener.stop();
      return;
    }
    const answer = await api.ask(query);
    expect(answer).toEqual({ data: expect.anything() });
    expect(inBandErrors(answer.data)).toEqual([]);
  });

  it('shows an error inside data only in three requests about errors', () => {
    const failing = requests.filter(({ answer }) => inBandErrors(JSON.parse(answer).data).length > 0);
    expect(failing.map(({ name }) => name)).toEqual(['record', 'again', 'bounds']);
  });
});
