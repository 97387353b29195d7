import type { ClaimedEffect } from '../db/rows/outbox.ts';
import type { EffectPayload, MessagePayload, WebhookPayload } from '../domain/closing/owed-effects.ts';
import type { Caused } from '../engine.ts';

/** The health of a destination as an attempt showed it. */
export type Health =
  | { kind: 'ANSWERED' }
  /** It gave no answer, or one that says that the destination itself is in trouble. */
  | { kind: 'FAILED'; why: string }
  /** It is healthy and limits the rate. `forMs`: the pause that it asked for; null: it named none. */
  | { kind: 'BUSY'; forMs: number | null };

/** The result of one attempt at an effect. Without `health`, nothing was requested of the destination. */
export type EffectResult = { health?: Health; caused?: Caused } & (
  | { state: 'SENT' }
  | { state: 'DROPPED' | 'DEAD'; error: string }
  /** The handler has already written the result. */
  | { state: 'WRITTEN' }
  /** The effect has to wait. This does not count as an attempt. */
  | { state: 'LATER'; afterMs: number }
  /** The result could not be written. The effect is claimed again once the lease is over. */
  | { state: 'UNWRITTEN'; error: unknown }
  | { state: 'RETRY'; error: string; afterMs: number | null }
);

/** How an effect passed the circuit breaker. An overdue one has waited too long and must be given up. */
export type Passage = { isOverdue: boolean };

/** Carries out effects with one type of payload. */
export type CarryOut<Payload extends EffectPayload = EffectPayload> = (
  effect: ClaimedEffect<Payload>,
  passage?: Passage,
) => Promise<EffectResult>;
export type EffectHandlers = {
  DELIVER_MESSAGE: CarryOut<MessagePayload>;
  SEND_WEBHOOK: CarryOut<WebhookPayload>;
};

/** Attempts take about two days. */
export const MAX_ATTEMPTS = 50;
