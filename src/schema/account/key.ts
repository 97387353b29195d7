import { type ApiKeyRow, listApiKeys, readApiKeys, readScopes, SCOPES } from '../../accounts/api-keys.ts';
import { makeKey, revokeKey, setKeysOutliveMaker } from '../../accounts/keys.ts';
import { BOUNDS, checkLength } from '../../domain/bounds.ts';
import { ForbiddenError, InvalidInputError, NotFoundError, UnavailableError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { decodeId } from '../core/ids.ts';
import { readName } from '../core/text.ts';
import { Account } from './account.ts';

const SCOPE_NAMES = SCOPES.map((scope) => `\`${scope}\``).join(', ');

const ApiKey = builder.objectRef<ApiKeyRow>('ApiKey');
builder.node(ApiKey, {
  name: 'ApiKey',
  description:
    'A key to the API. Its token cannot be read again. Everything here needs the scope `keys:write`.',
  authScopes: { scope: 'keys:write' },
  id: { resolve: (key) => key.id, description: 'Unique over all types.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readApiKeys(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'For people.' }),
    scopes: t.exposeStringList('scopes', { description: `What it may do: ${SCOPE_NAMES}.` }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: (key) => key.createdAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null: it is valid.',
      resolve: (key) => key.revokedAt,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'From when on it is not valid any more; null: it is valid until it is revoked.',
      resolve: (key) => key.expiresAt,
    }),
    madeBy: t.exposeString('madeBy', {
      nullable: true,
      description:
        'Who made it: `key:…`, `agent:…` or `operator:…`, as histories name them; null: somebody at the command line.',
    }),
  }),
});

const ApiKeyConnection = builder.connectionObject(
  { type: ApiKey, name: 'ApiKeyConnection', description: 'A page of a list of keys.' },
  { name: 'ApiKeyEdge', description: 'One of a list, with its cursor.' },
);

builder.queryField('apiKeys', (t) =>
  t.field({
    type: ApiKeyConnection,
    description:
      "The account's keys, the oldest first, revoked ones among them. Needs the scope `keys:write` alone.",
    skipTypeScopes: true,
    authScopes: { scope: 'keys:write' },
    args: pageArgs(50),
    async resolve(_root, args, { accountId, reads }) {
      const page = readPageArgs(args, 'apiKey', isUuid);
      const rows = await listApiKeys(reads.sql, accountId, page.after, page.limit + 1);
      return toConnection(rows, page, 'apiKey', (key) => key.id);
    },
  }),
);

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A key to be made.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'For people: 1 to 100 characters.' }),
    scopes: t.stringList({
      required: true,
      description: `What it may do, of what the caller may do itself: ${SCOPE_NAMES}.`,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description:
        'From when on it is not valid any more. The default, and the latest allowed, is when the key or token that makes it ends. With `Account.keysOutliveMaker` any instant is allowed, and there is no default.',
    }),
  }),
});

const CreatedApiKey = builder.objectRef<{ apiKey: ApiKeyRow; token: string }>('CreatedApiKey').implement({
  description: 'A key that was made.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKey, description: 'The key.', resolve: ({ apiKey }) => apiKey }),
    token: t.exposeString('token', {
      description: 'What goes into `authorization: Bearer …`. Shown this once: only its hash is kept.',
    }),
  }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: CreatedApiKey,
    description:
      'Makes a key to this account. It can be given no scope that the caller does not have. It ends with what it is made by: it is revoked with that key, and expires with that token, unless `Account.keysOutliveMaker`. Needs the scope `keys:write`.',
    authScopes: { scope: 'keys:write' },
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key.' }) },
    errors: {
      types: [InvalidInputError, ForbiddenError, UnavailableError],
      union: { name: 'CreateApiKeyResult', description: 'The key with its token, or why none was made.' },
    },
    async resolve(_root, { input }, { accountId, deps, ...holder }) {
      const name = readName(input.name);
      checkLength(input.scopes, 'scopes', BOUNDS.scopes.max);
      const scopes = [...new Set(readScopes(input.scopes))];
      return await makeKey(deps, accountId, { name, scopes, expiresAt: input.expiresAt ?? null }, holder);
    },
  }),
  revokeApiKey: t.field({
    type: ApiKey,
    description:
      'Revokes a key, from the next request on and for ever, with the keys that were made by it and end with it; the same again changes nothing. Needs the scope `keys:write`, and every scope of the key.',
    authScopes: { scope: 'keys:write' },
    args: { id: t.arg.id({ required: true, description: 'Of an ApiKey.' }) },
    errors: {
      types: [InvalidInputError, NotFoundError, ForbiddenError, UnavailableError],
      union: { name: 'RevokeApiKeyResult', description: 'The key, or why nothing was changed.' },
    },
    async resolve(_root, args, { accountId, deps, scopes }) {
      return await revokeKey(deps, accountId, decodeId('ApiKey', args.id, 'id'), { scopes });
    },
  }),
  setKeysOutliveMaker: t.field({
    type: Account,
    description:
      'Says whether keys that are made from now on stay valid once the key or token that made them has ended. Keys that there are stay as they were made. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      outlive: t.arg.boolean({
        required: true,
        description: 'False, as at first: they end with what made them. True: they do not.',
      }),
    },
    errors: {
      types: [ForbiddenError, UnavailableError],
      union: {
        name: 'SetKeysOutliveMakerResult',
        description: 'The account, or why nothing was changed.',
      },
    },
    async resolve(_root, { outlive }, { accountId, deps, load }) {
      await setKeysOutliveMaker(deps, accountId, outlive);
      return await load.account();
    },
  }),
}));
