import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Embedded, startEmbedded } from '../../src/db/embedded/embedded.ts';
import { createLog } from '../../src/log.ts';
import { readSecretKey } from '../../src/start/secret-key.ts';
import { removeFolder, testFolder } from '../support/folder.ts';

const log = createLog({ logLevel: 'silent' });
/** As root, Postgres runs as another user, who needs to traverse the folder. */
const FOLDER = process.getuid?.() === 0 ? 0o711 : 0o700;
const modeOf = (path: string) => statSync(path).mode & 0o777;
const umask = process.umask();
let base: string;
let running: Embedded | null = null;

beforeAll(() => {
  base = testFolder();
});
afterEach(async () => {
  process.umask(umask);
  await running?.stop();
  running = null;
});
afterAll(() => removeFolder(base));

/** The files directly in the folder that other users may read or write. */
const open = (folder: string) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .filter((name) => (modeOf(join(folder, name)) & 0o077) !== 0);

describe('the data folder', () => {
  it.each([0o000, 0o022])('only its owner can read Lull’s files in it, with umask %o', async (mask) => {
    const dataDir = join(base, `mask ${mask}`);
    process.umask(mask);
    await readSecretKey({ secretKey: null, dataDir });
    running = await startEmbedded({ dataDir, log });
    expect(modeOf(join(dataDir, 'postgres.log'))).toBe(0o600);
    expect(modeOf(join(dataDir, 'secret.key'))).toBe(0o600);
    expect(modeOf(join(dataDir, 'postgres'))).toBe(0o700);
    expect(open(dataDir)).toEqual([]);
    expect(modeOf(dataDir)).toBe(FOLDER);
  });

  it('files that other users could read become private', async () => {
    const dataDir = join(base, 'open');
    mkdirSync(dataDir);
    for (const name of ['postgres.log', 'demo.key']) writeFileSync(join(dataDir, name), 'before\n');
    for (const name of ['.', 'postgres.log', 'demo.key'])
      chmodSync(join(dataDir, name), name === '.' ? 0o777 : 0o666);
    running = await startEmbedded({ dataDir, log });
    expect(open(dataDir)).toEqual([]);
    expect(modeOf(dataDir)).toBe(FOLDER);
    await readSecretKey({ secretKey: null, dataDir });
    chmodSync(join(dataDir, 'secret.key'), 0o644);
    await readSecretKey({ secretKey: null, dataDir });
    expect(modeOf(join(dataDir, 'secret.key'))).toBe(0o600);
  });

  it('a folder that also holds other files keeps its mode', async () => {
    const dataDir = join(base, 'shared');
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, 'notes.txt'), 'mine', { mode: 0o644 });
    chmodSync(join(dataDir, 'notes.txt'), 0o644);
    running = await startEmbedded({ dataDir, log });
    expect(modeOf(dataDir)).toBe(0o755);
    expect(open(dataDir)).toEqual(['notes.txt']);
  });

  it('joining a database that does not exist creates none', async () => {
    const dataDir = join(base, 'none');
    const joining = startEmbedded({ dataDir, log, ifThere: true });
    await expect(joining).rejects.toMatchObject({ code: 'SETUP', exitCode: 3 });
    expect(existsSync(dataDir)).toBe(false);
    rmSync(dataDir, { recursive: true, force: true });
  });
});
