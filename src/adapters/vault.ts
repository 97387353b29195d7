import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Keeps secrets: what the database holds of them cannot be read without the key, which is not in it. */
export type Vault = {
  /** Encrypts a text; the same text gives another result each time. */
  seal(text: string): string;
  /** Decrypts what `seal` gave. A text that was not sealed is itself. @throws Error where it was sealed with another key */
  open(sealed: string): string;
  /** Names the key without telling anything of it. */
  fingerprint: string;
};

const PREFIX = 'sealed:v1:';
const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;

/** A vault under a key of 32 bytes: AES-256-GCM, a random nonce for each secret. */
export function createVault(key: Uint8Array): Vault {
  if (key.length !== KEY_BYTES) throw new Error(`a key has ${KEY_BYTES} bytes`);
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

/** Whether a text is what a vault gave. */
export function isSealed(text: string): boolean {
  return text.startsWith(PREFIX);
}
