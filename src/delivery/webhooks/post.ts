import { NoAnswerError, type Resolve, sendGuarded } from '../../outgoing/guarded-request.ts';

export type PostOptions = {
  /** Allows private addresses and http. */
  allowPrivate: boolean;
  /** The timeout of the answer. */
  withinMs: number;
  resolve?: Resolve;
};

/** An answer without its body, which is not read. */
export type Answer = { status: number; retryAfter: string | null };

/**
 * Posts a body to an endpoint, over a connection of its own.
 * @throws NoAnswerError
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  { withinMs, ...options }: PostOptions,
): Promise<Answer> {
  const signal = AbortSignal.timeout(withinMs);
  try {
    const guard = { ...options, signal, maxAnswerBytes: 0 };
    const answer = await sendGuarded(new URL(url), { method: 'POST', headers, body }, guard);
    return { status: answer.status, retryAfter: answer.headers['retry-after'] ?? null };
  } catch (error) {
    if (signal.aborted) throw new NoAnswerError(`no answer within ${withinMs / 1000} s`);
    throw error;
  }
}
