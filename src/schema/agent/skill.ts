import { createSkill, renameSkill } from '../../accounts/agents-and-skills.ts';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  TakenError,
} from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeId } from '../core/ids.ts';
import { Skill } from '../core/named.ts';
import { MAX_NAME, readName } from '../core/text.ts';

const NAME = `1 to ${MAX_NAME} characters, unique among the account's skills.`;

builder.mutationField('createSkill', (t) =>
  t.field({
    type: Skill,
    description: 'Creates a skill. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: { name: t.arg.string({ required: true, description: NAME }), ...onceArgs() },
    errors: {
      types: [InvalidInputError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'CreateSkillResult',
        description: 'The created skill, or the error; nothing was created then.',
      },
    },
    async resolve(_root, args, context) {
      const name = readName(args.name);
      const call = callOf(args, 'createSkill', { name });
      return await made(context, await createSkill(context.deps, context.accountId, name, call));
    },
  }),
);

builder.mutationField('renameSkill', (t) =>
  t.field({
    type: Skill,
    description: 'Renames a skill. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      skillId: t.arg.id({ required: true, description: 'The skill to rename.' }),
      name: t.arg.string({ required: true, description: NAME }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'RenameSkillResult',
        description: 'The renamed skill, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, context) {
      const skillId = decodeId('Skill', args.skillId, 'skillId');
      const name = readName(args.name);
      const call = callOf(args, 'renameSkill', { skillId, name });
      return await made(context, await renameSkill(context.deps, context.accountId, { skillId, name }, call));
    },
  }),
);

async function made({ load }: Context, { id }: { id: string }) {
  const skill = await load.skill(id);
  if (skill === null) throw new NotFoundError('skillId', 'skill');
  return skill;
}
