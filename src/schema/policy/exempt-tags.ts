import { BOUNDS } from '../../domain/bounds.ts';
import { ConflictError, ForbiddenError, InvalidInputError } from '../../domain/errors.ts';
import { setExemptTags } from '../../rules/exempt-tags.ts';
import { Account } from '../account/account.ts';
import { builder } from '../core/builder.ts';
import { readText, readWhy } from '../core/text.ts';

const MAX = { tags: BOUNDS.exemptTags.max, tag: BOUNDS.tag.max };

builder.mutationField('setExemptTags', (t) =>
  t.field({
    type: Account,
    description:
      'Sets the tags that exempt a conversation: while it has one of them no timer acts on it but the end of a hold and the protection (PE-7). In force at once, however many conversations there are; `Account.exemptionBackfill` tells how far the work behind it has come. The same tags again change nothing. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      tags: t.arg.stringList({
        required: true,
        description: `All of them, as they are written on conversations: at most ${MAX.tags}, of 1 to ${MAX.tag} characters. Empty: none exempts.`,
      }),
      why: t.arg.string({ description: 'Kept in the history of the rules: up to 1000 characters.' }),
      expectedVersion: t.arg.int({
        description: 'The rules version this was decided on; where it is not the newest, ConflictError.',
      }),
    },
    errors: {
      types: [InvalidInputError, ConflictError, ForbiddenError],
      union: { name: 'SetExemptTagsResult', description: 'The account, or why nothing was changed.' },
    },
    async resolve(_root, { tags, why, expectedVersion }, { accountId, actor, deps, load }) {
      if (tags.length > MAX.tags) throw new InvalidInputError('tags', `at most ${MAX.tags} tags are allowed`);
      const read = tags.map((tag, index) => readText(tag, `tags[${index}]`, MAX.tag));
      const author = { changedBy: actor, why: readWhy(why) };
      const request = { accountId, author, expectedVersion: expectedVersion ?? null };
      await deps.afterCommit(setExemptTags(deps, request, read));
      return load.account();
    },
  }),
);
