import { BOUNDS } from '../../domain/bounds.ts';
import { ConflictError, ForbiddenError, InvalidInputError } from '../../domain/errors.ts';
import { setExemptTags } from '../../rules/exempt-tags.ts';
import { Account } from '../account/account.ts';
import { builder } from '../core/builder.ts';
import { readText, readWhy, WHY } from '../core/text.ts';

const MAX = { tags: BOUNDS.exemptTags.max, tag: BOUNDS.tag.max };

builder.mutationField('setExemptTags', (t) =>
  t.field({
    type: Account,
    description:
      'Sets the exempt tags: no timer acts on a conversation with one of them, except the end of a hold and the protection (PE-7). It applies at once to any number of conversations; `Account.exemptionBackfill` shows the progress of the background work. Setting the same tags again changes nothing. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      tags: t.arg.stringList({
        required: true,
        description: `The complete list, spelled as on conversations: at most ${MAX.tags} tags of 1 to ${MAX.tag} characters. An empty list exempts nothing.`,
      }),
      why: t.arg.string({ description: WHY }),
      expectedVersion: t.arg.int({
        description:
          'The rules version on which the change is based. If it is not the newest, the result is a ConflictError.',
      }),
    },
    errors: {
      types: [InvalidInputError, ConflictError, ForbiddenError],
      union: {
        name: 'SetExemptTagsResult',
        description: 'The changed account, or the error; nothing was changed then.',
      },
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
