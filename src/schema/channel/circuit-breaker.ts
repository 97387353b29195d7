import type { Circuit } from '../../db/rows/circuits.ts';
import { resetChannelCircuit } from '../../delivery/resume-sending.ts';
import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeId } from '../core/ids.ts';
import { Channel } from '../core/named.ts';
import { WebhookEndpoint } from '../webhook/webhook-endpoint.ts';

const CircuitState = builder.enumType('CircuitState', {
  description: 'Whether messages go out to a destination.',
  values: {
    CLOSED: { description: 'They do.' },
    OPEN: { description: 'They wait: too many attempts in a row failed, or it asked to be left alone.' },
    HALF_OPEN: { description: 'They wait, and the next attempt finds out whether it is back.' },
  } as const,
});

const CircuitBreaker = builder.objectRef<Omit<Circuit, 'id'>>('CircuitBreaker').implement({
  description:
    'How attempts to send to a destination have gone: the provider of a channel, or a webhook endpoint. It opens after failures in a row: no answer, or one that tells of trouble (408, 5xx). What is owed then waits, for two days at most, and goes out once an attempt is answered.',
  fields: (t) => ({
    state: t.field({
      type: CircuitState,
      description: 'Whether messages go out.',
      resolve: ({ retryAt }, _args, { deps }) =>
        retryAt === null ? 'CLOSED' : retryAt > deps.clock.now() ? 'OPEN' : 'HALF_OPEN',
    }),
    failures: t.exposeInt('failures', {
      description:
        'Attempts that have failed in a row. It opens at 5 for a channel, and at 10 for an endpoint.',
    }),
    since: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when it is open or half open; null: it is closed.',
      resolve: ({ openedAt }) => openedAt,
    }),
    why: t.string({
      nullable: true,
      description: 'Why the last attempt failed; null: it did not.',
      resolve: ({ why }) => why || null,
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the next attempt may be made; null: it is closed. A channel waits 30 s at first and up to 10 minutes, an endpoint a minute and up to 30: doubled with each failure.',
      resolve: ({ retryAt }) => retryAt,
    }),
  }),
});

const CLOSED: Omit<Circuit, 'id'> = { failures: 0, why: '', openedAt: null, retryAt: null };

builder.objectField(Channel, 'circuitBreaker', (t) =>
  t.field({
    type: CircuitBreaker,
    description: 'Whether messages to its customers go out. `resetChannelCircuitBreaker` closes it by hand.',
    resolve: async ({ id }, _args, { load }) => (await load.circuit(id)) ?? CLOSED,
  }),
);
builder.objectField(WebhookEndpoint, 'circuitBreaker', (t) =>
  t.field({
    type: CircuitBreaker,
    description: 'Whether events go out to it. `enableWebhookEndpoint` closes it by hand.',
    resolve: async ({ id }, _args, { load }) => (await load.circuit(id)) ?? CLOSED,
  }),
);

builder.mutationField('resetChannelCircuitBreaker', (t) =>
  t.field({
    type: Channel,
    description:
      'Closes the circuit breaker of a channel, so that what waits for it is sent at once. Closed already: nothing changes. A change of its settings does the same. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      channelId: t.arg.id({ required: true, description: 'Of a Channel.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'ResetChannelCircuitBreakerResult',
        description: 'The channel, or why nothing was changed.',
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
