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
import { isStorableJson, MAX_NAME, MAX_NESTED, readName, readWhy } from '../core/text.ts';

const NAME = `1 to ${MAX_NAME} characters, unique among the account's channels.`;
const WHY = 'Kept in the history of the rules: up to 1000 characters.';

builder.objectFields(Channel, (t) => ({
  adapterId: t.exposeString('adapterId', { description: 'Which kind of channel it is, such as `web`.' }),
  calendar: t.field({
    type: Calendar,
    nullable: true,
    description: "What its timers run on (PE-8); null: the account's, and without one it is always open.",
    resolve: ({ calendarId }, _args, { load }) => load.calendar(calendarId),
  }),
  settings: t.field({
    type: 'JSONObject',
    description:
      "What its adapter is set up with, as the adapter's `settingsSchema` describes it, without secrets.",
    async resolve({ id }, _args, { deps, load }) {
      const stored = await load.channelSettings(id);
      return stored === null ? {} : deps.settings.shown(stored.adapterId, stored.settings);
    },
  }),
  webhookPath: t.string({
    description:
      'The path at which its provider reports what happens, below where this service is reached from outside: `/webhooks/…`.',
    resolve: ({ id }, _args, { accountId }) => `/webhooks/${accountId}/${id}`,
  }),
  paused: t.boolean({
    description: 'Whether nothing ends here by itself, by a pause of it or of the account (LL-15).',
    resolve: async ({ id }, _args, { load }) => (await load.rules()).channels.get(id)?.paused ?? false,
  }),
}));

const CreateChannelInput = builder.inputType('CreateChannelInput', {
  description: 'A channel to be.',
  fields: (t) => ({
    name: t.string({ required: true, description: NAME }),
    adapterId: t.string({ required: true, description: 'Which kind of channel it is, such as `web`.' }),
    settings: t.field({
      type: 'JSONObject',
      required: true,
      description: 'What its adapter takes. Secrets among them are never shown again.',
    }),
    calendarId: t.id({
      description: "What its timers run on (PE-8); absent: the account's, and without one it is always open.",
    }),
    why: t.string({ description: WHY }),
  }),
});
const UpdateChannelInput = builder.inputType('UpdateChannelInput', {
  description: 'What to change of a channel; what is left out stays.',
  fields: (t) => ({
    channelId: t.id({ required: true, description: 'The channel.' }),
    name: t.string({ description: NAME }),
    settings: t.field({
      type: 'JSONObject',
      description:
        'The settings to change; one that is left out stays, one that is null is removed. A destination that becomes another needs every secret of the channel anew: else SECRETS_NEEDED.',
    }),
    calendarId: t.id({
      description: "What its timers run on (PE-8); null: the account's, and without one it is always open.",
    }),
    why: t.string({ description: WHY }),
  }),
});

builder.mutationField('createChannel', (t) =>
  t.field({
    type: Channel,
    description:
      'Makes a channel; a change of rules. An error names the setting that is wrong, as `settings.secret`. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: CreateChannelInput, required: true, description: 'The channel.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, TakenError, ConflictError, ForbiddenError],
      union: { name: 'CreateChannelResult', description: 'The channel, or why there is none.' },
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
      'Changes a channel; a change of rules, in force at once. Its adapter stays what it is. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: UpdateChannelInput, required: true, description: 'What to change.' }),
      ...onceArgs(),
    },
    errors: {
      types: [
        ...[InvalidInputError, NotFoundError, SecretsNeededError, TakenError, ConflictError],
        ForbiddenError,
      ],
      union: { name: 'UpdateChannelResult', description: 'The channel, or why nothing was changed.' },
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
      `texts without NUL and well formed, at most ${MAX_NESTED} lists or objects within each other, are allowed`,
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
