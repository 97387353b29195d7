import {
  type ApiKeyRow,
  createApiKey,
  listApiKeys,
  readApiKeys,
  readScopes,
  revokeApiKey,
  SCOPES,
} from '../db/api-keys.ts';
import { ForbiddenError, InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { isUuid } from '../domain/uuid.ts';
import { builder } from './builder.ts';
import { pageArgs, readPageArgs, toConnection } from './connection.ts';
import { decodeId } from './ids.ts';
import { readText } from './text.ts';

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
      'Makes a key to this account. It can be given no scope that the caller does not have. Needs the scope `keys:write`.',
    authScopes: { scope: 'keys:write' },
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key.' }) },
    errors: {
      types: [InvalidInputError, ForbiddenError],
      union: { name: 'CreateApiKeyResult', description: 'The key with its token, or why none was made.' },
    },
    async resolve(_root, { input }, { accountId, scopes: own, deps }) {
      const name = readText(input.name, 'name', 100);
      const scopes = [...new Set(readScopes(input.scopes))];
      const missing = scopes.find((scope) => !own.has(scope));
      if (missing !== undefined) throw new ForbiddenError(missing);
      const [id, now] = [deps.newId(), deps.clock.now()];
      const token = await createApiKey(deps.db, { accountId, name, scopes }, { id, now });
      return { apiKey: { id, name, scopes, createdAt: now, revokedAt: null }, token };
    },
  }),
  revokeApiKey: t.field({
    type: ApiKey,
    description:
      'Revokes a key, from the next request on and for ever; the same again changes nothing. Needs the scope `keys:write`.',
    authScopes: { scope: 'keys:write' },
    args: { id: t.arg.id({ required: true, description: 'Of an ApiKey.' }) },
    errors: {
      types: [InvalidInputError, NotFoundError, ForbiddenError],
      union: { name: 'RevokeApiKeyResult', description: 'The key, or why nothing was changed.' },
    },
    async resolve(_root, args, { accountId, deps }) {
      const id = decodeId('ApiKey', args.id, 'id');
      const key = await revokeApiKey(deps.db.sql, { accountId, id }, deps.clock.now());
      if (key === null) throw new NotFoundError('id', 'key');
      return key;
    },
  }),
}));
