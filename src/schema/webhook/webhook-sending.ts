import { type Owed, redeliver, sendTest } from '../../delivery/webhooks/redeliver.ts';
import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeId } from '../core/ids.ts';
import { endpointOf, WebhookEndpoint } from './webhook-endpoint.ts';

const OwedWebhook = builder.objectRef<Owed>('OwedWebhook').implement({
  description: "An event that will be sent to an endpoint. The endpoint's deliveries show the result.",
  fields: (t) => ({
    eventId: t.exposeString('eventId', {
      description: 'The id of the event, the same at every attempt: the `webhook-id` of the call.',
    }),
    endpoint: t.field({
      type: WebhookEndpoint,
      description: 'The endpoint that receives the event.',
      resolve: ({ endpointId }, _args, context) => endpointOf(context, endpointId),
    }),
  }),
});

builder.mutationField('sendTestWebhook', (t) =>
  t.field({
    type: OwedWebhook,
    description:
      'Sends an event of the type `test` to an endpoint at once, even while its circuit breaker is open; a success closes it. A failed test is not retried and does not count as a failure. For a disabled endpoint the result is an InvalidInputError. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      endpointId: t.arg.id({
        required: true,
        description: 'The id of a WebhookEndpoint that is enabled; an unknown one is NOT_FOUND.',
      }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'SendTestWebhookResult',
        description: 'The test event, or the error; nothing is sent then.',
      },
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
      'Sends the event of a delivery to its endpoint again, with the same id: at once, and then with the usual retries. For a disabled endpoint the result is an InvalidInputError. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      deliveryId: t.arg.id({
        required: true,
        description: 'The id of a WebhookDelivery of the last 30 days; an unknown one is NOT_FOUND.',
      }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'RedeliverWebhookResult',
        description: 'The event, or the error; nothing is sent then.',
      },
    },
    async resolve(_root, args, { accountId, deps }) {
      const deliveryId = decodeId('WebhookDelivery', args.deliveryId, 'deliveryId');
      const call = callOf(args, 'redeliverWebhook', { deliveryId });
      return await deps.afterCommit(redeliver(deps, accountId, deliveryId, call));
    },
  }),
);
