import {
  type AdapterContext,
  accepted,
  type DeliverResult,
  isRetryable,
  rejected,
  retry,
  retryAfterMs,
  z,
} from 'lull/adapters';

/** A response of the Bot API. Another body, such as a gateway's, counts as empty. */
const botResponse = z
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

/** Sends a text to a chat. Throws, as `fetch` does, if there is no response. */
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
  const { result, parameters } = botResponse.parse(await response.json().catch(() => null));
  if (response.ok) return accepted(result ? `${chat}:${result.message_id}` : null);
  if (isRetryable(response.status)) {
    const seconds = parameters?.retry_after;
    return retry(
      seconds === undefined ? retryAfterMs(response.headers.get('retry-after'), now()) : seconds * 1000,
    );
  }
  const meaning = MEANINGS[response.status];
  return rejected(`the provider answered ${response.status}${meaning === undefined ? '' : `: ${meaning}`}`);
}
