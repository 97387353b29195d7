import type { EndpointRow } from '../../db/rows/webhook-endpoints.ts';
import { readDeliveryPage } from '../../delivery/webhooks/delivery-log.ts';
import { NotFoundError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import { listEndpoints, readEndpoints } from '../../rules/endpoint-rows.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import type { Context } from '../core/context.ts';
import { Channel } from '../core/named.ts';
import { WebhookDeliveryConnection } from './webhook-delivery.ts';

const LIST = 'delivery';

/** An endpoint for webhooks out. */
export const WebhookEndpoint = builder.objectRef<EndpointRow>('WebhookEndpoint');
builder.node(WebhookEndpoint, {
  name: 'WebhookEndpoint',
  description:
    'A URL of yours that receives events, in calls signed by the Standard Webhooks specification. Its secret cannot be read again. All fields need the scope `accounts:write`.',
  authScopes: { scope: 'accounts:write' },
  id: { resolve: ({ id }) => id, description: 'The global id: unique across all types, opaque.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readEndpoints(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    url: t.exposeString('url', { description: 'The URL that receives the events.' }),
    events: t.exposeStringList('events', {
      description: 'The types of the events it receives, such as `conversation.ended`.',
    }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel whose conversations it receives events of; null for all channels.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the endpoint was created.',
      resolve: ({ createdAt }) => createdAt,
    }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Since when nothing is sent to it, because it was disabled or answered 410. Null: it is enabled.',
      resolve: ({ disabledAt }) => disabledAt,
    }),
    failures: t.int({
      description:
        'The number of failed attempts in a row; at 10 its circuit breaker opens. The same as `circuitBreaker.failures`.',
      resolve: async ({ id }, _args, { load }) => (await load.circuit(id))?.failures ?? 0,
    }),
    heldBackUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Until when its circuit breaker stays open: a minute after 10 failures in a row, then doubled up to 30 minutes. Waiting events are sent afterwards. Null: it is closed. `circuitBreaker` has more.',
      async resolve({ id }, _args, { deps, load }) {
        const retryAt = (await load.circuit(id))?.retryAt ?? null;
        return retryAt !== null && retryAt > deps.clock.now() ? retryAt : null;
      },
    }),
    formerSecretUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the former secret also signs; null if it does not.',
      resolve: ({ previousSecretUntil }, _args, { deps }) =>
        previousSecretUntil !== null && previousSecretUntil > deps.clock.now() ? previousSecretUntil : null,
    }),
    deliveries: t.field({
      type: WebhookDeliveryConnection,
      description: 'All attempts to send to it, the newest first, kept for 30 days.',
      args: pageArgs(20),
      async resolve({ id }, args, { accountId, reads }) {
        const page = readPageArgs(args, LIST, isUuid);
        const rows = await readDeliveryPage(reads.sql, accountId, id, {
          after: page.after,
          limit: page.limit + 1,
        });
        return toConnection(rows, page, LIST, (delivery) => delivery.id);
      },
    }),
  }),
});

builder.queryField('webhookEndpoints', (t) =>
  t.field({
    type: [WebhookEndpoint],
    description:
      'All webhook endpoints of the account, the oldest first, disabled ones included; at most 50. Needs only the scope `accounts:write`.',
    skipTypeScopes: true,
    authScopes: { scope: 'accounts:write' },
    resolve: (_root, _args, { accountId, reads }) => listEndpoints(reads.sql, accountId),
  }),
);

/** The endpoint that something was done to. @throws NotFoundError where it was deleted meanwhile */
export async function endpointOf({ accountId, reads }: Context, id: string): Promise<EndpointRow> {
  const [endpoint] = await readEndpoints(reads.sql, accountId, [id]);
  if (!endpoint) throw new NotFoundError('endpointId', 'endpoint');
  return endpoint;
}
