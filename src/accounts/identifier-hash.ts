import { createHmac, hkdfSync } from 'node:crypto';
import type { IdentifierHash } from '../engine.ts';

const INFO = 'lull erased identifiers v1';
const BYTES = 32;

/**
 * HMAC-SHA-256 under a key of its own, derived from the secret key by HKDF. Phone numbers are few enough to try them all
 * against a plain hash; without the key, which is not in the database, there is nothing to try them against.
 */
export function createIdentifierHash(secretKey: Uint8Array): IdentifierHash {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', INFO, BYTES));
  return ({ kind, accountId, channelId, value }) =>
    createHmac('sha256', key)
      .update(JSON.stringify([kind, accountId, channelId, value]))
      .digest('base64url');
}
