import { finishOutbox, putOffOutbox } from '../db/rows/outbox.ts';
import type { Turn } from '../db/rows/outbox-claims.ts';
import type { Causing, EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import { boundedMs, passCircuit, recordHealth } from './circuit-breaker.ts';
import {
  type EffectHandlers,
  type EffectResult,
  type Health,
  MAX_ATTEMPTS,
  type Passage,
} from './effect-result.ts';

/** The dependencies of carrying out effects. */
export type CarryOutDeps = Pick<EngineDeps, 'db' | 'clock'> & {
  /** The share of the jitter that shortens a pause, from 0 to 1; absent: it depends on the id. */
  chance?: (effectId: string) => number;
};

const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 60 * 60_000;
/** A pause is up to this share shorter, so that effects that failed together are not retried together. */
const JITTER = 0.2;
/** The limit of the delay that a channel asks for one message. */
const MAX_REQUESTED_MS = 24 * 60 * 60_000;

/** The health of the destination, and the pause before the next send to it: 0 ms for none. */
export type CarriedOut = { health: Health | undefined; laterMs: number };

/**
 * Carries out one claimed effect if the circuit breaker of its destination lets it pass, and writes the result to the outbox
 * and to the circuit breaker. It never rejects.
 */
export async function carryOut(
  deps: CarryOutDeps,
  handlers: EffectHandlers,
  turn: Turn,
  log: Log,
): Promise<Causing<CarriedOut>> {
  try {
    const pass = await passCircuit(deps, turn);
    if (pass.kind === 'HELD_BACK') {
      await writeResult(deps, turn, { state: 'LATER', afterMs: pass.laterMs }, log);
      return { result: { health: undefined, laterMs: 0 }, caused: {} };
    }
    const result = await handle(handlers, turn, pass).catch((error: unknown) => failed(turn, error, log));
    const { health } = result;
    if (health !== undefined) await recordHealth(deps, turn, health, pass.probeUntil);
    await writeResult(deps, turn, result, log);
    const laterMs = result.state === 'LATER' ? result.afterMs : 0;
    return { result: { health, laterMs }, caused: result.caused ?? {} };
  } catch (error) {
    log.error({ err: error, effect: turn.id }, 'the result of an effect could not be written');
    return { result: { health: undefined, laterMs: 0 }, caused: {} };
  }
}

async function handle(handlers: EffectHandlers, turn: Turn, passage: Passage): Promise<EffectResult> {
  const { payload } = turn;
  if (payload.kind === 'WEBHOOK') return await handlers.SEND_WEBHOOK({ ...turn, payload }, passage);
  return await handlers.DELIVER_MESSAGE({ ...turn, payload }, passage);
}

function failed({ id, kind, begunAt }: Turn, error: unknown, log: Log): EffectResult {
  log.warn({ err: error, effect: id, kind }, 'an effect failed');
  // The result of an earlier attempt is unknown. A retry would forget that.
  if (begunAt !== null) return { state: 'UNWRITTEN', error };
  return { state: 'RETRY', error: error instanceof Error ? error.message : String(error), afterMs: null };
}

async function writeResult(
  { db, clock, chance = chanceOf }: CarryOutDeps,
  turn: Turn,
  result: EffectResult,
  log: Log,
): Promise<void> {
  const now = clock.now();
  const finish = (state: 'SENT' | 'DEAD' | 'DROPPED' | 'PENDING', error: string | null, dueAt = now) =>
    finishOutbox(db.sql, turn, { state, dueAt, now, error: error?.slice(0, 500) ?? null });
  switch (result.state) {
    case 'WRITTEN':
      return;
    case 'UNWRITTEN':
      log.error({ err: result.error, effect: turn.id }, 'the result of an effect could not be written');
      return;
    case 'LATER':
      await putOffOutbox(db.sql, turn, new Date(now.getTime() + result.afterMs));
      return;
    case 'SENT':
      await finish('SENT', null);
      return;
    case 'DROPPED':
    case 'DEAD':
      await finish(result.state, result.error);
      return;
    case 'RETRY': {
      if (turn.attempts >= MAX_ATTEMPTS) return void (await finish('DEAD', result.error));
      const ms = pauseMs(turn.attempts, chance(turn.id), result.afterMs);
      await finish('PENDING', result.error, new Date(now.getTime() + ms));
      return;
    }
    default:
      return result satisfies never;
  }
}

/** The pause before the next attempt: doubled each time, shortened by the jitter, and at least what was asked for. */
function pauseMs(attempts: number, chance: number, requestedMs: number | null): number {
  const growing = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), MAX_RETRY_MS);
  return Math.max(boundedMs(requestedMs, MAX_REQUESTED_MS), Math.round(growing * (1 - JITTER * chance)));
}

/** The last digits of an id are random, and the same at every attempt. */
function chanceOf(effectId: string): number {
  return Number.parseInt(effectId.slice(-4), 16) / 0xffff;
}
