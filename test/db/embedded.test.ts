import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DatabaseAddress } from '../../src/db/address.ts';
import { type Embedded, startEmbedded } from '../../src/db/embedded/embedded.ts';
import { createLog } from '../../src/log.ts';
import { isAlive, removeFolder, testFolder } from '../support/folder.ts';
import { onServer } from '../support/postgres.ts';

const log = createLog({ logLevel: 'silent' });
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';
const running: Embedded[] = [];
const children: ChildProcess[] = [];
let base: string;
/** Created once; most tests use it in turn. */
let dataDir: string;

beforeAll(() => {
  base = testFolder();
  dataDir = join(base, 'data');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const embedded of running.splice(0).reverse()) await embedded.stop();
  await vi.waitFor(() => expect(postgresIn(dataDir)).toBe(null), { timeout: 60_000, interval: 20 });
});
afterAll(() => removeFolder(base));

async function start(folder = dataDir): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir: folder, log });
  running.push(embedded);
  return embedded;
}

async function startChild(): Promise<{
  child: ChildProcess;
  address: DatabaseAddress;
  startedHere: boolean;
}> {
  const script = join(import.meta.dirname, '../support/embedded-child.ts');
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { child, ...JSON.parse(String(line)) };
}

/** The pid of the server that runs in the folder. */
function postgresIn(folder: string): number | null {
  const file = join(folder, 'postgres/postmaster.pid');
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  return isAlive(pid) ? pid : null;
}

const words = (address: DatabaseAddress) =>
  onServer(address, async (sql) => (await sql`select word from kept order by word`).map((row) => row.word));

describe('the embedded Postgres', () => {
  it('keeps its data over a restart', async () => {
    const first = await start();
    expect(first.startedHere).toBe(true);
    await onServer(first.address, (sql) => sql`create table kept as select 'one' as word`);
    await first.stop();
    expect(postgresIn(dataDir)).toBe(null);
    const second = await start();
    expect(second.address).toEqual(first.address);
    expect(await words(second.address)).toEqual(['one']);
  });

  it('has durable commits, UTF-8 and UTC', async () => {
    const { address } = await start();
    const settings = await onServer(
      address,
      (sql) => sql`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as sync,
        current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone,
        (select datlocale from pg_database where datname = 'lull') as locale`,
    );
    expect(settings).toEqual([{ fsync: 'on', sync: 'on', encoding: 'UTF8', zone: 'UTC', locale: 'C.UTF-8' }]);
  });

  it('cannot be reached over TCP, nor by other users', async () => {
    const { address } = await start();
    const [row] = await onServer(
      address,
      (sql) => sql`select current_setting('listen_addresses') as tcp,
        (select count(*)::int from pg_hba_file_rules where type <> 'local' and auth_method <> 'reject') as let_in`,
    );
    expect(row).toEqual({ tcp: '', let_in: 0 });
    if (isLinux) expect(tcpListeners(postgresIn(dataDir) as number)).toEqual([]);
    expect(statSync((address as { host: string }).host).mode & 0o777).toBe(0o700);
  });

  it.runIf(isRoot && isLinux)('does not run as root', async () => {
    await start();
    const owner = statSync(`/proc/${postgresIn(dataDir)}`).uid;
    expect(owner).not.toBe(0);
    expect(statSync(join(dataDir, 'postgres')).uid).toBe(owner);
  });
});

describe('the embedded Postgres, after a process was killed,', () => {
  it('keeps committed rows, and is started again', async () => {
    const { address } = await start();
    await onServer(address, (sql) => sql`insert into kept values ('two')`);
    const killed = postgresIn(dataDir) as number;
    process.kill(killed, 'SIGKILL');
    const again = await vi.waitFor(() => words(address), { timeout: 60_000, interval: 100 });
    expect(again).toEqual(['one', 'two']);
    expect(postgresIn(dataDir)).not.toBe(killed);
  });

  it.runIf(isLinux)('leaves no Postgres behind when its process is killed, and starts again', async () => {
    const { child, address } = await startChild();
    await onServer(address, (sql) => sql`insert into kept values ('three')`);
    const left = postgresIn(dataDir);
    expect(left).not.toBe(null);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(left as number)).toBe(false), { timeout: 60_000, interval: 20 });
    const next = await start();
    expect(await words(next.address)).toEqual(['one', 'three', 'two']);
  });

  it('starts after both Postgres and its process were killed', async () => {
    const { child } = await startChild();
    process.kill(postgresIn(dataDir) as number, 'SIGKILL');
    child.kill('SIGKILL');
    const next = await start();
    expect(next.startedHere).toBe(true);
    expect(await words(next.address)).toContain('three');
  });
});

