import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin, { type AuthFailure } from '@pothos/plugin-scope-auth';
import type { Temporal } from 'temporal-polyfill';
import type { Scope } from '../../accounts/api-keys.ts';
import { ForbiddenError } from '../../domain/errors.ts';
import type { Context } from './context.ts';
import { decodeAnyId, encodeId, type NodeType } from './ids.ts';

/** Builds the schema. It knows no type: each file beside it adds one, with its queries and mutations. */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  AuthScopes: { scope: Scope };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    Duration: { Input: Temporal.Duration; Output: Temporal.Duration };
    JSONObject: { Input: Record<string, unknown>; Output: Record<string, unknown> };
  };
}>({
  plugins: [ErrorsPlugin, ScopeAuthPlugin, RelayPlugin],
  defaultFieldNullability: false,
  errors: { defaultTypes: [], directResult: true },
  scopeAuth: {
    authScopes: (context) => ({ scope: (scope) => context.scopes.has(scope) }),
    authorizeOnSubscribe: true,
    unauthorizedError: (_parent, _context, _info, { failure }) => new ForbiddenError(scopeOf(failure)),
  },
  relay: {
    encodeGlobalID: (type, id) => encodeId(type as NodeType, String(id)),
    decodeGlobalID(globalId) {
      const { type, id } = decodeAnyId(globalId, 'id');
      return { typename: type, id };
    },
    nodesQueryOptions: false,
    nodeQueryOptions: {
      description: 'Anything with an id; null where the account has no such thing.',
      args: { id: { description: 'Of anything.' } },
    },
    nodesOnConnection: { description: 'The things on this page, in order, without their cursors.' },
    nodeTypeOptions: { description: 'Anything with an id of its own.' },
    idFieldOptions: { description: 'Unique over all types.' },
    nodeFieldOptions: { nullable: false, description: 'The thing itself.' },
    edgesFieldOptions: {
      nullable: false,
      description: 'The things on this page, in order, with their cursors.',
    },
    pageInfoFieldOptions: { description: 'Where this page lies.' },
    cursorFieldOptions: { description: 'What to give as `after` to go on from here. Opaque.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'Whether something comes after this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether something comes before this page.' },
    startCursorFieldOptions: { description: 'The first cursor of this page; null if it is empty.' },
    endCursorFieldOptions: { description: 'The last cursor of this page; null if it is empty.' },
  },
});

builder.queryType({
  description:
    'What can be read. Everything here needs the scope `conversations:read`, unless it says which other.',
  authScopes: { scope: 'conversations:read' },
});
builder.mutationType({
  description: 'What can be done. A result is what was done, or one of the errors named in its union.',
});
builder.subscriptionType({
  description:
    'What can be listened to, over server-sent events. Best effort: a client that was away catches up with `events(after:)`. Everything here needs the scope `conversations:read`.',
  authScopes: { scope: 'conversations:read' },
});

/** The scope that was missing; every check is for a single one. */
function scopeOf(failure: AuthFailure): string {
  if ('parameter' in failure) return String(failure.parameter);
  return 'failures' in failure && failure.failures[0] ? scopeOf(failure.failures[0]) : 'unknown';
}
