import type { IfExists } from '../../db/rows/if-exists.ts';
import { builder } from './builder.ts';
import { enumOf } from './enums.ts';

const IfExistsEnum = enumOf<IfExists>(
  'IfExists',
  'The answer to a creation if the account already has an object of that name.',
  {
    ERROR: 'The result is a TakenError, and nothing is changed.',
    RETURN: 'The result is the existing object, unchanged, so that a script can run again.',
  },
);

/** The argument of mutations that create objects with a unique name; `same` is what must be equal beyond the name. */
export const ifExistsArg = (same?: string) =>
  builder.args((t) => ({
    ifExists: t.field({
      type: IfExistsEnum,
      required: true,
      defaultValue: 'ERROR',
      description: `The answer if the name exists. RETURN answers with the existing object and changes nothing in it, even if other fields differ.${same ? ` If its ${same} differs, the result is a TakenError.` : ''}`,
    }),
  }));
