import { BOUNDS } from '../../domain/bounds.ts';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  SecretsNeededError,
  TakenError,
} from '../../domain/errors.ts';
import { createChannel, updateChannel } from '../../rules/channels.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { Calendar, Channel } from '../core/named.ts';
import { isStorableJson, MAX_NAME, MAX_NESTED, readName, readWhy, WHY } from '../core/text.ts';

const NAME = `1 to ${MAX_NAME} characters, unique among the account's channels.`;

builder.objectFields(Channel, (t) => ({
  adapterId: t.exposeString('adapterId', { description: 'The kind of channel, such as `web`.' }),
  calendar: t.field({
    type: Calendar,
    nullable: true,
    description:
      "The calendar of the channel (PE-8). Null: the account's calendar, or always open without one.",
    resolve: ({ calendarId }, _args, { load }) => load.calendar(calendarId),
  }),
  settings: t.field({
    type: 'JSONObject',
    description:
      "The settings of the channel without secrets, as described by the adapter's `settingsSchema`.",
    async resolve({ id }, _args, { deps, load }) {
      const stored = await load.channelSettings(id);
      return stored === null ? {} : deps.settings.shown(stored.adapterId, stored.settings);
    },
  }),
  webhookPath: t.string({
    description: 'The path that the provider calls, below the public URL of this service: `/webhooks/…`.',
    resolve: ({ id }, _args, { accountId }) => `/webhooks/${accountId}/${id}`,
  }),
  paused: t.boolean({
    description:
      'Whether automatic ends are paused here, by a pause of the channel or of the account (LL-15).',
    resolve: async ({ id }, _args, { load }) => (await load.rules()).channels.get(id)?.paused ?? false,
  }),
}));

const CreateChannelInput = builder.inputType('CreateChannelInput', {
  description: 'The fields of a new channel.',
  fields: (t) => ({
    name: t.string({ required: true, description: NAME }),
    adapterId: t.string({ required: true, description: 'The kind of channel, such as `web`.' }),
    settings: t.field({
      type: 'JSONObject',
      required: true,
      description: 'The settings of the adapter. Secrets among them are never shown again.',
    }),
    calendarId: t.id({
      description:
        "The calendar of the channel (PE-8). Absent: the account's calendar, or always open without one.",
    }),
    why: t.string({ description: WHY }),
  }),
});
const UpdateChannelInput = builder.inputType('UpdateChannelInput', {
  description: 'Changes of a channel. Fields that are left out stay.',
  fields: (t) => ({
    channelId: t.id({ required: true, description: 'The channel to change.' }),
    name: t.string({ description: NAME }),
    settings: t.field({
      type: 'JSONObject',
      description:
        'The settings to change. A setting that is left out stays; one that is null is removed. A new value of a destination needs all secrets of the channel in the same call, else the result is SECRETS_NEEDED.',
    }),
    calendarId: t.id({
      description:
        "The calendar of the channel (PE-8). Null: the account's calendar, or always open without one.",
    }),
    why: t.string({ description: WHY }),
  }),
});

builder.mutationField('createChannel', (t) =>
  t.field({
    type: Channel,
    description:
      'Creates a channel. This is a change of rules. An error names the wrong setting, as `settings.secret`. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: CreateChannelInput, required: true, description: 'The channel to change.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'CreateChannelResult',
        description: 'The created channel, or the error; nothing was created then.',
      },
    },
    async resolve(_root, { input, idempotencyKey }, context) {
      const { accountId, actor, deps } = context;
      const channel = {
        name: readName(input.name),
        adapterId: input.adapterId,
        settings: readSettings(input.settings),
        calendarId: decodeGiven('Calendar', input.calendarId, 'calendarId'),
      };
      const call = callOf({ idempotencyKey }, 'createChannel', channel);
      const author = { changedBy: actor, why: readWhy(input.why) };
      return await found(
        context,
        await deps.afterCommit(createChannel(deps, { accountId, author, call }, channel)),
      );
    },
  }),
);

builder.mutationField('updateChannel', (t) =>
  t.field({
    type: Channel,
    description:
      'Changes a channel. This is a change of rules and applies at once. The adapter cannot be changed. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: UpdateChannelInput, required: true, description: 'The changes.' }),
      ...onceArgs(),
    },
    errors: {
      types: [
        ...[InvalidInputError, NotFoundError, SecretsNeededError, TakenError, ConflictError],
        ForbiddenError,
      ],
      union: {
        name: 'UpdateChannelResult',
        description: 'The changed channel, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { input, idempotencyKey }, context) {
      const { accountId, actor, deps } = context;
      const channelId = decodeId('Channel', input.channelId, 'channelId');
      const changes = {
        name: input.name === null || input.name === undefined ? undefined : readName(input.name),
        settings: input.settings ? readSettings(input.settings) : undefined,
        calendarId:
          input.calendarId === undefined
            ? undefined
            : decodeGiven('Calendar', input.calendarId, 'calendarId'),
      };
      const call = callOf({ idempotencyKey }, 'updateChannel', { channelId, ...changes });
      const author = { changedBy: actor, why: readWhy(input.why) };
      return await found(
        context,
        await deps.afterCommit(updateChannel(deps, { accountId, author, call }, channelId, changes)),
      );
    },
  }),
);

function readSettings(settings: Record<string, unknown>): Record<string, unknown> {
  if (!isStorableJson(settings))
    throw new InvalidInputError(
      'settings',
      `well-formed texts without NUL, with at most ${MAX_NESTED} nested lists or objects, are allowed`,
    );
  // Only now: JSON.stringify fails on what is nested very deep.
  const { max } = BOUNDS.settings;
  if (JSON.stringify(settings).length > max)
    throw new InvalidInputError('settings', `at most ${max} characters, as JSON, are allowed`);
  return settings;
}

async function found({ load }: Context, { id }: { id: string }) {
  const channel = await load.channel(id);
  if (channel === null) throw new NotFoundError('channelId', 'channel');
  return channel;
}
