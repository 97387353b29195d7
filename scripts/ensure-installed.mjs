// Runs first in every npm script: installs what package-lock.json names where it is missing, else does nothing.
// Runs on whatever Node npm brings, with nothing installed, so it is plain JavaScript. Stdout stays empty.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules/.bin/node');
const lock = join(root, '.lull/installing');
/** Scripts for developers need the packages for developers too, whatever NODE_ENV says. */
const withDev = process.argv.includes('--dev');
/** An install that takes longer has died, and its process id may have gone to another process. */
const LONGEST_INSTALL_MS = 20 * 60_000;

if (missing() !== null) await install();

/** What is missing, in words; null if everything is there. */
function missing() {
  const wanted = packages('package-lock.json');
  const found = packages('node_modules/.package-lock.json');
  for (const [path, { version, optional, dev, devOptional }] of Object.entries(wanted)) {
    if (path === '' || optional || ((dev || devOptional) && !withDev)) continue;
    if (found[path]?.version !== version) return `${path.replace(/^.*node_modules\//, '')} ${version}`;
  }
  const version = wanted['node_modules/node']?.version;
  const run = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return run.stdout?.trim() === `v${version}` ? null : `node ${version}`;
}

function packages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

async function install() {
  await takeLock();
  try {
    // Another process may have installed meanwhile.
    if (missing() === null) return;
    say('installing what is missing (npm ci) …');
    // Errors only: npm warns at length of engines, but what we install runs on the Node that it installs.
    const args = ['ci', '--loglevel=error', ...(withDev ? ['--include=dev'] : [])];
    const run = spawnSync('npm', args, {
      cwd: root,
      env: cleanEnv(),
      stdio: ['ignore', 2, 2],
    });
    if (run.status !== 0)
      fail(
        `npm ci failed${run.error ? `: ${run.error.message}` : ''}; mend what it says above and try again`,
      );
    const still = missing();
    if (still?.startsWith('node ')) fail(nodeAdvice(still));
    if (still !== null) fail(`${still} is still missing after npm ci; is package-lock.json up to date?`);
  } finally {
    rmSync(lock, { force: true });
  }
}

function nodeAdvice(which) {
  return (
    `${which}, on which Lull runs, is not there: the install script of the package "node" did not run or failed. ` +
    'If npm is set to skip install scripts (npm config get ignore-scripts), run: npm ci --ignore-scripts=false'
  );
}

/** The outer npm's own settings (`--silent` among them) and its path are not for the inner one. */
function cleanEnv() {
  const env = { ...process.env };
  delete env.npm_config_loglevel;
  env.PATH = env.PATH?.split(':')
    .filter((folder) => !folder.endsWith('node_modules/.bin'))
    .join(':');
  return env;
}

/** The lock is a link to the process id of its holder: made in one step, and read when the holder may have died. */
async function takeLock() {
  // The embedded Postgres, as another user, must get into this folder.
  if (mkdirSync(dirname(lock), { recursive: true })) chmodSync(dirname(lock), 0o755);
  for (let waited = false; ; waited = true) {
    try {
      symlinkSync(String(process.pid), lock);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (removeStaleLock()) continue;
    if (!waited) say('another process is installing; waiting for it …');
    await sleep(200);
  }
}

/** Whether the way is free again. */
function removeStaleLock() {
  try {
    const age = Date.now() - lstatSync(lock).mtimeMs;
    if (isAlive(Number(readlinkSync(lock))) && age < LONGEST_INSTALL_MS) return false;
    // Moved before it is removed: of several that find it stale one takes it away, and never a new one.
    const stale = `${lock}-${process.pid}`;
    renameSync(lock, stale);
    rmSync(stale, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return true;
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function say(text) {
  process.stderr.write(`lull: ${text}\n`);
}

function fail(text) {
  say(text);
  rmSync(lock, { force: true });
  process.exit(1);
}
