import type { Circuit } from '../../db/rows/circuits.ts';
import { resetChannelCircuit } from '../../delivery/resume-sending.ts';
import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeId } from '../core/ids.ts';
import { Channel } from '../core/named.ts';
import { WebhookEndpoint } from '../webhook/webhook-endpoint.ts';

const CircuitState = builder.enumType('CircuitState', {
  description: 'Whether a circuit breaker lets messages through to a destination.',
  values: {
    CLOSED: { description: 'Messages are sent.' },
    OPEN: {
      description:
        'Messages wait, because too many attempts in a row failed, or because the destination asked for a pause.',
    },
    HALF_OPEN: { description: 'Messages wait, and the next attempt decides whether it closes.' },
  } as const,
});

const CircuitBreaker = builder.objectRef<Omit<Circuit, 'id'>>('CircuitBreaker').implement({
  description:
    "The circuit breaker of a destination: of a channel's provider, or of a webhook endpoint. It opens after failures in a row: no answer, 408 or 5xx. Messages then wait, for two days at most, and are sent after the first successful attempt.",
  fields: (t) => ({
    state: t.field({
      type: CircuitState,
      description: 'Whether messages are sent.',
      resolve: ({ retryAt }, _args, { deps }) =>
        retryAt === null ? 'CLOSED' : retryAt > deps.clock.now() ? 'OPEN' : 'HALF_OPEN',
    }),
    failures: t.exposeInt('failures', {
      description:
        'The number of failed attempts in a row. It opens at 5 for a channel, and at 10 for an endpoint.',
    }),
    since: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when it is open or half open; null if it is closed.',
      resolve: ({ openedAt }) => openedAt,
    }),
    why: t.string({
      nullable: true,
      description: 'Why the last attempt failed; null if it did not.',
      resolve: ({ why }) => why || null,
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the next attempt may be made; null if it is closed. A channel waits 30 s at first and up to 10 minutes, an endpoint 1 to 30 minutes, doubled with each failure.',
      resolve: ({ retryAt }) => retryAt,
    }),
  }),
});

const CLOSED: Omit<Circuit, 'id'> = { failures: 0, why: '', openedAt: null, retryAt: null };

builder.objectField(Channel, 'circuitBreaker', (t) =>
  t.field({
    type: CircuitBreaker,
    description: 'The circuit breaker of the channel. `resetChannelCircuitBreaker` closes it by hand.',
    resolve: async ({ id }, _args, { load }) => (await load.circuit(id)) ?? CLOSED,
  }),
);
builder.objectField(WebhookEndpoint, 'circuitBreaker', (t) =>
  t.field({
    type: CircuitBreaker,
    description: 'The circuit breaker of the endpoint. `enableWebhookEndpoint` closes it by hand.',
    resolve: async ({ id }, _args, { load }) => (await load.circuit(id)) ?? CLOSED,
  }),
);

builder.mutationField('resetChannelCircuitBreaker', (t) =>
  t.field({
    type: Channel,
    description:
      "Closes the circuit breaker of a channel, so that waiting messages are sent at once. If it is closed, nothing changes. Changing the channel's settings does the same. Needs the scope `accounts:write`.",
    authScopes: { scope: 'accounts:write' },
    args: {
      channelId: t.arg.id({
        required: true,
        description: 'The id of a Channel; an unknown one is NOT_FOUND.',
      }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'ResetChannelCircuitBreakerResult',
        description: 'The changed channel, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, { accountId, deps, load }) {
      const channelId = decodeId('Channel', args.channelId, 'channelId');
      const call = callOf(args, 'resetChannelCircuitBreaker', { channelId });
      const { id } = await deps.afterCommit(resetChannelCircuit(deps, accountId, channelId, call));
      const channel = await load.channel(id);
      if (channel === null) throw new NotFoundError('channelId', 'channel');
      return channel;
    },
  }),
);
