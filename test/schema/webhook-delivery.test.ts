import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { type WebhookApi, webhookApi } from '../support/webhook-api.ts';

let api: Api;
let hooks: WebhookApi;
beforeAll(async () => {
  api = await openApi();
  hooks = webhookApi(api);
});
beforeEach(async () => {
  await api.engine.db.sql`delete from webhook_endpoint`;
  await api.engine.db.sql`delete from outbox`;
});
afterAll(() => api.close());

describe('the deliveries of an endpoint:', () => {
  const DELIVERY = 'id eventId type at tookMs status error';

  it('lists every attempt in pages, the newest first', async () => {
    const { endpoint } = await hooks.made();
    const { endpoint: another } = await hooks.made();
    await hooks.delivered(another.id, 200);
    const ids: string[] = [];
    for (const status of [500, null, 200, 200, 503]) ids.push(await hooks.delivered(endpoint.id, status));
    const page = (after: string) =>
      api.ask(`{ node(id: "${endpoint.id}") { ... on WebhookEndpoint { deliveries(first: 2${after}) {
        nodes { ${DELIVERY} } pageInfo { hasNextPage endCursor } } } } }`);
    const seen: { id: string }[] = [];
    let after = '';
    for (let hasNextPage = true; hasNextPage; ) {
      const { deliveries } = (await page(after)).data.node;
      seen.push(...deliveries.nodes);
      hasNextPage = deliveries.pageInfo.hasNextPage;
      after = `, after: "${deliveries.pageInfo.endCursor}"`;
    }
    expect(seen.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(seen[0]).toEqual({
      ...{ id: ids[4], eventId: expect.any(String), type: 'conversation.ended', tookMs: 12 },
      ...{ at: api.engine.clock.now().toISOString(), status: 503, error: 'answered 503' },
    });
    expect((await page(', after: "x"')).errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }]);
  });

  it('redeliverWebhook enqueues the event again under its id, once per idempotency key', async () => {
    const { endpoint } = await hooks.made();
    const delivery = await hooks.delivered(endpoint.id, 200);
    const [before] = await api.engine.db.sql`select id from outbox`;
    const redeliver = () =>
      hooks.mutate(
        'redeliverWebhook',
        `deliveryId: "${delivery}", idempotencyKey: "again ${delivery}"`,
        '... on OwedWebhook { eventId endpoint { id } }',
      );
    expect(await redeliver()).toEqual({ eventId: before?.id, endpoint: { id: endpoint.id } });
    expect([...(await api.engine.db.sql`select id, state, attempts from outbox`)]).toEqual([
      { id: before?.id, state: 'PENDING', attempts: 0 },
    ]);
    await api.engine.db.sql`update outbox set state = 'SENT'`;
    expect(await redeliver()).toEqual({ eventId: before?.id, endpoint: { id: endpoint.id } });
    expect([...(await api.engine.db.sql`select state from outbox`)]).toEqual([{ state: 'SENT' }]);
  });

  it('sendTestWebhook enqueues a test event at once; for a disabled endpoint it is refused, and so is a redelivery', async () => {
    const { endpoint } = await hooks.made();
    const delivery = await hooks.delivered(endpoint.id, 200);
    await api.engine.db.sql`delete from outbox`;
    const test = () =>
      hooks.mutate('sendTestWebhook', `endpointId: "${endpoint.id}"`, '... on OwedWebhook { eventId }');
    const { eventId } = await test();
    expect([...(await api.engine.db.sql`select id, state, payload->>'type' as type from outbox`)]).toEqual([
      { id: eventId, state: 'PENDING', type: 'test' },
    ]);
    await hooks.on('disableWebhookEndpoint', endpoint.id);
    expect(await test()).toMatchObject({ __typename: 'InvalidInputError', field: 'endpointId' });
    const redelivered = await hooks.mutate('redeliverWebhook', `deliveryId: "${delivery}"`, '__typename');
    expect(redelivered).toMatchObject({ __typename: 'InvalidInputError', field: 'deliveryId' });
  });
});
