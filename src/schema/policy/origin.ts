import type { Origin as PolicyOrigin } from '../../domain/policy/policy.ts';
import { builder } from '../core/builder.ts';
import { PolicyScopeEnum } from '../core/enums.ts';

/** Where a value of a policy comes from. */
export const Origin = builder.objectRef<PolicyOrigin>('Origin').implement({
  description: 'The source of a policy value (LL-1).',
  fields: (t) => ({
    scope: t.field({
      type: PolicyScopeEnum,
      description: 'The layer that sets the value.',
      resolve: (origin) => origin.scope,
    }),
    version: t.exposeInt('version', {
      nullable: true,
      description: 'The rules version that set the value; null for a default of the profile.',
    }),
    clamped: t.exposeBoolean('clamped', {
      description:
        "Whether the inherited value was outside the channel's bounds and was moved to the nearest bound.",
    }),
  }),
});
