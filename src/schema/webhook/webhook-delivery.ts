import { type DeliveryRow, readDeliveries } from '../../delivery/webhooks/delivery-log.ts';
import { builder } from '../core/builder.ts';

/** One attempt to send a webhook. */
const WebhookDelivery = builder.objectRef<DeliveryRow>('WebhookDelivery');
builder.node(WebhookDelivery, {
  name: 'WebhookDelivery',
  description:
    'An attempt to send an event to an endpoint, kept for 30 days. All fields need the scope `accounts:write`.',
  authScopes: { scope: 'accounts:write' },
  id: { resolve: ({ id }) => id, description: 'The global id: unique across all types, opaque.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readDeliveries(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    eventId: t.exposeString('eventId', {
      description: 'The id of the event, the same at every attempt: the `webhook-id` of the call.',
    }),
    type: t.exposeString('type', {
      description: 'The type of the event, such as `conversation.ended`, or `test` for a test.',
    }),
    at: t.field({ type: 'DateTime', description: 'When the call was sent.', resolve: ({ at }) => at }),
    tookMs: t.exposeInt('tookMs', { description: 'How long the attempt took, in milliseconds.' }),
    status: t.exposeInt('status', {
      nullable: true,
      description: 'The HTTP status of the answer; null if there was none.',
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why the attempt failed; null if it succeeded.',
    }),
  }),
});

export const WebhookDeliveryConnection = builder.connectionObject(
  {
    type: WebhookDelivery,
    name: 'WebhookDeliveryConnection',
    description: "A page of an endpoint's attempts.",
  },
  { name: 'WebhookDeliveryEdge', description: 'An attempt with its cursor.' },
);
