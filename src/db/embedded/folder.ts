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

/** The programs of Postgres, in the package of the platform. */
export type Binaries = { initdb: string; postgres: string };

/** The user that Postgres runs as if Lull runs as root, because Postgres does not start as root. */
type RunAs = { uid: number; gid: number };

/** The embedded Postgres on disk; every path is absolute. */
export type EmbeddedFolder = { data: string; socketDir: string; log: string; runAs: RunAs | null };

/** The whole environment of a Postgres program. */
export const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

const ELSEWHERE = 'set LULL_DATA_DIR to a folder of its own, or DATABASE_URL to a Postgres 15 or newer';
/** A file that only Lull puts into a database's folder. */
const MARK = 'lull-embedded';
const MAJOR_VERSION = '18';
const PRIVATE_FOLDER = 0o700;
const PASSABLE_FOLDER = 0o711;
/** The mode of Lull's own files: for their owner alone. */
export const PRIVATE_FILE = 0o600;
/** The longest path of a socket on every system, with a few bytes to spare. */
const LONGEST_SOCKET_PATH = 100;

/**
 * Prepares a data folder for Postgres: checks its owner, and runs initdb the first time.
 * @throws SetupError naming the folder that cannot be used, and what to do
 */
export function prepareFolder(dataDir: string, binaries: Binaries): EmbeddedFolder {
  // Parent folders get the default mode, because other users may need to pass through them.
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

/** How the names of all files begin that Lull and Postgres create in the data folder. */
const OURS = ['postgres', 'lull', 'secret.key', 'demo.key', 'lost+found'];

/**
 * Closes the data folder and Lull's files in it to other users, whatever the umask. If Postgres runs as another user, that
 * user must pass through: then others may enter the folder, but not list it. A folder that also holds other files keeps its
 * mode.
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
    // The file is gone, or belongs to another user, whose process closes it.
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'EPERM')) throw error;
  }
}

/** Null unless Lull runs as root. Existing data keeps its user. */
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

/** Fills another folder and renames it, so that an existing folder is always complete, whichever process was first. */
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

/** Only its owner may enter, because Postgres trusts every client that can connect. */
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
