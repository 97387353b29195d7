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
    'An address that is told of events, by calls that are signed as Standard Webhooks has it. Its secret cannot be read again. Everything here needs the scope `accounts:write`.',
  authScopes: { scope: 'accounts:write' },
  id: { resolve: ({ id }) => id, description: 'Unique over all types.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readEndpoints(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    url: t.exposeString('url', { description: 'Where it is.' }),
    events: t.exposeStringList('events', {
      description: 'What it is told of, such as `conversation.ended`.',
    }),
    channel: t.field({
      type: Channel,
      nullable: true,
      description: 'The channel of whose conversations it is told; null: of all.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Since when nothing is sent there: somebody disabled it, or it answered 410. Null: it is not disabled.',
      resolve: ({ disabledAt }) => disabledAt,
    }),
    failures: t.int({
      description:
        'Attempts that have failed in a row; at 10 it is held back. The same as `circuitBreaker.failures`.',
      resolve: async ({ id }, _args, { load }) => (await load.circuit(id))?.failures ?? 0,
    }),
    heldBackUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Until when nothing is sent there, after 10 failures in a row: a minute at first, doubled up to 30 minutes while it goes on failing. What is owed waits. Null: it is not held back. `circuitBreaker` says more.',
      async resolve({ id }, _args, { deps, load }) {
        const retryAt = (await load.circuit(id))?.retryAt ?? null;
        return retryAt !== null && retryAt > deps.clock.now() ? retryAt : null;
      },
    }),
    formerSecretUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the secret before this one signs too; null: it does not.',
      resolve: ({ previousSecretUntil }, _args, { deps }) =>
        previousSecretUntil !== null && previousSecretUntil > deps.clock.now() ? previousSecretUntil : null,
    }),
    deliveries: t.field({
      type: WebhookDeliveryConnection,
      description: 'Every attempt to send there, the newest first; kept for 30 days.',
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
      "The account's endpoints, the oldest first, disabled ones among them; 50 at most. Needs the scope `accounts:write` alone.",
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
