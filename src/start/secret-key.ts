import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_BYTES } from '../adapters/vault.ts';
import type { Config } from '../config.ts';
import { SetupError } from '../domain/errors.ts';

/**
 * Returns the key that encrypts secrets: from the environment, or from the data folder, where it is created at the
 * first start, readable only by its owner.
 * @throws SetupError if the file does not contain a key
 */
export async function readSecretKey({
  secretKey,
  dataDir,
}: Pick<Config, 'secretKey' | 'dataDir'>): Promise<Uint8Array> {
  if (secretKey !== null) return secretKey;
  const file = join(dataDir, 'secret.key');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const made = join(dataDir, `secret.key.${randomBytes(6).toString('hex')}`);
  try {
    const text = await readFile(file, 'utf8');
    await chmod(file, 0o600).catch(passingBy);
    return keyOf(text, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // Of processes that start together, one creates the file completely: a link fails if it exists.
  await writeFile(made, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  try {
    await link(made, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(made);
  }
  return keyOf(await readFile(file, 'utf8'), file);
}

/**
 * Makes the file unreadable for others. A file of another owner, or on a read-only disk as secrets are mounted,
 * stays as it is.
 */
function passingBy(error: NodeJS.ErrnoException): void {
  if (!['EPERM', 'EROFS'].includes(error.code ?? '')) throw error;
}

function keyOf(text: string, file: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES)
    throw new SetupError(`${file} does not hold a key: ${KEY_BYTES} bytes in base64`);
  return key;
}
