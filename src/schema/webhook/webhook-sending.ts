import { type Owed, redeliver, sendTest } from '../../delivery/webhooks/redeliver.ts';
import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeId } from '../core/ids.ts';
import { endpointOf, WebhookEndpoint } from './webhook-endpoint.ts';

const OwedWebhook = builder.objectRef<Owed>('OwedWebhook').implement({
  description:
    "An event that is about to be sent to an endpoint. What came of it is in the endpoint's deliveries.",
  fields: (t) => ({
    eventId: t.exposeString('eventId', {
      description: 'Of the event, the same at every attempt: what the endpoint gets as `webhook-id`.',
    }),
    endpoint: t.field({
      type: WebhookEndpoint,
      description: 'Where it goes.',
      resolve: ({ endpointId }, _args, context) => endpointOf(context, endpointId),
    }),
  }),
});

builder.mutationField('sendTestWebhook', (t) =>
  t.field({
    type: OwedWebhook,
    description:
      'Sends an endpoint an event of type `test`, at once, also while it is held back; one that comes through ends that. A test that fails is not tried again and does not count. Of an endpoint that is disabled: an InvalidInputError. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      endpointId: t.arg.id({ required: true, description: 'Of a WebhookEndpoint.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: { name: 'SendTestWebhookResult', description: 'The event, or why there is none.' },
    },
    async resolve(_root, args, { accountId, deps }) {
      const endpointId = decodeId('WebhookEndpoint', args.endpointId, 'endpointId');
      const call = callOf(args, 'sendTestWebhook', { endpointId });
      return await deps.afterCommit(sendTest(deps, accountId, endpointId, call));
    },
  }),
);

builder.mutationField('redeliverWebhook', (t) =>
  t.field({
    type: OwedWebhook,
    description:
      'Sends the event of a delivery to its endpoint again, whatever came of it: under the same id, the first time at once, and after that as any other. Of an endpoint that is disabled: an InvalidInputError. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      deliveryId: t.arg.id({ required: true, description: 'Of a WebhookDelivery.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: { name: 'RedeliverWebhookResult', description: 'The event, or why it is not sent.' },
    },
    async resolve(_root, args, { accountId, deps }) {
      const deliveryId = decodeId('WebhookDelivery', args.deliveryId, 'deliveryId');
      const call = callOf(args, 'redeliverWebhook', { deliveryId });
      return await deps.afterCommit(redeliver(deps, accountId, deliveryId, call));
    },
  }),
);
