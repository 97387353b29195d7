import { createHmac, timingSafeEqual } from 'node:crypto';
import type { InboundRequest } from '../adapter.ts';

/** How far a signed timestamp may lie from now, either way, before a call counts as replayed. */
export const TOLERANCE_MS = 5 * 60_000;

/** Signs a body by Standard Webhooks. */
export function standardHeaders(secret: string, id: string, at: Date, body: string): Record<string, string> {
  const timestamp = unixSeconds(at);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': standardSignature(secret, id, timestamp, Buffer.from(body)),
  };
}

/** Whether a call carries a Standard Webhooks signature made with this secret, not over five minutes ago or ahead. */
export function isStandardSigned(request: InboundRequest, secret: string, now: Date): boolean {
  const id = request.headers.get('webhook-id');
  const timestamp = request.headers.get('webhook-timestamp');
  const signatures = request.headers.get('webhook-signature');
  if (!id || !timestamp || !signatures || !isRecent(timestamp, now)) return false;
  const expected = standardSignature(secret, id, timestamp, request.body);
  return signatures.split(' ').some((signature) => isSame(signature, expected));
}

/** Signs a body for Lull's own wire: one header, `lull-signature: t=<unix seconds>,v1=<hex>`. */
export function lullHeaders(secret: string, at: Date, body: string): Record<string, string> {
  const timestamp = unixSeconds(at);
  return {
    'lull-signature': `t=${timestamp},v1=${lullSignature(secret, timestamp, Buffer.from(body))}`,
  };
}

/** Whether a call carries `lull-signature` made with this secret, not over five minutes ago or ahead. */
export function isLullSigned(request: InboundRequest, secret: string, now: Date): boolean {
  const [, timestamp, signature] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.headers.get('lull-signature') ?? '') ?? [];
  if (!timestamp || !signature || !isRecent(timestamp, now)) return false;
  return isSame(signature, lullSignature(secret, timestamp, request.body));
}

function standardSignature(secret: string, id: string, timestamp: string, body: Uint8Array): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

function lullSignature(secret: string, timestamp: string, body: Uint8Array): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

/** Compares the texts, not what they decode to: base64 has spare bits that would let a changed one pass. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether a time in seconds since 1970, as digits, lies within five minutes of now. */
export function isRecent(timestamp: string, now: Date): boolean {
  return /^\d{1,12}$/.test(timestamp) && Math.abs(now.getTime() - Number(timestamp) * 1000) <= TOLERANCE_MS;
}

function unixSeconds(at: Date): string {
  return String(Math.floor(at.getTime() / 1000));
}
