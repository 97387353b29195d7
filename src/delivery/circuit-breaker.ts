import {
  type CircuitKind,
  closeCircuit,
  noteFailure,
  pauseUntil,
  type Threshold,
  takeProbe,
} from '../db/rows/circuits.ts';
import { GIVE_UP_MS, type Turn } from '../db/rows/outbox-claims.ts';
import type { EngineDeps } from '../engine.ts';
import type { Health } from './effect-result.ts';

type CircuitDeps = Pick<EngineDeps, 'db' | 'clock'>;

/** The limits of the pause that a destination asks for everything. */
const MAX_PAUSE_MS = 60_000;
const MIN_PAUSE_MS = 1_000;
/** Longer than an attempt takes: after it another effect may probe the destination. */
const PROBE_MS = 30_000;
/** Channels get fewer attempts: messages to customers lose their value with time, and a cut-off attempt may never be repeated. */
const THRESHOLDS: Readonly<Record<CircuitKind, Threshold>> = {
  CHANNEL: { afterFailures: 5, firstMs: 30_000, longestMs: 10 * 60_000 },
  ENDPOINT: { afterFailures: 10, firstMs: 60_000, longestMs: 30 * 60_000 },
};

/** How an effect passes the circuit breaker. `probeUntil`: it probes the destination until then; null: it is no probe. */
type CircuitPass =
  | { kind: 'PASSED'; probeUntil: Date | null; isOverdue: boolean }
  | { kind: 'HELD_BACK'; laterMs: number };

/**
 * Decides whether an effect passes the circuit breaker. The first attempt that a person asked for always passes. An overdue
 * effect that has failed before passes in order to be given up, and leaves the probe to another effect.
 */
export async function passCircuit({ db, clock }: CircuitDeps, turn: Turn): Promise<CircuitPass> {
  const { retryAt, byHand } = turn;
  if (retryAt === null || byHand) return { kind: 'PASSED', probeUntil: null, isOverdue: false };
  const now = clock.now();
  const isOverdue = now.getTime() - owedSince(turn).getTime() > GIVE_UP_MS;
  const until = new Date(now.getTime() + PROBE_MS);
  const mayProbe = retryAt <= now && !(isOverdue && turn.attempts > 1);
  if (mayProbe && (await takeProbe(db.sql, turn, { now, until })))
    return { kind: 'PASSED', probeUntil: until, isOverdue: false };
  if (isOverdue) return { kind: 'PASSED', probeUntil: null, isOverdue };
  return { kind: 'HELD_BACK', laterMs: (retryAt <= now ? until : retryAt).getTime() - now.getTime() };
}

function owedSince({ createdAt, payload }: Turn): Date {
  const redeliveredAt = payload.kind === 'WEBHOOK' ? payload.redeliveredAt : undefined;
  return redeliveredAt === undefined ? createdAt : new Date(redeliveredAt);
}

/** Records the health that an attempt showed: opens, pauses or closes the circuit breaker. */
export async function recordHealth(
  { db, clock }: CircuitDeps,
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
  const pauseMs = health.kind === 'BUSY' ? boundedMs(health.forMs, MAX_PAUSE_MS) : 0;
  if (pauseMs < MIN_PAUSE_MS) return;
  const at = { ...turn, kind, why: 'it asked for a pause' } as const;
  await pauseUntil(db.sql, at, { now, until: new Date(now.getTime() + pauseMs) });
}

/** A pause that somebody outside asks for, from 0 to `maxMs`; 0 if it is null or no number. */
export function boundedMs(requestedMs: number | null, maxMs: number): number {
  return requestedMs === null || Number.isNaN(requestedMs) ? 0 : Math.min(Math.max(requestedMs, 0), maxMs);
}
