import type { ClaimedEffect } from '../db/rows/outbox.ts';
import type { Caused } from '../engine.ts';

/** What an attempt says of its destination: absent where nothing was asked of it. */
export type Health =
  | { kind: 'ANSWERED' }
  /** No answer, or one that says that the destination itself is in trouble. */
  | { kind: 'FAILED'; why: string }
  /** It is well, and asks to be left alone for a while; null: it does not say for how long. */
  | { kind: 'BUSY'; forMs: number | null };

/** What became of one attempt at an effect. */
export type EffectResult = { health?: Health; caused?: Caused } & (
  | { state: 'SENT' }
  | { state: 'DROPPED' | 'DEAD'; error: string }
  /** Whoever carried it out has written what became of it. */
  | { state: 'WRITTEN' }
  /** It has to wait its turn; that is no attempt. */
  | { state: 'LATER'; afterMs: number }
  /** What became of it could not be written: it is looked at again once the claim is over. */
  | { state: 'UNWRITTEN'; error: unknown }
  | { state: 'RETRY'; error: string; afterMs: number | null }
);

/** How an effect was let through: one that has waited for too long at an open circuit breaker is to be given up. */
export type Passage = { isOverdue: boolean };

/** Carries out one kind of effect. */
export type CarryOut = (effect: ClaimedEffect, passage?: Passage) => Promise<EffectResult>;
export type EffectHandlers = Readonly<Record<ClaimedEffect['kind'], CarryOut>>;

/** About two days of trying. */
export const MOST_ATTEMPTS = 50;
