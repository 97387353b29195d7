import type { EndpointRow } from '../../db/rows/webhook-endpoints.ts';
import { BOUNDS } from '../../domain/bounds.ts';
import { WEBHOOK_EVENTS } from '../../domain/closing/owed-effects.ts';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  OutOfBoundsError,
  SecretsNeededError,
} from '../../domain/errors.ts';
import { listEndpoints } from '../../rules/endpoint-rows.ts';
import {
  createEndpoint,
  deleteEndpoint,
  disableEndpoint,
  enableEndpoint,
  rotateSecret,
  updateEndpoint,
} from '../../rules/endpoints.ts';
import { builder } from '../core/builder.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { readText, readWhy, WHY } from '../core/text.ts';
import { endpointOf, WebhookEndpoint } from './webhook-endpoint.ts';

const EVENT_NAMES = WEBHOOK_EVENTS.map((name) => `\`${name}\``).join(', ');
const URL_FORM =
  'It must begin with `https://` and point to a public host, unless the operator allows others, and contain neither user nor password. Up to 2000 characters.';
const EVENTS_FORM = `At least one of ${EVENT_NAMES}.`;
const NEEDS = 'This is a change of rules. Needs the scope `accounts:write`.';

const CreateWebhookEndpointInput = builder.inputType('CreateWebhookEndpointInput', {
  description: 'The fields of a new endpoint.',
  fields: (t) => ({
    url: t.string({ required: true, description: `The URL of the endpoint. ${URL_FORM}` }),
    events: t.stringList({
      required: true,
      description: `The types of the events to receive. ${EVENTS_FORM}`,
    }),
    channelId: t.id({
      description: 'The channel whose conversations it receives events of. Absent: all channels.',
    }),
    why: t.string({ description: WHY }),
  }),
});
const UpdateWebhookEndpointInput = builder.inputType('UpdateWebhookEndpointInput', {
  description: 'Changes of an endpoint. Fields that are left out stay.',
  fields: (t) => ({
    endpointId: t.id({
      required: true,
      description: 'The id of a WebhookEndpoint; an unknown one is NOT_FOUND.',
    }),
    url: t.string({
      description: `The new URL. ${URL_FORM} A different URL needs \`secret\` in the same call; without it the result is SECRETS_NEEDED.`,
    }),
    secret: t.string({
      description:
        'The only secret that signs calls to the new URL: the present secret of the endpoint, or a new one, written as `whsec_` and 24 to 64 bytes in base64. Allowed only together with a different `url`; `rotateWebhookSecret` creates a new secret for the same URL.',
    }),
    events: t.stringList({ description: `The new types of the events to receive. ${EVENTS_FORM}` }),
    channelId: t.id({
      description: 'The channel whose conversations it receives events of; null for all channels.',
    }),
    why: t.string({ description: WHY }),
  }),
});

type WithSecret = { endpoint: EndpointRow; secret: string };
const WebhookEndpointWithSecret = builder.objectRef<WithSecret>('WebhookEndpointWithSecret').implement({
  description: 'An endpoint together with its new secret.',
  fields: (t) => ({
    endpoint: t.field({
      type: WebhookEndpoint,
      description: 'The created or changed endpoint.',
      resolve: ({ endpoint }) => endpoint,
    }),
    secret: t.exposeString('secret', {
      description:
        'The secret that signs its calls, in the format of Standard Webhooks libraries: `whsec_` and 32 bytes in base64. It is shown only this once, stored encrypted, and cannot be read again.',
    }),
  }),
});

builder.mutationField('createWebhookEndpoint', (t) =>
  t.field({
    type: WebhookEndpointWithSecret,
    description: `Creates an endpoint, which receives events from now on. An account can have 50. A repeated call creates another one. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({
        type: CreateWebhookEndpointInput,
        required: true,
        description: 'The URL, the events and the channel.',
      }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, OutOfBoundsError, ForbiddenError],
      union: {
        name: 'CreateWebhookEndpointResult',
        description: 'The created endpoint with its secret, or the error; nothing was created then.',
      },
    },
    async resolve(_root, { input }, context) {
      const { accountId, actor, deps } = context;
      const asked = {
        url: readText(input.url, 'url', BOUNDS.url.max),
        events: input.events,
        channelId: decodeGiven('Channel', input.channelId, 'channelId'),
      };
      const author = { changedBy: actor, why: readWhy(input.why) };
      const { id, secret } = await deps.afterCommit(createEndpoint(deps, accountId, asked, author));
      return { endpoint: await endpointOf(context, id), secret };
    },
  }),
);

builder.mutationField('updateWebhookEndpoint', (t) =>
  t.field({
    type: WebhookEndpoint,
    description: `Changes an endpoint. Waiting events go to the new URL, signed with the secret that came with it. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: UpdateWebhookEndpointInput, required: true, description: 'The changes.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, SecretsNeededError, ConflictError, ForbiddenError],
      union: {
        name: 'UpdateWebhookEndpointResult',
        description: 'The changed endpoint, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { input, idempotencyKey }, context) {
      const { accountId, actor, deps } = context;
      const endpointId = decodeId('WebhookEndpoint', input.endpointId, 'endpointId');
      const changes = {
        url: typeof input.url === 'string' ? readText(input.url, 'url', BOUNDS.url.max) : undefined,
        events: input.events ?? undefined,
        secret: input.secret ?? undefined,
        channelId:
          input.channelId === undefined ? undefined : decodeGiven('Channel', input.channelId, 'channelId'),
      };
      const call = callOf({ idempotencyKey }, 'updateWebhookEndpoint', { endpointId, ...changes });
      const author = { changedBy: actor, why: readWhy(input.why) };
      const { id } = await deps.afterCommit(
        updateEndpoint(deps, { accountId, author, call }, endpointId, changes),
      );
      return await endpointOf(context, id);
    },
  }),
);

