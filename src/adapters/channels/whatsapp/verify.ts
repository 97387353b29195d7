import { createHmac } from 'node:crypto';
import type { InboundReply, InboundRequest } from '../../adapter.ts';
import { constantTimeEqual } from '../../shared/signature.ts';

/** Whether Meta signed a request with this app secret: `X-Hub-Signature-256` covers the raw body and no timestamp. */
export function isMetaSigned(request: InboundRequest, appSecret: string): boolean {
  const expected = createHmac('sha256', appSecret).update(request.body).digest('hex');
  return constantTimeEqual(request.headers.get('x-hub-signature-256') ?? '', `sha256=${expected}`);
}

/** Answers the GET by which Meta verifies an endpoint; null if it does not contain the verify token. */
export function answerHandshake(request: InboundRequest, verifyToken: string): InboundReply | null {
  const query = URL.parse(request.url)?.searchParams;
  const challenge = query?.get('hub.challenge');
  if (!query || !challenge || query.get('hub.mode') !== 'subscribe') return null;
  if (!constantTimeEqual(query.get('hub.verify_token') ?? '', verifyToken)) return null;
  // The challenge is echoed, so a browser must not render it as HTML.
  return {
    status: 200,
    headers: { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' },
    body: challenge,
  };
}
