import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openClient } from '../../examples/client/client.ts';
import { clientTypes } from '../../scripts/client-types.ts';
import { startHttp } from '../../src/http/server.ts';
import { type Api, HTTP_OPTIONS, openApi } from '../http/open-api.ts';
import { feedCaughtUp } from '../support/feed.ts';
import { root } from '../support/run.ts';

let api: Api;
let client: ReturnType<typeof openClient>;
beforeAll(async () => {
  api = await openApi();
  client = openClient(`${api.server.url}/graphql`, api.key);
  const { sql } = api.engine.db;
  const settings = { secret: 'known to this test alone', showSurvey: true, showCloseMessage: true };
  await sql`update channel set settings = ${sql.json(settings)}`;
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
  await api.engine.writes('a customer');
  await api.engine.answers('a customer');
});
afterAll(() => api.close());

describe('examples/client', () => {
  it('has types generated from the current schema (else: npm run generate)', () => {
    expect(readFileSync('examples/client/graphql-env.d.ts', 'utf8')).toBe(clientTypes());
  });

  it('lists the conversations that are due, ends one of them once, and follows the events', async () => {
    const [next] = await client.dueNext(5);
    expect(next).toMatchObject({
      status: 'ACTIVE',
      contact: { address: 'a customer' },
      due: { timer: 'AUTO_CLOSE', willDo: 'END' },
    });
    // @ts-expect-error: the compiler knows what was asked for, and that this was not.
    expect(next?.awaiting).toBeUndefined();
    const id = next?.id as string;
    const done = await client.end(id, 'once');
    expect(done).toMatchObject({ __typename: 'Conversation', id, status: 'ENDED' });
    expect(await client.end(id, 'once')).toEqual(done);
    expect(await client.end(id, 'another')).toMatchObject({
      __typename: 'ConversationEndedError',
      code: 'CONVERSATION_ENDED',
      conversationId: id,
    });

    await feedCaughtUp(api.engine.db.sql);
    const { events, cursor } = await client.eventsAfter(null);
    expect(events.map(({ kind }) => kind)).toEqual(['INBOUND', 'OUTBOUND', 'END']);
    expect(await client.eventsAfter(cursor)).toEqual({ events: [], cursor });
  });

  it("throws the API's error if a request is refused", async () => {
    const stranger = openClient(`${api.server.url}/graphql`, 'no key');
    await expect(stranger.dueNext(1)).rejects.toThrow();
    await expect(client.dueNext(201)).rejects.toThrow('first: from 1 to 200 is allowed');
  });
});

describe('npm start in examples/client', () => {
  let client: ChildProcess;
  let output = '';
  /** Starts the client as `npm start` does, with the modules of this repository. */
  function start(url: string, key: string | undefined) {
    const { start } = JSON.parse(readFileSync('examples/client/package.json', 'utf8')).scripts;
    expect(start).toBe('node main.ts');
    const env = { PATH: process.env.PATH, LULL_URL: `${url}/graphql`, ...(key && { LULL_KEY: key }) };
    client = spawn(process.execPath, ['main.ts'], { cwd: `${root}/examples/client`, env });
    output = '';
    for (const stream of [client.stdout, client.stderr]) stream?.on('data', (chunk) => (output += chunk));
    return client;
  }
  const shows = (line: RegExp) =>
    vi.waitFor(() => expect(output).toMatch(line), { timeout: 60_000, interval: 20 });
  afterEach(() => client.kill('SIGKILL'));

  it('lists conversations, shows changes as they happen, connects again after a loss, and misses nothing', async () => {
    const { engine } = api;
    await engine.writes('listed');
    await engine.answers('listed');
    const first = await startHttp(api.deps, HTTP_OPTIONS);
    start(first.url, api.key);
    await shows(/^ACTIVE +listed +next: AUTO_CLOSE at \S+, ends: \S+$/m);
    await shows(/^live$/m);

    await engine.writes('live');
    await shows(/^WAITING +live +next: /m);
    await engine.does('live', { kind: 'END', by: 'AGENT' });
    await shows(
      /^ENDED +live +ended: COMMAND at \S+, show: the survey, the message "Conversation resolved", a line$/m,
    );

    await first.close();
    await shows(/^lost: /m);
    await engine.writes('missed');
    await feedCaughtUp(engine.db.sql);
    const second = await startHttp(api.deps, { ...HTTP_OPTIONS, port: Number(new URL(first.url).port) });
    await shows(/^WAITING +missed +next: /m);
    await engine.writes('live again');
    await shows(/^WAITING +live again +next: /m);
    // Every revision is shown once.
    expect(output.match(/^ACTIVE +listed /gm)).toHaveLength(1);

    const exited = once(client, 'exit');
    client.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await second.close();
  });

  it('says what is missing without a key, and exits if the key is refused', async () => {
    expect(await once(start(api.server.url, undefined), 'exit')).toEqual([2, null]);
    expect(output).toContain('Set LULL_KEY to an API key');
    expect(await once(start(api.server.url, 'wrong'), 'exit')).toEqual([1, null]);
    expect(output).toContain('Bearer');
  });
});
