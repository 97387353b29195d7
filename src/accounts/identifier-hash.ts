import { createHmac, hkdfSync } from 'node:crypto';

/**
 * What may tell who a customer is: an address at a channel; the id of a message, which may be made of the address; and of
 * a call under an idempotency key its key and its arguments, which may name the address.
 */
export type Identifier = { accountId: string; value: string } & (
  | { kind: 'ADDRESS' | 'MESSAGE'; channelId: string }
  | { kind: 'IDEMPOTENCY_KEY' | 'REQUEST'; channelId: null }
);

/** The keyed hash of an identifier: the same for the same one, and nothing to whoever has not the key. */
export type IdentifierHash = (identifier: Identifier) => string;

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
