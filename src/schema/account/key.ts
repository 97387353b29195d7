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
  description: 'An API key. Its token cannot be read again. All fields need the scope `keys:write`.',
  authScopes: { scope: 'keys:write' },
  id: { resolve: (key) => key.id, description: 'The global id: unique across all types, opaque.' },
  async loadManyWithoutCache(ids, { accountId, reads }) {
    const rows = new Map((await readApiKeys(reads.sql, accountId, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name to show to people.' }),
    scopes: t.exposeStringList('scopes', { description: `The scopes of the key: ${SCOPE_NAMES}.` }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the endpoint was created.',
      resolve: (key) => key.createdAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the key was revoked; null if it was not.',
      resolve: (key) => key.revokedAt,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the key expires; null if it is valid until it is revoked.',
      resolve: (key) => key.expiresAt,
    }),
    madeBy: t.exposeString('madeBy', {
      nullable: true,
      description:
        'Who created the key, as the history names it: `key:…`, `agent:…` or `operator:…`; null for the command line.',
    }),
  }),
});

const ApiKeyConnection = builder.connectionObject(
  { type: ApiKey, name: 'ApiKeyConnection', description: 'A page of API keys.' },
  { name: 'ApiKeyEdge', description: 'An API key with its cursor.' },
);

builder.queryField('apiKeys', (t) =>
  t.field({
    type: ApiKeyConnection,
    description:
      'The API keys of the account, the oldest first, revoked ones included. Needs only the scope `keys:write`.',
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
  description: 'The fields of a new API key.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'The name to show to people: 1 to 100 characters.' }),
    scopes: t.stringList({
      required: true,
      description: `The scopes of the key, all of which the caller must have: ${SCOPE_NAMES}.`,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description:
        'When the key expires. The default, and the latest allowed instant, is when the creating key or token ends. With `Account.keysOutliveMaker` any instant is allowed and there is no default.',
    }),
  }),
});

const CreatedApiKey = builder.objectRef<{ apiKey: ApiKeyRow; token: string }>('CreatedApiKey').implement({
  description: 'A created API key with its token.',
  fields: (t) => ({
    apiKey: t.field({
      type: ApiKey,
      description: 'The new key with its scopes, without its token.',
      resolve: ({ apiKey }) => apiKey,
    }),
    token: t.exposeString('token', {
      description:
        'The token for `authorization: Bearer …`. It is shown only this once, because only its hash is stored.',
    }),
  }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: CreatedApiKey,
    description:
      'Creates an API key of this account, with scopes that the caller has. It is revoked with the key that created it and expires with the token that created it, unless `Account.keysOutliveMaker` is set. Needs the scope `keys:write`.',
    authScopes: { scope: 'keys:write' },
    args: {
      input: t.arg({
        type: CreateApiKeyInput,
        required: true,
        description: 'The name, the scopes and the expiry.',
      }),
    },
    errors: {
      types: [InvalidInputError, ForbiddenError, UnavailableError],
      union: {
        name: 'CreateApiKeyResult',
        description: 'The created key with its token, or the error; nothing was created then.',
      },
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
      'Revokes a key for good, from the next request on, together with the keys that end with it. A repeated call changes nothing. Needs the scope `keys:write` and every scope of the key.',
    authScopes: { scope: 'keys:write' },
    args: {
      id: t.arg.id({ required: true, description: 'The id of an ApiKey; an unknown one is NOT_FOUND.' }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ForbiddenError, UnavailableError],
      union: {
        name: 'RevokeApiKeyResult',
        description: 'The revoked key, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, { accountId, deps, scopes }) {
      return await revokeKey(deps, accountId, decodeId('ApiKey', args.id, 'id'), { scopes });
    },
  }),
  setKeysOutliveMaker: t.field({
    type: Account,
    description:
      'Sets whether keys that are created from now on stay valid after the key or token that created them has ended. Existing keys do not change. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      outlive: t.arg.boolean({
        required: true,
        description: 'False, the default: keys end with their creator. True: they do not.',
      }),
    },
    errors: {
      types: [ForbiddenError, UnavailableError],
      union: {
        name: 'SetKeysOutliveMakerResult',
        description: 'The changed account, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { outlive }, { accountId, deps, load }) {
      await setKeysOutliveMaker(deps, accountId, outlive);
      return await load.account();
    },
  }),
}));
