import { createHmac } from 'node:crypto';
import type { InboundReply, InboundRequest } from '../adapter.ts';
import { isSame } from './signature.ts';

/** Whether Meta signed a call with this app secret: `X-Hub-Signature-256`, over the raw body. It signs no time. */
export function isHubSigned(request: InboundRequest, appSecret: string): boolean {
  const expected = createHmac('sha256', appSecret).update(request.body).digest('hex');
  return isSame(request.headers.get('x-hub-signature-256') ?? '', `sha256=${expected}`);
}

/** Answers the GET by which Meta makes sure of an endpoint; null where it does not carry the token. */
export function answerHub(request: InboundRequest, verifyToken: string): InboundReply | null {
  const query = URL.parse(request.url)?.searchParams;
  const challenge = query?.get('hub.challenge');
  if (!query || !challenge || query.get('hub.mode') !== 'subscribe') return null;
  if (!isSame(query.get('hub.verify_token') ?? '', verifyToken)) return null;
  // What was sent in goes out again, so it must not pass for a page.
  return {
    status: 200,
    headers: { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' },
    body: challenge,
  };
}
