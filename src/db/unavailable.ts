import { UnavailableError } from '../domain/errors.ts';
import { isAway } from './away.ts';
import { gaveUp } from './gave-up.ts';

/** A connection that broke in mid-commit leaves it open. */
const AWAY =
  'the database is away; whether a change was made is not known: make the same call again, with the same ids and keys';

/**
 * What an error of the database is to a client, where the same call may well succeed later: a statement or a lock that
 * took too long, a deadlock, a serialization failure, a database that is away, full or read-only. Null for any other error.
 */
export function unavailableFor(error: unknown): UnavailableError | null {
  if (error instanceof UnavailableError) return error;
  if (gaveUp(error))
    return new UnavailableError('the database was too slow; nothing was changed', { cause: error });
  return isAway(error) ? new UnavailableError(AWAY, { cause: error }) : null;
}

/** Does something with the database. @throws UnavailableError for what may pass, with the error as its cause; any other error as it is */
export async function orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw unavailableFor(error) ?? error;
  }
}
