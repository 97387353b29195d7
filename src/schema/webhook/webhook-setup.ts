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
import { readText, readWhy } from '../core/text.ts';
import { endpointOf, WebhookEndpoint } from './webhook-endpoint.ts';

const EVENT_NAMES = WEBHOOK_EVENTS.map((name) => `\`${name}\``).join(', ');
const URL_FORM =
  'Begins with `https://` and leads to a public host, unless the operator allows others; without user and password. Up to 2000 characters.';
const EVENTS_FORM = `At least one of ${EVENT_NAMES}.`;
const WHY = 'Kept in the history of the rules: up to 1000 characters.';
const NEEDS = 'A change of rules. Needs the scope `accounts:write`.';

const CreateWebhookEndpointInput = builder.inputType('CreateWebhookEndpointInput', {
  description: 'An endpoint to be.',
  fields: (t) => ({
    url: t.string({ required: true, description: `Where it is. ${URL_FORM}` }),
    events: t.stringList({ required: true, description: `What it is to be told of. ${EVENTS_FORM}` }),
    channelId: t.id({ description: 'Of whose conversations alone it is told; absent: of all.' }),
    why: t.string({ description: WHY }),
  }),
});
const UpdateWebhookEndpointInput = builder.inputType('UpdateWebhookEndpointInput', {
  description: 'What to change of an endpoint; what is left out stays.',
  fields: (t) => ({
    endpointId: t.id({ required: true, description: 'Of a WebhookEndpoint.' }),
    url: t.string({
      description: `Where it is. ${URL_FORM} Another address needs \`secret\` in the same call: else SECRETS_NEEDED.`,
    }),
    secret: t.string({
      description:
        'What calls to the new address are signed with, and nothing else: the secret that the endpoint has, or another. `whsec_` and 24 to 64 bytes in base64. Given with another `url` only; `rotateWebhookSecret` makes a new one for the same address.',
    }),
    events: t.stringList({ description: `What it is told of. ${EVENTS_FORM}` }),
    channelId: t.id({ description: 'Of whose conversations alone it is told; null: of all.' }),
    why: t.string({ description: WHY }),
  }),
});

type WithSecret = { endpoint: EndpointRow; secret: string };
const WebhookEndpointWithSecret = builder.objectRef<WithSecret>('WebhookEndpointWithSecret').implement({
  description: 'An endpoint that has got a secret.',
  fields: (t) => ({
    endpoint: t.field({
      type: WebhookEndpoint,
      description: 'The endpoint.',
      resolve: ({ endpoint }) => endpoint,
    }),
    secret: t.exposeString('secret', {
      description:
        'What its calls are signed with, `whsec_` and 32 bytes in base64, as libraries for Standard Webhooks take it. Shown this once: it is kept encrypted and cannot be read again.',
    }),
  }),
});

builder.mutationField('createWebhookEndpoint', (t) =>
  t.field({
    type: WebhookEndpointWithSecret,
    description: `Makes an endpoint, of which an account can have 50: it is told of what happens from now on. The same call again makes another. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: CreateWebhookEndpointInput, required: true, description: 'The endpoint.' }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, OutOfBoundsError, ForbiddenError],
      union: {
        name: 'CreateWebhookEndpointResult',
        description: 'The endpoint with its secret, or why there is none.',
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
    description: `Changes an endpoint. What is owed to it already goes to its new address, signed by the secret that came with it. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: UpdateWebhookEndpointInput, required: true, description: 'What to change.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, SecretsNeededError, ConflictError, ForbiddenError],
      union: {
        name: 'UpdateWebhookEndpointResult',
        description: 'The endpoint, or why nothing was changed.',
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
    description: `Gives an endpoint a new secret. For 24 hours the former one signs too: calls carry both signatures, so that whoever verifies them has time to change. Rotated again meanwhile, the one before the last ends at once. It stands in the history of the rules. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      endpointId: t.arg.id({ required: true, description: 'Of a WebhookEndpoint.' }),
      why: t.arg.string({ description: WHY }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ForbiddenError],
      union: {
        name: 'RotateWebhookSecretResult',
        description: 'The endpoint with its new secret, or why nothing was changed.',
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
      'Stops sending to an endpoint. What is owed to it is dropped when its next attempt is due. Disabled already, it stays so.',
  },
  {
    name: 'enableWebhookEndpoint',
    change: enableEndpoint,
    description:
      'Sends to an endpoint again, of what happens from now on, as if it had never failed; held back, it is so no longer.',
  },
];
for (const { name, change, description } of SWITCHES)
  builder.mutationField(name, (t) =>
    t.field({
      type: WebhookEndpoint,
      description: `${description} ${NEEDS}`,
      authScopes: { scope: 'accounts:write' },
      args: {
        endpointId: t.arg.id({ required: true, description: 'Of a WebhookEndpoint.' }),
        why: t.arg.string({ description: WHY }),
        ...onceArgs(),
      },
      errors: {
        types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The endpoint, or why nothing was changed.',
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
  description: "An account's endpoints.",
  fields: (t) => ({
    endpoints: t.field({
      type: [WebhookEndpoint],
      description: 'All of them, the oldest first.',
      resolve: ({ endpoints }) => endpoints,
    }),
  }),
});

builder.mutationField('deleteWebhookEndpoint', (t) =>
  t.field({
    type: WebhookEndpoints,
    description: `Deletes an endpoint for good, with its secrets. What is owed to it is dropped, and its deliveries are found no more. ${NEEDS}`,
    authScopes: { scope: 'accounts:write' },
    args: {
      endpointId: t.arg.id({ required: true, description: 'Of a WebhookEndpoint.' }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'DeleteWebhookEndpointResult',
        description: 'The endpoints that are left, or why nothing was changed.',
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
