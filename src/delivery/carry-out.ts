import type { CircuitKind, Threshold } from '../db/rows/circuits.ts';
import { closeCircuit, noteFailure, pauseUntil, takeProbe } from '../db/rows/circuits.ts';
import { finishOutbox, putOffOutbox } from '../db/rows/outbox.ts';
import { GIVE_UP_MS, type Turn } from '../db/rows/outbox-claims.ts';
import type { Causing, EngineDeps } from '../engine.ts';
import type { Log } from '../log.ts';
import {
  type EffectHandlers,
  type EffectResult,
  type Health,
  MAX_ATTEMPTS,
  type Passage,
} from './effect-result.ts';

/** What carrying out effects needs. */
export type CarryOutDeps = Pick<EngineDeps, 'db' | 'clock'> & {
  /** How much of the time that may be left out of a pause is left out, from 0 to 1; absent: it depends on the id. */
  chance?: (effectId: string) => number;
};

const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60 * 60_000;
/** By how much of itself a pause may be shorter, lest all that failed together come back together. */
const JITTER = 0.2;
/** However long a channel asks a message to be put off. */
const LONGEST_ASKED_MS = 24 * 60 * 60_000;
/** However long a destination asks to be left alone with everything. */
const LONGEST_PAUSE_MS = 60_000;
const SHORTEST_PAUSE_MS = 1_000;
/** Longer than an attempt takes: whoever was to find out whether the destination is back is gone. */
const PROBE_MS = 30_000;

/** Customers' messages grow old, and some may be shown twice or never once an attempt was cut off: a channel gets fewer attempts. */
const THRESHOLDS: Readonly<Record<CircuitKind, Threshold>> = {
  CHANNEL: { afterFailures: 5, firstMs: 30_000, longestMs: 10 * 60_000 },
  ENDPOINT: { afterFailures: 10, firstMs: 60_000, longestMs: 30 * 60_000 },
};

/** What was learned of the destination, and for how long nothing may be sent to it: 0 ms for not at all. */
export type CarriedOut = { health: Health | undefined; laterMs: number };

type Passed = { probeUntil: Date | null; isOverdue: boolean } | { laterMs: number };

/**
 * Carries out one claimed effect: where the circuit breaker of its destination lets it through, which then learns how it
 * went. Writes what became of it, and never rejects. Returns what was learned of the destination, and how long the effect
 * has to wait its turn: 0 for not at all.
 */
export async function carryOut(
  deps: CarryOutDeps,
  handlers: EffectHandlers,
  turn: Turn,
  log: Log,
): Promise<Causing<CarriedOut>> {
  try {
    const passed = await pass(deps, turn);
    if ('laterMs' in passed) {
      await settle(deps, turn, { state: 'LATER', afterMs: passed.laterMs }, log);
      return { result: { health: undefined, laterMs: 0 }, caused: {} };
    }
    const result = await handle(handlers, turn, passed).catch((error: unknown) => failed(turn, error, log));
    const { health } = result;
    if (health !== undefined) await learn(deps, turn, health, passed.probeUntil);
    await settle(deps, turn, result, log);
    const laterMs = result.state === 'LATER' ? result.afterMs : 0;
    return { result: { health, laterMs }, caused: result.caused ?? {} };
  } catch (error) {
    log.error({ err: error, effect: turn.id }, 'what became of an effect could not be written');
    return { result: { health: undefined, laterMs: 0 }, caused: {} };
  }
}

/**
 * Whether a circuit breaker lets an effect through. What was asked for by hand goes at once, the first time. What has been
 * tried in vain and is too old is given up, and leaves the attempt that finds out to another.
 */
async function pass({ db, clock }: CarryOutDeps, turn: Turn): Promise<Passed> {
  const { retryAt, byHand } = turn;
  if (retryAt === null || byHand) return { probeUntil: null, isOverdue: false };
  const now = clock.now();
  const isOverdue = now.getTime() - owedSince(turn).getTime() > GIVE_UP_MS;
  const until = new Date(now.getTime() + PROBE_MS);
  const mayProbe = retryAt <= now && !(isOverdue && turn.attempts > 1);
  if (mayProbe && (await takeProbe(db.sql, turn, { now, until })))
    return { probeUntil: until, isOverdue: false };
  if (isOverdue) return { probeUntil: null, isOverdue };
  return { laterMs: (retryAt <= now ? until : retryAt).getTime() - now.getTime() };
}