describe('the embedded Postgres of several processes', () => {
  it('joins the server of another process, and takes over when that process ends', async () => {
    const { child, address } = await startChild();
    const joined = await start();
    expect(joined).toMatchObject({ address, startedHere: false });
    child.stdin?.end();
    await once(child, 'exit');
    const found = await vi.waitFor(() => words(address), { timeout: 60_000, interval: 100 });
    expect(found).toContain('three');
    expect(joined.startedHere).toBe(true);
  });

  it('stop does not stop the server of another process', async () => {
    const { address } = await startChild();
    const joined = await start();
    await joined.stop();
    expect(await words(address)).toContain('one');
  });

  it('if several processes start at once, one starts the server and the others join', async () => {
    const started = await Promise.all([start(), start(), start()]);
    expect(started.filter((embedded) => embedded.startedHere)).toHaveLength(1);
    for (const { address } of started) expect(await words(address)).toContain('one');
  });

  it.runIf(isLinux)(
    'a pid that has since gone to another process does not keep it from starting',
    async () => {
      writeFileSync(
        join(dataDir, 'postgres/postmaster.pid'),
        `${process.pid}\n${join(dataDir, 'postgres')}\n`,
      );
      const { startedHere } = await start();
      expect(startedHere).toBe(true);
    },
  );
});

describe('a data folder is refused if it', () => {
  const refused = (folder: string, why: string | RegExp) =>
    expect(startEmbedded({ dataDir: folder, log })).rejects.toMatchObject({
      code: 'SETUP',
      message: expect.stringMatching(why),
    });

  it('contains other files', async () => {
    const folder = join(base, 'foreign');
    mkdirSync(join(folder, 'postgres'), { recursive: true });
    writeFileSync(join(folder, 'postgres/notes.txt'), 'mine');
    if (isRoot) chownAs(join(folder, 'postgres'));
    await refused(folder, `${folder}/postgres holds something that Lull did not put there.*LULL_DATA_DIR`);
    expect(readFileSync(join(folder, 'postgres/notes.txt'), 'utf8')).toBe('mine');
  });

  it('was created by another major version of Postgres', async () => {
    const folder = join(base, 'older');
    mkdirSync(join(folder, 'postgres'), { recursive: true });
    writeFileSync(join(folder, 'postgres/PG_VERSION'), '16\n');
    writeFileSync(join(folder, 'postgres/lull-embedded'), '');
    if (isRoot) chownAs(join(folder, 'postgres'));
    await refused(folder, /Postgres 16, this is 18.*pg_dump/);
  });

  it('is a file', async () => {
    const file = join(base, 'file');
    writeFileSync(file, '');
    await refused(file, `${file} cannot be used`);
  });

  it.runIf(isRoot)('belongs to another user', async () => {
    const folder = join(base, 'theirs');
    mkdirSync(folder);
    chownSync(folder, 12345, 12345);
    await refused(folder, `${folder} belongs to another user \\(uid 12345`);
    chownSync(folder, 0, 0);
    mkdirSync(join(folder, 'postgres'));
    writeFileSync(join(folder, 'postgres/PG_VERSION'), '18\n');
    chownSync(join(folder, 'postgres'), 12345, 12345);
    await refused(folder, `${folder}/postgres belongs to another user \\(uid 12345`);
  });

  it.runIf(isRoot)('is in a folder that the user of Postgres cannot enter', async () => {
    const closed = join(base, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    await refused(join(closed, 'data'), `may not enter ${closed}: allow it \\(chmod o\\+x ${closed}\\)`);
  });

  function chownAs(folder: string): void {
    const { uid, gid } = statSync(join(dataDir, 'postgres'));
    chownSync(folder, uid, gid);
  }
});

it('a path that is too long for a socket is replaced by a short, private one, the same at every start', async () => {
  const folder = join(base, 'long'.repeat(25));
  const first = await start(folder);
  const { host } = first.address as { host: string };
  expect(host.startsWith(tmpdir())).toBe(true);
  expect(statSync(host).mode & 0o777).toBe(0o700);
  expect(await onServer(first.address, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
  await first.stop();
  const second = await start(folder);
  expect(second.address).toEqual(first.address);
  await second.stop();
  rmSync(host, { recursive: true });
});

/** The listening TCP sockets of the process. */
function tcpListeners(pid: number): string[] {
  const own = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return ['tcp', 'tcp6'].flatMap((kind) =>
    readFileSync(`/proc/${pid}/net/${kind}`, 'utf8')
      .split('\n')
      .filter((line) => {
        const [, , , state, , , , , , inode] = line.trim().split(/\s+/);
        return state === '0A' && own.includes(`socket:[${inode}]`);
      }),
  );
}
