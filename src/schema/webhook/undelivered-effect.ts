import {
  dropEffect,
  type EffectRow,
  readEffects,
  readUndelivered,
  retryEffect,
} from '../../delivery/undelivered.ts';
import { partOf } from '../../domain/closing/owed-effects.ts';
import { ConflictError, ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import type { ChannelRow } from '../../insight/reads/named.ts';
import { Conversation } from '../conversation/conversation.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { enumOf, PartEnum } from '../core/enums.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { Channel } from '../core/named.ts';

const LIST = 'effect';

const EffectKindEnum = enumOf<EffectRow['kind']>(
  'EffectKind',
  'Whether an effect is for a customer or for a backend.',
  {
    DELIVER_MESSAGE: 'A message to the customer.',
    SEND_WEBHOOK: 'An event, sent to a webhook endpoint.',
  },
);
const EffectStateEnum = enumOf<EffectRow['state']>(
  'EffectState',
  'How far the sending of an effect has come.',
  {
    PENDING: 'It is waiting to be sent.',
    SENT: 'It was sent.',
    DEAD: 'It failed for good: it was refused, or retried too often.',
    DROPPED: 'It was dropped, because it is no longer needed.',
    UNCONFIRMED:
      'Its outcome is unknown. It is not retried automatically, because the customer could then see it twice.',
  },
);

const Effect = builder.objectRef<EffectRow>('Effect');
builder.node(Effect, {
  name: 'Effect',
  description: 'Something that Lull sends because of an event: a message to a customer, or a webhook.',
  id: { resolve: ({ id }) => id, description: 'The global id: unique across all types, opaque.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readEffects(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    kind: t.field({
      type: EffectKindEnum,
      description: 'Whether it is a message to the customer or a webhook.',
      resolve: ({ kind }) => kind,
    }),
    state: t.field({
      type: EffectStateEnum,
      description: 'Whether it is waiting, sent, failed or dropped.',
      resolve: ({ state }) => state,
    }),
    part: t.field({
      type: PartEnum,
      nullable: true,
      description: 'The part of the closing, or the reminder; null for a webhook.',
      resolve: ({ payload }) => partOf(payload),
    }),
    attempts: t.exposeInt('attempts', { description: 'The number of attempts so far.' }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why the last attempt failed; null if none did.',
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the effect was created.',
      resolve: (row) => row.createdAt,
    }),
    doneAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was sent, failed or was dropped; null while it is PENDING.',
      resolve: ({ doneAt }) => doneAt,
    }),
    channel: t.field({
      type: Channel,
      description: 'The channel of its conversation.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId) as Promise<ChannelRow>,
    }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'Its conversation; null if that has been deleted since.',
      resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
    }),
  }),
});

const EffectConnection = builder.connectionObject(
  { type: Effect, name: 'EffectConnection', description: 'A page of effects.' },
  { name: 'EffectEdge', description: 'An effect with its cursor.' },
);

builder.queryField('undelivered', (t) =>
  t.field({
    type: EffectConnection,
    description:
      'Effects that failed for good (DEAD) or have an unknown outcome (UNCONFIRMED), the oldest first. An admin retries or drops them.',
    args: {
      channelId: t.arg.id({ description: 'Only effects on this channel. Absent: on all channels.' }),
      ...pageArgs(20),
    },
    async resolve(_root, args, { accountId, reads, load }) {
      const page = readPageArgs(args, LIST, isUuid);
      const channelId = decodeGiven('Channel', args.channelId, 'channelId');
      if (channelId !== null && (await load.channel(channelId)) === null)
        throw new NotFoundError('channelId', 'channel');
      const rows = await readUndelivered(reads.sql, accountId, channelId, {
        after: page.after,
        limit: page.limit + 1,
      });
      return toConnection(rows, page, LIST, ({ id }) => id);
    },
  }),
);

const SETTLING = [
  {
    name: 'retryEffect',
    settle: retryEffect,
    description:
      'Sends a failed effect again, with a new series of attempts. The customer may see an UNCONFIRMED message twice.',
  },
  { name: 'dropEffect', settle: dropEffect, description: 'Drops a failed effect for good.' },
];
for (const { name, settle, description } of SETTLING)
  builder.mutationField(name, (t) =>
    t.field({
      type: Effect,
      description: `${description} Needs the scope \`accounts:write\`.`,
      authScopes: { scope: 'accounts:write' },
      args: {
        effectId: t.arg.id({
          required: true,
          description: 'The id of an effect that is DEAD or UNCONFIRMED.',
        }),
      },
      errors: {
        types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The changed effect, or the error; nothing was changed then.',
        },
      },
      async resolve(_root, args, { accountId, deps, reads }) {
        const effectId = decodeId('Effect', args.effectId, 'effectId');
        await deps.afterCommit(settle(deps, accountId, effectId));
        const [effect] = await readEffects(reads.sql, accountId, [effectId]);
        return effect as EffectRow;
      },
    }),
  );
