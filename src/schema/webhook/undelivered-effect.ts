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

const EffectKindEnum = enumOf<EffectRow['kind']>('EffectKind', 'What was to be sent.', {
  DELIVER_MESSAGE: 'Something to the customer.',
  SEND_WEBHOOK: 'An event, to an endpoint.',
});
const EffectStateEnum = enumOf<EffectRow['state']>('EffectState', 'How sending stands.', {
  PENDING: 'It is still to be sent.',
  SENT: 'It was sent.',
  DEAD: 'It was given up: refused, or tried too often.',
  DROPPED: 'It was not wanted any more.',
  UNCONFIRMED: 'Nobody knows whether it was taken; it is not sent again by itself, lest it be shown twice.',
});

const Effect = builder.objectRef<EffectRow>('Effect');
builder.node(Effect, {
  name: 'Effect',
  description: 'Something that Lull owes the world outside: a message to a customer, or a webhook.',
  id: { resolve: ({ id }) => id, description: 'Unique over all types.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readEffects(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    kind: t.field({ type: EffectKindEnum, description: 'What it is.', resolve: ({ kind }) => kind }),
    state: t.field({ type: EffectStateEnum, description: 'How it stands.', resolve: ({ state }) => state }),
    part: t.field({
      type: PartEnum,
      nullable: true,
      description: 'What of the end, or that it is a warning; null for a webhook.',
      resolve: ({ payload }) => partOf(payload),
    }),
    attempts: t.exposeInt('attempts', { description: 'How often it was tried.' }),
    error: t.exposeString('error', { nullable: true, description: 'Why the last attempt came to nothing.' }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'Since when it is owed.',
      resolve: (row) => row.createdAt,
    }),
    doneAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was sent, given up or dropped; null: it is PENDING.',
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
      description: 'Its conversation; null once that is no longer kept.',
      resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
    }),
  }),
});

const EffectConnection = builder.connectionObject(
  { type: Effect, name: 'EffectConnection', description: 'A page of effects.' },
  { name: 'EffectEdge', description: 'One of the effects, with its cursor.' },
);

builder.queryField('undelivered', (t) =>
  t.field({
    type: EffectConnection,
    description:
      'What could not be sent (DEAD), and what nobody knows whether it was (UNCONFIRMED), the oldest first: for an admin to retry or to drop.',
    args: { channelId: t.arg.id({ description: 'Only on this channel.' }), ...pageArgs(20) },
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
      'Tries again, from the start, to send what was given up. What is UNCONFIRMED may then be shown twice.',
  },
  { name: 'dropEffect', settle: dropEffect, description: 'Drops for good what was given up.' },
];
for (const { name, settle, description } of SETTLING)
  builder.mutationField(name, (t) =>
    t.field({
      type: Effect,
      description: `${description} Needs the scope \`accounts:write\`.`,
      authScopes: { scope: 'accounts:write' },
      args: { effectId: t.arg.id({ required: true, description: 'The effect: DEAD or UNCONFIRMED.' }) },
      errors: {
        types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
        union: {
          name: `${name[0]?.toUpperCase()}${name.slice(1)}Result`,
          description: 'The effect as it then stands, or why nothing was changed.',
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
