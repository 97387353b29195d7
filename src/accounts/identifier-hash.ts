import { createHmac, hkdfSync } from 'node:crypto';
import type { IdentifierHash } from '../engine.ts';

const INFO = 'lull erased identifiers v1';
const BYTES = 32;

/**
 * HMAC-SHA-256 under a key derived from the secret key by HKDF. There are few enough telephone numbers to try them
 * all against a plain hash. The key is not in the database, so a reader of the database cannot try them.
 */
export function createIdentifierHash(secretKey: Uint8Array): IdentifierHash {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', INFO, BYTES));
  return ({ kind, accountId, channelId, value }) =>
    createHmac('sha256', key)
      .update(JSON.stringify([kind, accountId, channelId, value]))
      .digest('base64url');
}
