import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Encrypts secrets for storage. The database does not contain the key. */
export type Vault = {
  /** Encrypts a text; each call gives a different result. */
  seal(text: string): string;
  /** Decrypts a sealed text and returns other texts unchanged. @throws Error if it was sealed with another key */
  open(sealed: string): string;
  /** Identifies the key without revealing it. */
  fingerprint: string;
};

const PREFIX = 'sealed:v1:';
const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;

/** Makes a vault with a key of 32 bytes: AES-256-GCM, with a random nonce for each secret. */
export function createVault(key: Uint8Array): Vault {
  if (key.length !== KEY_BYTES) throw new Error(`the key must have ${KEY_BYTES} bytes`);
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce);
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
    },
    open(sealed) {
      if (!sealed.startsWith(PREFIX)) return sealed;
      const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url');
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    },
    fingerprint: createHash('sha256').update('lull vault').update(key).digest('hex').slice(0, 16),
  };
}

/** Whether a vault sealed this text. */
export function isSealed(text: string): boolean {
  return text.startsWith(PREFIX);
}
