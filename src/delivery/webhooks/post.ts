import { NoAnswerError, type Resolve, sendGuarded } from '../../outgoing/guarded-request.ts';

/** How posts are made. */
export type PostOptions = {
  /** Whether they may go to private addresses, and by http. */
  allowPrivate: boolean;
  /** By when there has to be an answer. */
  withinMs: number;
  resolve?: Resolve;
};

/** An answer, as far as it is looked at: not its body. */
export type Answer = { status: number; retryAfter: string | null };

/**
 * Posts a body to an endpoint, over a connection of its own. Nothing of the answer's body is read.
 * @throws NoAnswerError
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  { allowPrivate, withinMs, resolve }: PostOptions,
): Promise<Answer> {
  const signal = AbortSignal.timeout(withinMs);
  const guard = { allowPrivate, signal, maxAnswerBytes: 0, ...(resolve ? { resolve } : {}) };
  try {
    const answer = await sendGuarded(new URL(url), { method: 'POST', headers, body }, guard);
    return { status: answer.status, retryAfter: answer.headers['retry-after'] ?? null };
  } catch (error) {
    if (signal.aborted) throw new NoAnswerError(`no answer within ${withinMs / 1000} s`);
    throw error;
  }
}
