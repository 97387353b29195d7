import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin, { type AuthFailure } from '@pothos/plugin-scope-auth';
import type { Temporal } from 'temporal-polyfill';
import type { Scope } from '../../accounts/api-keys.ts';
import { ForbiddenError } from '../../domain/errors.ts';
import type { Context } from './context.ts';
import { decodeAnyId, encodeId, type NodeType } from './ids.ts';

/** Builds the schema. Each file of a room adds a type to it, with its queries and mutations. */
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
      description:
        'Any object by its global id; null if the account has no such object. Code INVALID_INPUT for a malformed id.',
      args: { id: { description: 'The global id of an object of any type that implements `Node`.' } },
    },
    nodesOnConnection: { description: 'The objects on this page, in order, without cursors.' },
    nodeTypeOptions: { description: 'An object with a global id.' },
    idFieldOptions: { description: 'The global id: unique across all types, opaque.' },
    nodeFieldOptions: { nullable: false, description: 'The object at this cursor.' },
    edgesFieldOptions: {
      nullable: false,
      description: 'The objects on this page, in order, each with its cursor.',
    },
    pageInfoFieldOptions: { description: 'The position of this page in the list.' },
    cursorFieldOptions: {
      description:
        'The position of this object in the list, opaque. Pass it as `after` to read the page that follows.',
    },
    pageInfoTypeOptions: { description: 'The position of a page in its list.' },
    hasNextPageFieldOptions: { description: 'Whether the list has objects after this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether the list has objects before this page.' },
    startCursorFieldOptions: {
      description: 'The cursor of the first object on this page; null if the page is empty.',
    },
    endCursorFieldOptions: {
      description: 'The cursor of the last object on this page; null if the page is empty.',
    },
  },
});

builder.queryType({
  description:
    'Reads. Each field requires the scope `conversations:read`, unless its description names another; without it the code is FORBIDDEN.',
  authScopes: { scope: 'conversations:read' },
});
builder.mutationType({
  description:
    'Writes. Each field returns a union of its result and its errors. After an error nothing has changed. Only after UNAVAILABLE can that be unknown: repeat the same call, with an `idempotencyKey` or `messageId`.',
});
builder.subscriptionType({
  description:
    'Live updates over server-sent events (`accept: text/event-stream`). Delivery is best effort: after a disconnect, catch up with `events(after:)`. Each field requires the scope `conversations:read`.',
  authScopes: { scope: 'conversations:read' },
});

/** The missing scope; every check is for one scope. */
function scopeOf(failure: AuthFailure): string {
  if ('parameter' in failure) return String(failure.parameter);
  return 'failures' in failure && failure.failures[0] ? scopeOf(failure.failures[0]) : 'unknown';
}
