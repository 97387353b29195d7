import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SetupError } from '../../domain/errors.ts';

/** Where the platform's package keeps the programs. */
export type Binaries = { initdb: string; postgres: string };

/** Who Postgres runs as where we are root, as which it does not start. */
type RunAs = { uid: number; gid: number };

/** The embedded Postgres on disk; every path is absolute. */
export type EmbeddedFolder = { data: string; socketDir: string; log: string; runAs: RunAs | null };

/** All that a program of Postgres may see of our environment. */
export const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

const ELSEWHERE = 'set LULL_DATA_DIR to a folder of its own, or DATABASE_URL to a Postgres 15 or newer';
/** A file that only Lull puts into a database's folder. */
const MARK = 'lull-embedded';
const MAJOR_VERSION = '18';
const PRIVATE_FOLDER = 0o700;
const PASSABLE_FOLDER = 0o711;
/** Of every file that is not Postgres's own: for its owner alone. */
export const PRIVATE_FILE = 0o600;
/** What the system takes as a socket's path, with a few bytes to spare. */
const LONGEST_SOCKET_PATH = 100;

/**
 * Makes the folder ready to start Postgres in: checks whose it is, and fills it the first time.
 * @throws SetupError naming the folder that is in the way and what to do.
 */
export function prepareFolder(dataDir: string, binaries: Binaries): EmbeddedFolder {
  // With the folders above it, which others may have to get through.
  mkdirSync(dataDir, { recursive: true });
  const base = realpathSync(dataDir);
  const data = join(base, 'postgres');
  const runAs = findRunAs(data);
  refuseForeignOwner(base, runAs);
  accessSync(base, constants.W_OK);
  closeToOthers(base, runAs);
  if (runAs !== null) for (const folder of [base, dirname(binaries.initdb)]) refuseUnreachable(folder, runAs);
  if (!existsSync(data) || readdirSync(data).length === 0) initialize(data, binaries, runAs);
  refuseForeignData(data, runAs);
  const socketDir = prepareSocketDir(base, runAs);
  return { data, socketDir, log: join(base, 'postgres.log'), runAs };
}

/** All that Lull and Postgres put into the data folder, by how it begins. */
const OURS = ['postgres', 'lull', 'secret.key', 'demo.key', 'lost+found'];

/**
 * Closes the data folder to others, and the files in it, whoever made them and whatever the umask. As root, Postgres runs as
 * another user, who has to get through: then others may enter the folder, and still not list it. A folder that holds
 * something else is left as it is; the files in it that are Lull's are closed.
 */
function closeToOthers(base: string, runAs: RunAs | null): void {
  const entries = readdirSync(base, { withFileTypes: true });
  const isOurs = (name: string) => OURS.some((begin) => name.startsWith(begin));
  const isItsOwn = runAs === null || statSync(base).uid === runAs.uid;
  if (entries.every(({ name }) => isOurs(name))) chmodSync(base, isItsOwn ? PRIVATE_FOLDER : PASSABLE_FOLDER);
  for (const entry of entries) if (entry.isFile() && isOurs(entry.name)) closeFile(join(base, entry.name));
}

function closeFile(file: string): void {
  try {
    chmodSync(file, PRIVATE_FILE);
  } catch (error) {
    // Of somebody else, or gone since: whoever it belongs to closes it.
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'EPERM')) throw error;
  }
}

/** Null unless we are root. Data that is there keeps the user that it was made with. */
function findRunAs(data: string): RunAs | null {
  if (process.getuid?.() !== 0) return null;
  const users = ['postgres', 'nobody'].map(idsOf).filter((ids) => ids !== null);
  const owner = existsSync(data) ? statSync(data).uid : null;
  const runAs = users.find((user) => user.uid === owner) ?? users[0];
  if (runAs === undefined)
    throw new SetupError(
      'Postgres does not run as root, and there is no user postgres or nobody here to run it as: start Lull as another user, or set DATABASE_URL',
    );
  return runAs;
}

function idsOf(user: string): RunAs | null {
  const [uid, gid] = ['-u', '-g'].map((which) => spawnSync('id', [which, user], { encoding: 'utf8' }));
  return uid?.status === 0 && gid?.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : null;
}

