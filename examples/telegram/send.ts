import {
  type AdapterContext,
  accepted,
  type DeliverResult,
  isPassing,
  rejected,
  retry,
  retryAfterMs,
  z,
} from 'lull/adapters';

/** What the Bot API answers; of a body that it does not write, such as a gateway's, nothing. */
const answer = z
  .object({
    result: z.object({ message_id: z.int() }).optional(),
    parameters: z.object({ retry_after: z.int().nonnegative().optional() }).optional(),
  })
  .catch({});

const MEANINGS: Readonly<Record<number, string>> = {
  401: 'the token of the bot is not valid',
  403: 'the customer has blocked the bot',
  404: 'the token of the bot is not valid',
};

/** Sends a text to a chat. Throws, as `fetch` does, where it can't be known whether it was taken. */
export async function send(
  chat: string,
  text: string,
  { settings, fetch, now, signal }: AdapterContext<{ apiUrl: string; botToken: string }>,
): Promise<DeliverResult> {
  const response = await fetch(`${settings.apiUrl.replace(/\/$/, '')}/bot${settings.botToken}/sendMessage`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ chat_id: chat, text }),
    redirect: 'manual',
    signal,
  });
  const { result, parameters } = answer.parse(await response.json().catch(() => null));
  if (response.ok) return accepted(result ? `${chat}:${result.message_id}` : null);
  if (isPassing(response.status)) {
    const seconds = parameters?.retry_after;
    return retry(
      seconds === undefined ? retryAfterMs(response.headers.get('retry-after'), now()) : seconds * 1000,
    );
  }
  const meaning = MEANINGS[response.status];
  return rejected(`it was answered with ${response.status}${meaning === undefined ? '' : `: ${meaning}`}`);
}
