import { type DeliveryRow, readDeliveries } from '../../delivery/webhooks/delivery-log.ts';
import { builder } from '../core/builder.ts';

/** One attempt to send a webhook. */
const WebhookDelivery = builder.objectRef<DeliveryRow>('WebhookDelivery');
builder.node(WebhookDelivery, {
  name: 'WebhookDelivery',
  description:
    'An attempt to send an event to an endpoint, kept for 30 days. Everything here needs the scope `accounts:write`.',
  authScopes: { scope: 'accounts:write' },
  id: { resolve: ({ id }) => id, description: 'Unique over all types.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readDeliveries(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    eventId: t.exposeString('eventId', {
      description: 'Of the event, the same at every attempt: what the endpoint got as `webhook-id`.',
    }),
    type: t.exposeString('type', {
      description: 'What it was sent, such as `conversation.ended`; `test`: a test.',
    }),
    at: t.field({ type: 'DateTime', description: 'When it was sent.', resolve: ({ at }) => at }),
    tookMs: t.exposeInt('tookMs', { description: 'How long the attempt took, in milliseconds.' }),
    status: t.exposeInt('status', {
      nullable: true,
      description: 'The HTTP status of the answer; null: there was none.',
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why it counts as failed; null: it came through.',
    }),
  }),
});

export const WebhookDeliveryConnection = builder.connectionObject(
  {
    type: WebhookDelivery,
    name: 'WebhookDeliveryConnection',
    description: "A page of an endpoint's attempts.",
  },
  { name: 'WebhookDeliveryEdge', description: 'One of the attempts, with its cursor.' },
);
