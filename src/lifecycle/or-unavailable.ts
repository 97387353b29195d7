import { gaveUp } from '../db/gave-up.ts';
import { UnavailableError } from '../domain/errors.ts';

/** Runs something that writes in one transaction. @throws UnavailableError where the database gave that up: nothing was changed, try again */
export async function orUnavailable<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    throw gaveUp(error) ? new UnavailableError('the database was too slow; nothing was changed') : error;
  }
}
