import { type AdapterContext, accepted, type DeliverResult, limited, rejected, retry } from '../adapter.ts';

/** How to read what a provider says to a message. */
export type Answers = {
  /** The message's id, in the body of an answer that took it; null where there is none. */
  idIn: (body: unknown) => string | null;
  /** The provider's own code, in the body of a refusal; null where there is none. */
  codeIn: (body: unknown) => number | null;
  /** Codes that pass by themselves, whatever the status says. */
  passing: readonly number[];
  /** What some codes mean, for admins. */
  meanings: Readonly<Record<number, string>>;
};

/**
 * Posts a message to a provider and reads its answer. 408, 429 and 5xx are tried again, after Retry-After where it is
 * given; other refusals are final, with the provider's code for a reason and none of its text, which may show a secret.
 * Throws, as `fetch` does, where there is no answer.
 */
export async function post(
  url: string,
  request: { headers: Record<string, string>; body: string },
  { codeIn, idIn, passing, meanings }: Answers,
  context: Pick<AdapterContext<unknown>, 'fetch' | 'now' | 'signal'>,
): Promise<DeliverResult> {
  const response = await context.fetch(url, {
    ...request,
    method: 'POST',
    redirect: 'manual',
    signal: context.signal,
  });
  const body = await bodyOf(response);
  if (response.ok) return accepted(idIn(body));
  const code = codeIn(body);
  if (isPassing(response.status) || (code !== null && passing.includes(code)))
    return notNow(response, context.now());
  if (code === null) return rejected(`it was answered with ${response.status}`);
  const meaning = meanings[code];
  const reason = `it was answered with ${response.status} and code ${code}`;
  return rejected(meaning === undefined ? reason : `${reason}: ${meaning}`);
}

/** Whether a status of HTTP says that a later attempt may be taken. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Reads an answer that a later attempt may be taken: 408 and 5xx tell of trouble, others of a limit to what is taken. */
export function notNow({ status, headers }: Pick<Response, 'status' | 'headers'>, now: Date): DeliverResult {
  const afterMs = retryAfterMs(headers.get('retry-after'), now);
  return status === 408 || status >= 500 ? retry(afterMs) : limited(afterMs);
}

/** Reads Retry-After: seconds, or the date of an HTTP header. */
export function retryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}

/** What the status says holds even if the body can't be read. */
async function bodyOf(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch {
    return null;
  }
}
