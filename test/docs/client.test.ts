import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClient } from '../../examples/client/client.ts';
import { clientTypes } from '../../scripts/client-types.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { feedCaughtUp } from '../support/feed.ts';

let api: Api;
let client: ReturnType<typeof openClient>;
beforeAll(async () => {
  api = await openApi();
  client = openClient(`${api.server.url}/graphql`, api.key);
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
