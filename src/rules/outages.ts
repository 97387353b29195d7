import { countOf } from '../db/rows/counts.ts';
import { checkCount } from '../domain/bounds.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { Causing } from '../engine.ts';
import type { RulesDeps } from './change-rules.ts';
import { changeRulesOnce, type OnceRequest } from './change-rules-once.ts';
import { insertOutage, type OutageRow, readOutages, setOutageEnd } from './outage-rows.ts';

/** How far in the future the beginning of an outage may be, as for activities. It then begins now. */
const AHEAD_MS = 60_000;
/** The last instant that the API can represent. */
const LAST = new Date('9999-12-31T23:59:59.999Z');

/** An outage to record, of one channel or of all (null). It continues while `until` is null. */
export type NewOutage = { channelId: string | null; since: Date; until: Date | null };

/**
 * Records an outage, whose time does not count (LL-7). It is a change of rules: due times change from now on, and
 * ended conversations stay ended. An outage may lie in the past, continue, and overlap others.
 * @throws NotFoundError naming `channelId`; InvalidInputError naming `since` or `until`; ConflictError
 */
export async function recordOutage(
  deps: RulesDeps,
  request: OnceRequest,
  { channelId, since, until }: NewOutage,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeRulesOnce(deps, request, async (sql, rules) => {
    if (channelId !== null && !rules.channels.has(channelId)) throw new NotFoundError('channelId', 'channel');
    const began = beginningOf(since, deps.clock.now());
    checkEnd(until);
    if (until !== null && until < began)
      throw new InvalidInputError(
        'until',
        `an instant at or after since (${began.toISOString()}) is allowed`,
      );
    checkCount('outages', await countOf(sql, accountId, 'outages', deps.clock.now()));
    const outage: OutageRow = { id: deps.newId(), kind: 'OUTAGE', channelId, since: began, until };
    await insertOutage(sql, accountId, outage);
    return {
      change: { kind: 'OUTAGE', channelId, skillId: null, before: null, after: asKept(outage) },
      result: { id: outage.id },
    };
  });
}

/**
 * Ends an outage that continues, now or at an instant. An end in the future can be changed. From then on time
 * counts again, and each conversation has as much time left as when the outage began (LL-7).
 * @throws NotFoundError naming `outageId`; InvalidInputError naming `outageId` of an outage that is over, or
 * `until`; ConflictError
 */
export async function endOutage(
  deps: RulesDeps,
  request: OnceRequest,
  { outageId, until }: { outageId: string; until: Date | null },
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeRulesOnce(deps, request, async (sql) => {
    const [outage] = await readOutages(sql, accountId, [outageId]);
    if (!outage) throw new NotFoundError('outageId', 'outage');
    const now = deps.clock.now();
    if (outage.until !== null && outage.until <= now)
      throw new InvalidInputError(
        'outageId',
        `an ongoing outage is allowed; this outage ended at ${outage.until.toISOString()}`,
      );
    checkEnd(until);
    const end = until ?? now;
    if (end < outage.since)
      throw new InvalidInputError(
        'until',
        `an instant at or after the outage's start (${outage.since.toISOString()}) is allowed`,
      );
    await setOutageEnd(sql, accountId, outageId, end);
    const { channelId } = outage;
    const after = asKept({ ...outage, until: end });
    return {
      change: { kind: 'OUTAGE', channelId, skillId: null, before: asKept(outage), after },
      result: { id: outageId },
    };
  });
}

function beginningOf(since: Date, now: Date): Date {
  if (since.getTime() < 0) throw new InvalidInputError('since', 'an instant since 1970 is allowed');
  if (since.getTime() - now.getTime() > AHEAD_MS)
    throw new InvalidInputError('since', 'an instant at most one minute in the future is allowed');
  return since > now ? now : since;
}

function checkEnd(until: Date | null): void {
  if (until !== null && until > LAST)
    throw new InvalidInputError('until', 'an instant of the year 9999 or earlier is allowed');
}

/** An outage as the history of rules stores it. */
function asKept({ kind, since, until }: OutageRow): object {
  return { kind, since: since.toISOString(), until: until?.toISOString() ?? null };
}