function owedSince({ createdAt, payload }: Turn): Date {
  const redeliveredAt = payload.kind === 'WEBHOOK' ? payload.redeliveredAt : undefined;
  return redeliveredAt === undefined ? createdAt : new Date(redeliveredAt);
}

async function handle(handlers: EffectHandlers, turn: Turn, passage: Passage): Promise<EffectResult> {
  const { payload } = turn;
  if (payload.kind === 'WEBHOOK') return await handlers.SEND_WEBHOOK({ ...turn, payload }, passage);
  return await handlers.DELIVER_MESSAGE({ ...turn, payload }, passage);
}

function failed({ id, kind, begunAt }: Turn, error: unknown, log: Log): EffectResult {
  log.warn({ err: error, effect: id, kind }, 'an effect failed');
  // Nobody knows how far the attempt before this one came, and that must not be forgotten.
  if (begunAt !== null) return { state: 'UNWRITTEN', error };
  return { state: 'RETRY', error: error instanceof Error ? error.message : String(error), afterMs: null };
}

/** Tells the circuit breaker of a destination how an attempt went. */
async function learn(
  { db, clock }: CarryOutDeps,
  turn: Turn,
  health: Health,
  probeUntil: Date | null,
): Promise<void> {
  const now = clock.now();
  const kind = turn.kind === 'SEND_WEBHOOK' ? 'ENDPOINT' : 'CHANNEL';
  if (health.kind === 'FAILED') {
    const at = { ...turn, kind, why: health.why.slice(0, 500) } as const;
    return await noteFailure(db.sql, at, THRESHOLDS[kind], { now, probeUntil });
  }
  if (turn.failures > 0 || turn.retryAt !== null) await closeCircuit(db.sql, turn);
  const pauseMs = health.kind === 'BUSY' ? boundedMs(health.forMs, LONGEST_PAUSE_MS) : 0;
  if (pauseMs < SHORTEST_PAUSE_MS) return;
  const at = { ...turn, kind, why: 'it asked to be left alone for a while' } as const;
  await pauseUntil(db.sql, at, { now, until: new Date(now.getTime() + pauseMs) });
}

/** Writes what became of an effect. */
async function settle(
  { db, clock, chance = chanceOf }: CarryOutDeps,
  turn: Turn,
  result: EffectResult,
  log: Log,
): Promise<void> {
  const now = clock.now();
  if (result.state === 'WRITTEN') return;
  if (result.state === 'UNWRITTEN') {
    log.error({ err: result.error, effect: turn.id }, 'what became of an effect could not be written');
    return;
  }
  if (result.state === 'LATER') {
    await putOffOutbox(db.sql, turn, new Date(now.getTime() + result.afterMs));
    return;
  }
  const error = 'error' in result ? result.error.slice(0, 500) : null;
  const isOver = result.state !== 'RETRY' || turn.attempts >= MAX_ATTEMPTS;
  const state = result.state !== 'RETRY' ? result.state : isOver ? 'DEAD' : 'PENDING';
  const dueAt =
    result.state === 'RETRY' && !isOver
      ? new Date(now.getTime() + pauseMs(turn.attempts, chance(turn.id), result.afterMs))
      : now;
  await finishOutbox(db.sql, turn, { state, dueAt, now, error });
}

/** How long to wait before the next attempt: as long as was asked for, and twice as long each time, a little less by chance. */
function pauseMs(attempts: number, chance: number, askedMs: number | null): number {
  const growing = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
  return Math.max(boundedMs(askedMs, LONGEST_ASKED_MS), Math.round(growing * (1 - JITTER * chance)));
}

/** The end of an id is random, and the same at every attempt. */
function chanceOf(effectId: string): number {
  return Number.parseInt(effectId.slice(-4), 16) / 0xffff;
}

/** What somebody outside asks for, whatever that is, as milliseconds from 0 to the most that is granted. */
function boundedMs(asked: number | null, mostMs: number): number {
  return asked === null || Number.isNaN(asked) ? 0 : Math.min(Math.max(asked, 0), mostMs);
}