builder.mutationField('rotateWebhookSecret', (t) =>
  t.field({
    type: WebhookEndpointWithSecret,
    description: `Creates a new secret for an endpoint. For 24 hours calls have two signatures, of the new and the former secret, so that the receiver has time to change. If it is rotated again in that time, the older one becomes invalid at once. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      endpointId: t.arg.id({
        required: true,
        description: 'The id of a WebhookEndpoint; an unknown one is NOT_FOUND.',
      }),
      why: t.arg.string({ description: WHY }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ForbiddenError],
      union: {
        name: 'RotateWebhookSecretResult',
        description: 'The endpoint with its new secret, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, context) {
      const { accountId, actor, deps } = context;
      const endpointId = decodeId('WebhookEndpoint', args.endpointId, 'endpointId');
      const author = { changedBy: actor, why: readWhy(args.why) };
      const { id, secret } = await deps.afterCommit(rotateSecret(deps, accountId, endpointId, author));
      return { endpoint: await endpointOf(context, id), secret };
    },
  }),
);

const SWITCHES = [
  {
    name: 'disableWebhookEndpoint',
    change: disableEndpoint,
    description:
      'Stops sending to an endpoint and drops its waiting events. If it is disabled already, nothing changes.',
  },
  {
    name: 'enableWebhookEndpoint',
    change: enableEndpoint,
    description: 'Sends to an endpoint again, from the next event on, and closes its circuit breaker.',
  },
];
for (const { name, change, description } of SWITCHES)
  builder.mutationField(name, (t) =>
    t.field({
      type: WebhookEndpoint,
      description: `${description} ${NEEDS}`,
      authScopes: { scope: 'accounts:write' },
      args: {
        endpointId: t.arg.id({
          required: true,
          description: 'The id of a WebhookEndpoint; an unknown one is NOT_FOUND.',
        }),
        why: t.arg.string({ description: WHY }),
        ...onceArgs(),
      },
      errors: {
        types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The changed endpoint, or the error; nothing was changed then.',
        },
      },
      async resolve(_root, args, context) {
        const { accountId, actor, deps } = context;
        const endpointId = decodeId('WebhookEndpoint', args.endpointId, 'endpointId');
        const author = { changedBy: actor, why: readWhy(args.why) };
        const call = callOf(args, name, { endpointId });
        const { id } = await deps.afterCommit(change(deps, { accountId, author, call }, endpointId));
        return await endpointOf(context, id);
      },
    }),
  );

const WebhookEndpoints = builder.objectRef<{ endpoints: EndpointRow[] }>('WebhookEndpoints').implement({
  description: 'The webhook endpoints of the account.',
  fields: (t) => ({
    endpoints: t.field({
      type: [WebhookEndpoint],
      description: 'All endpoints, the oldest first.',
      resolve: ({ endpoints }) => endpoints,
    }),
  }),
});

builder.mutationField('deleteWebhookEndpoint', (t) =>
  t.field({
    type: WebhookEndpoints,
    description: `Deletes an endpoint with its secrets for good. Its waiting events are dropped, and its deliveries can no longer be read. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      endpointId: t.arg.id({
        required: true,
        description: 'The id of a WebhookEndpoint; an unknown one is NOT_FOUND.',
      }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'DeleteWebhookEndpointResult',
        description: 'The remaining endpoints, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, { accountId, actor, deps, reads }) {
      const endpointId = decodeId('WebhookEndpoint', args.endpointId, 'endpointId');
      const author = { changedBy: actor, why: readWhy(args.why) };
      const call = callOf(args, 'deleteWebhookEndpoint', { endpointId });
      await deps.afterCommit(deleteEndpoint(deps, { accountId, author, call }, endpointId));
      return { endpoints: await listEndpoints(reads.sql, accountId) };
    },
  }),
);
