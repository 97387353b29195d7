import { createHmac, timingSafeEqual } from 'node:crypto';
import type { InboundRequest } from '../adapter.ts';

/** A signed timestamp further from now, in either direction, marks a replay. */
const TOLERANCE_MS = 5 * 60_000;

/** The headers that sign a body by Standard Webhooks. */
export function standardHeaders(secret: string, id: string, at: Date, body: string): Record<string, string> {
  const timestamp = toUnixSeconds(at);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': standardSignature(secret, id, timestamp, Buffer.from(body)),
  };
}

/** Whether a request has a Standard Webhooks signature by this secret, with a timestamp within five minutes of now. */
export function isStandardSigned(request: InboundRequest, secret: string, now: Date): boolean {
  const id = request.headers.get('webhook-id');
  const timestamp = request.headers.get('webhook-timestamp');
  const signatures = request.headers.get('webhook-signature');
  if (!id || !timestamp || !signatures || !isRecent(timestamp, now)) return false;
  const expected = standardSignature(secret, id, timestamp, request.body);
  return signatures.split(' ').some((signature) => constantTimeEqual(signature, expected));
}

/** The header that signs a body on Lull's own wire format: `lull-signature: t=<unix seconds>,v1=<hex>`. */
export function lullHeaders(secret: string, at: Date, body: string): Record<string, string> {
  const timestamp = toUnixSeconds(at);
  return {
    'lull-signature': `t=${timestamp},v1=${lullSignature(secret, timestamp, Buffer.from(body))}`,
  };
}

/** Whether a request has a `lull-signature` by this secret, with a timestamp within five minutes of now. */
export function isLullSigned(request: InboundRequest, secret: string, now: Date): boolean {
  const [, timestamp, signature] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.headers.get('lull-signature') ?? '') ?? [];
  if (!timestamp || !signature || !isRecent(timestamp, now)) return false;
  return constantTimeEqual(signature, lullSignature(secret, timestamp, request.body));
}

function standardSignature(secret: string, id: string, timestamp: string, body: Uint8Array): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

function lullSignature(secret: string, timestamp: string, body: Uint8Array): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

/** Compares texts in constant time, undecoded: base64 has spare bits, so a changed text could decode to the same bytes. */
export function constantTimeEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether a timestamp, seconds since 1970 as digits, is within five minutes of now. */
export function isRecent(timestamp: string, now: Date): boolean {
  return /^\d{1,12}$/.test(timestamp) && Math.abs(now.getTime() - Number(timestamp) * 1000) <= TOLERANCE_MS;
}

function toUnixSeconds(at: Date): string {
  return String(Math.floor(at.getTime() / 1000));
}
