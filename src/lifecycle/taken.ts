import { takenField } from '../db/unique.ts';
import { TakenError } from '../domain/errors.ts';

/** Runs something that writes names. @throws TakenError naming the field where another one has it */
export async function orTaken<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const field = takenField(error);
    throw field === null ? error : new TakenError(field);
  }
}
