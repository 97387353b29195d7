import { retryAfterMs } from '../../domain/time/retry-after.ts';
import { type AdapterContext, accepted, type DeliverResult, limited, rejected, retry } from '../adapter.ts';

/** How to read a provider's response to a message. */
export type ResponseFormat = {
  /** The message's id in the body of a successful response; null if there is none. */
  messageId: (body: unknown) => string | null;
  /** The provider's error code in the body of a failed response; null if there is none. */
  errorCode?: (body: unknown) => number | null;
  /** Error codes to retry whatever the HTTP status. */
  retryableCodes?: readonly number[];
  /** Meanings of error codes, shown to admins. */
  meanings?: Readonly<Record<number, string>>;
};

/**
 * Posts a message to a provider and reads the response. 408, 429 and 5xx are retried, after Retry-After if present. Other
 * failures are final; the reason contains the provider's code and none of its text, which may contain a secret.
 * Throws, as `fetch` does, if there is no response.
 */
export async function postMessage(
  url: string,
  request: { headers: Record<string, string>; body: string },
  { messageId, errorCode, retryableCodes, meanings }: ResponseFormat,
  context: Pick<AdapterContext<unknown>, 'fetch' | 'now' | 'signal'>,
): Promise<DeliverResult> {
  const response = await context.fetch(url, {
    ...request,
    method: 'POST',
    redirect: 'manual',
    signal: context.signal,
  });
  const body = await jsonBody(response);
  if (response.ok) return accepted(messageId(body));
  const code = errorCode?.(body) ?? null;
  if (isRetryable(response.status) || (code !== null && retryableCodes?.includes(code)))
    return retryResult(response, context.now());
  if (code === null) return rejected(`the provider answered ${response.status}`);
  const meaning = meanings?.[code];
  const reason = `the provider answered ${response.status} with code ${code}`;
  return rejected(meaning === undefined ? reason : `${reason}: ${meaning}`);
}

/** Whether a later attempt may succeed after this HTTP status. */
export function isRetryable(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The result of a retryable response: `retry` after 408 and 5xx, which show trouble, and `limited` after others. */
export function retryResult(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  now: Date,
): DeliverResult {
  const afterMs = retryAfterMs(headers.get('retry-after'), now);
  return status === 408 || status >= 500 ? retry(afterMs) : limited(afterMs);
}

/** Null for an unreadable body: the status alone decides then. */
async function jsonBody(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch {
    return null;
  }
}