function refuseForeignOwner(folder: string, runAs: RunAs | null): void {
  const { uid } = statSync(folder);
  const ours = process.getuid?.();
  if (uid !== ours && uid !== runAs?.uid)
    throw new SetupError(
      `${folder} belongs to another user (uid ${uid}, Lull runs as ${ours}): ${ELSEWHERE}`,
    );
}

function refuseUnreachable(folder: string, { uid, gid }: RunAs): void {
  const parents = [folder];
  for (let at = folder; at !== dirname(at); at = dirname(at)) parents.unshift(dirname(at));
  const check = 'for folder; do [ -x "$folder" ] || { printf %s "$folder"; exit 1; }; done';
  const { status, stdout } = spawnSync('sh', ['-c', check, 'sh', ...parents], {
    ...{ uid, gid, cwd: '/', encoding: 'utf8' },
  });
  if (status !== 0)
    throw new SetupError(
      `Postgres does not run as root but as user ${uid}, who may not enter ${stdout}: ` +
        `allow it (chmod o+x ${stdout}), start Lull as another user, or ${ELSEWHERE}`,
    );
}

/** Fills another folder and renames it, so that a folder that is there is whole, whoever came first. */
function initialize(data: string, binaries: Binaries, runAs: RunAs | null): void {
  const fresh = mkdtempSync(`${data}.new-`);
  try {
    if (runAs !== null) chownSync(fresh, runAs.uid, runAs.gid);
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = ['--username=lull', '--auth-local=trust', '--auth-host=reject'];
    const args = [`--pgdata=${fresh}`, ...locale, ...access, '--no-instructions'];
    const run = spawnSync(binaries.initdb, args, { ...runAs, cwd: '/', env: ENVIRONMENT, encoding: 'utf8' });
    if (run.status !== 0) {
      const why = run.error?.message ?? run.stderr.trim().split('\n').at(-1);
      throw new SetupError(
        `the embedded Postgres cannot be set up here: ${why} (were the packages' install scripts run? \`npm rebuild\` runs them); or set DATABASE_URL`,
      );
    }
    writeFileSync(join(fresh, MARK), 'This database belongs to Lull.\n', { mode: PRIVATE_FILE });
    renameSync(fresh, data);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST')) throw error;
  }
}

function refuseForeignData(data: string, runAs: RunAs | null): void {
  const { uid } = statSync(data);
  const expected = runAs?.uid ?? process.getuid?.();
  if (uid !== expected)
    throw new SetupError(
      `${data} belongs to another user (uid ${uid}, Postgres runs as ${expected}): ${ELSEWHERE}`,
    );
  if (!existsSync(join(data, MARK)))
    throw new SetupError(`${data} holds something that Lull did not put there: ${ELSEWHERE}`);
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (version !== MAJOR_VERSION)
    throw new SetupError(
      `${data} was made by Postgres ${version}, this is ${MAJOR_VERSION}: move it over with pg_dump and pg_restore, or ${ELSEWHERE}`,
    );
}

/** Only its owner may enter: whoever can connect is trusted. */
function prepareSocketDir(base: string, runAs: RunAs | null): string {
  const near = join(base, 'postgres-socket');
  if (fitsSocket(near)) {
    mkdirSync(near, { recursive: true });
    return makePrivate(near, runAs);
  }
  const record = join(base, 'postgres-socket-at');
  const recorded = existsSync(record) ? readFileSync(record, 'utf8') : null;
  if (recorded !== null && isPrivate(recorded, runAs)) return recorded;
  const far = makePrivate(mkdtempSync(join(tmpdir(), 'lull-')), runAs);
  writeFileSync(record, far, { mode: PRIVATE_FILE });
  return far;
}

function fitsSocket(folder: string): boolean {
  return Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= LONGEST_SOCKET_PATH;
}

function makePrivate(folder: string, runAs: RunAs | null): string {
  chmodSync(folder, 0o700);
  if (runAs !== null) chownSync(folder, runAs.uid, runAs.gid);
  return folder;
}

function isPrivate(folder: string, runAs: RunAs | null): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  const owner = runAs?.uid ?? process.getuid?.();
  return found?.isDirectory() === true && found.uid === owner && (found.mode & 0o077) === 0;
}

function isErrno(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
