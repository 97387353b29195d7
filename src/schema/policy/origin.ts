import type { Origin as PolicyOrigin } from '../../domain/policy/policy.ts';
import { builder } from '../core/builder.ts';
import { PolicyScopeEnum } from '../core/enums.ts';

/** Where a value of a policy comes from. */
export const Origin = builder.objectRef<PolicyOrigin>('Origin').implement({
  description: 'Where a value of a policy comes from (LL-1).',
  fields: (t) => ({
    scope: t.field({
      type: PolicyScopeEnum,
      description: 'The layer that set it.',
      resolve: (origin) => origin.scope,
    }),
    version: t.exposeInt('version', {
      nullable: true,
      description: "The rules version that set it; null for the profile's default.",
    }),
    clamped: t.exposeBoolean('clamped', {
      description:
        'Whether what was inherited lay outside what the channel allows, and was moved to its bound.',
    }),
  }),
});
