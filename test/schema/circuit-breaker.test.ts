import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { MINUTE } from '../support/engine.ts';
import { NOBODYS } from '../support/webhook-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const FIELDS = 'circuitBreaker { state failures since why nextAttemptAt }';
const CLOSED = { state: 'CLOSED', failures: 0, since: null, why: null, nextAttemptAt: null };
const shown = async () =>
  (await api.ask(`{ node(id: "${api.channel}") { ... on Channel { ${FIELDS} } } }`)).data.node.circuitBreaker;
const reset = async (channelId: string, key?: string) =>
  (
    await api.ask(
      `mutation { resetChannelCircuitBreaker(channelId: "${channelId}"${key ? `, idempotencyKey: "${key}"` : ''}) {
        __typename ... on Channel { ${FIELDS} } ... on NotFoundError { field } } }`,
    )
  ).data.resetChannelCircuitBreaker;
async function opened(): Promise<{ since: string; nextAttemptAt: string }> {
  const { db, clock, accountId, channelId } = api.engine;
  const until = new Date(clock.now().getTime() + MINUTE);
  await db.sql`
    insert into circuit_breaker (account_id, destination_id, kind, failures, why, opened_at, retry_at)
    values (${accountId}, ${channelId}, 'CHANNEL', 6, 'ECONNREFUSED', ${clock.now()}, ${until})`;
  return { since: clock.now().toISOString(), nextAttemptAt: until.toISOString() };
}

it('a channel shows its circuit breaker: closed, open until the next attempt, and half open from then on', async () => {
  expect(await shown()).toEqual(CLOSED);
  const times = await opened();
  const open = { failures: 6, why: 'ECONNREFUSED', ...times };
  expect(await shown()).toEqual({ state: 'OPEN', ...open });
  api.engine.clock.advance(MINUTE);
  expect(await shown()).toEqual({ state: 'HALF_OPEN', ...open });
});

it('resetChannelCircuitBreaker closes it, acts once per idempotency key, and answers NOT_FOUND for an unknown channel', async () => {
  expect(await reset(api.channel, 'a key')).toEqual({
    ...{ __typename: 'Channel', circuitBreaker: CLOSED },
  });
  await opened();
  expect(await reset(api.channel, 'a key')).toMatchObject({ circuitBreaker: { state: 'OPEN' } });
  expect(await reset(api.channel)).toMatchObject({ circuitBreaker: CLOSED });
  const nobodys = api.id('Channel', NOBODYS);
  expect(await reset(nobodys)).toEqual({ __typename: 'NotFoundError', field: 'channelId' });
});

it('resetChannelCircuitBreaker requires accounts:write', async () => {
  const key = await api.makeKey(['conversations:read', 'conversations:act', 'policies:write']);
  const query = `mutation { resetChannelCircuitBreaker(channelId: "${api.channel}") { __typename } }`;
  const response = await api.post(JSON.stringify({ query }), { authorization: `Bearer ${key}` });
  expect(await response.json()).toEqual({
    data: { resetChannelCircuitBreaker: { __typename: 'ForbiddenError' } },
  });
});
