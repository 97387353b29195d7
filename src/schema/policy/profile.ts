import { BOUNDS } from '../../domain/bounds.ts';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  ProfileRefusedError,
} from '../../domain/errors.ts';
import type { PROFILES } from '../../domain/policy/profiles.ts';
import { setCaseStatuses } from '../../rules/set-case-statuses.ts';
import { setProfile } from '../../rules/set-profile.ts';
import { Account } from '../account/account.ts';
import { builder } from '../core/builder.ts';
import { enumOf } from '../core/enums.ts';
import { readText, readWhy, WHY } from '../core/text.ts';

const MAX = { caseStatuses: BOUNDS.caseStatuses.max, caseStatus: BOUNDS.caseStatus.max };

const ProfileEnum = enumOf<string>('Profile', 'A named set of bounds, defaults and reset rules.', {
  LULL: 'The abilities of all vendors together, with the widest bounds.',
  LIVEPERSON: "LivePerson's automatic close (LP-1 to LP-13).",
  SALESFORCE: "Salesforce's sessions (SF-1 to SF-14).",
  SPROUT: "Sprout's cases (SP-1 to SP-13).",
} satisfies Record<keyof typeof PROFILES, string>);

builder.mutationField('setProfile', (t) =>
  t.field({
    type: Account,
    description:
      'Sets the profile of the account. This is a change of rules and applies at once to every conversation. The layers keep their fields. If one does not fit the profile, nothing is changed and the error lists every such field. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      profile: t.arg({ type: ProfileEnum, required: true, description: 'The new profile.' }),
      why: t.arg.string({ description: WHY }),
      expectedVersion: t.arg.int({
        description:
          'The rules version on which the change is based. If it is not the newest, the result is a ConflictError.',
      }),
    },
    errors: {
      types: [ProfileRefusedError, InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'SetProfileResult',
        description: 'The changed account, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { profile, why, expectedVersion }, { accountId, actor, deps, load }) {
      const author = { changedBy: actor, why: readWhy(why) };
      const asked = { profile, expectedVersion: expectedVersion ?? null };
      await deps.afterCommit(setProfile(deps, accountId, asked, author));
      return load.account();
    },
  }),
);

builder.mutationField('setCaseStatuses', (t) =>
  t.field({
    type: Account,
    description:
      'Sets the case statuses that conversations can have and policies can use (SP-4). A removed status stays on the conversations that have it. Setting the same list again changes nothing. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      caseStatuses: t.arg.stringList({
        required: true,
        description: `The complete list: at most ${MAX.caseStatuses} statuses of 1 to ${MAX.caseStatus} characters. A status that a policy uses cannot be removed.`,
      }),
      why: t.arg.string({ description: WHY }),
    },
    errors: {
      types: [InvalidInputError, ForbiddenError],
      union: {
        name: 'SetCaseStatusesResult',
        description: 'The changed account, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { caseStatuses, why }, { accountId, actor, deps, load }) {
      if (caseStatuses.length > MAX.caseStatuses)
        throw new InvalidInputError('caseStatuses', `at most ${MAX.caseStatuses} are allowed`);
      const read = caseStatuses.map((status, index) =>
        readText(status, `caseStatuses[${index}]`, MAX.caseStatus),
      );
      const author = { changedBy: actor, why: readWhy(why) };
      await deps.afterCommit(setCaseStatuses(deps, accountId, read, author));
      return load.account();
    },
  }),
);
