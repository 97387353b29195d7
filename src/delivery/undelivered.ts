import { ConflictError, NotFoundError } from '../domain/errors.ts';
import type { Causing, EngineDeps } from '../engine.ts';
import { readEffects, settleEffect } from './effects.ts';

/**
 * Tries again, from the start, to send what was given up. What nobody knows whether it was sent may then be shown twice.
 * @throws NotFoundError; ConflictError where it is not given up (any more)
 */
export async function retryEffect(
  deps: Pick<EngineDeps, 'db' | 'clock'>,
  accountId: string,
  effectId: string,
): Promise<Causing<void>> {
  await settle(deps, accountId, effectId, 'PENDING');
  return { result: undefined, caused: { owes: true } };
}

/**
 * Drops for good what was given up.
 * @throws NotFoundError; ConflictError where it is not given up (any more)
 */
export async function dropEffect(
  deps: Pick<EngineDeps, 'db' | 'clock'>,
  accountId: string,
  effectId: string,
): Promise<Causing<void>> {
  await settle(deps, accountId, effectId, 'DROPPED');
  return { result: undefined, caused: {} };
}

async function settle(
  { db, clock }: Pick<EngineDeps, 'db' | 'clock'>,
  accountId: string,
  effectId: string,
  to: 'PENDING' | 'DROPPED',
): Promise<void> {
  if (await settleEffect(db.sql, accountId, effectId, { to, now: clock.now() })) return;
  const [effect] = await readEffects(db.sql, accountId, [effectId]);
  if (!effect) throw new NotFoundError('effectId', 'effect');
  throw new ConflictError('effectId', effect.state, `effectId: it is ${effect.state}, not given up`);
}
