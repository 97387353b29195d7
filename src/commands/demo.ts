import { randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { createApiKey, SCOPES } from '../accounts/api-keys.ts';
import { createAccount } from '../accounts/setup.ts';
import type { Engine } from '../app.ts';
import { readConfig } from '../config.ts';
import type { Changed } from '../engine.ts';
import { readTimedCloses } from '../insight/command-reads.ts';
import { readTimeline, type TimelineRow } from '../insight/replay/timeline.ts';
import { createLog } from '../log.ts';
import { ensureChannel } from '../rules/ensure-channel.ts';
import { setPolicy } from '../rules/set-policy.ts';
import { play } from './play.ts';
import { untilSignal } from './signals.ts';
import { cell, print } from './terminal.ts';

const TIMELINE = fileURLToPath(new URL('../../examples/support-timeline.csv', import.meta.url));
/** The first conversation closes this long after the start; the others follow at this interval. */
const FIRST_CLOSE_MS = 8_000;
const CLOSE_INTERVAL_MS = 1_500;
const MINUTE_MS = 60_000;

/** The demo's channels with their thresholds; the in-app channel has its own policy (LP-4). */
const CHANNELS = [
  { name: 'web', adapter: 'web', quietMinutes: 25, layer: 'ACCOUNT' },
  { name: 'app', adapter: 'in-app', quietMinutes: 60, layer: 'CHANNEL' },
] as const;

/** Adds `lull demo`, which runs the service with sample conversations that close one after the other. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('run the service with sample conversations and watch them close')
    .description(
      'Runs the service with a new account named Demo, imports sample support conversations that fall due over the next minutes, and prints a line for each as it closes. Ctrl-C stops it. Writes: migrates the database, creates it if it does not exist, and keeps the Demo account in it.',
    )
    .action(run);
}

async function run(): Promise<void> {
  const { startService } = await import('../app.ts');
  const { subscribeToChanges } = await import('../start/open-steps.ts');
  const config = readConfig();
  const log = createLog({ logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel });
  const service = await startService(config, log);
  try {
    const { engine } = service;
    const accountId = await createAccount(engine.deps, { name: 'Demo' });
    const unsubscribe = await subscribeToChanges(
      engine.fanout,
      accountId,
      (changed) => void printCloses(engine, changed),
    );
    const conversations = await feed(engine, accountId);
    const key = { accountId, name: 'demo', scopes: SCOPES };
    const token = await createApiKey(engine.db, key, { id: engine.deps.newId(), now: engine.clock.now() });
    const keyFile = join(config.dataDir, 'demo.key');
    await writeFile(keyFile, '', { mode: 0o600 });
    // An existing file may be readable by others.
    await chmod(keyFile, 0o600);
    await writeFile(keyFile, `${token}\n`);
    introduce(service.url ?? '', relative('.', keyFile), conversations);
    await untilSignal();
    await unsubscribe();
  } finally {
    await service.close();
  }
}

/** Plays the sample timeline, with each conversation moved in time so that they close in turn. */
async function feed({ deps, clock, settings: store }: Engine, accountId: string): Promise<number> {
  const author = { changedBy: 'demo', why: 'settings of the demo' };
  const rows = await readTimeline(TIMELINE);
  const last = new Map(rows.map((row) => [row.conversation, row]));
  const names = [...last.keys()];
  const now = clock.now().getTime();
  for (const [index, { name, adapter, quietMinutes, layer }] of CHANNELS.entries()) {
    const settings = store.toStore(adapter, { secret: randomBytes(32).toString('base64url') });
    const channelId = await deps.afterCommit(ensureChannel(deps, accountId, { name, adapter, settings }));
    const place = { channelId: layer === 'CHANNEL' ? channelId : null, skillId: null, expectedVersion: null };
    const policy = { ...place, fields: { autoCloseAfter: `PT${quietMinutes}M` } };
    await deps.afterCommit(setPolicy(deps, accountId, policy, author));
    const here = (conversation: string) => names.indexOf(conversation) % CHANNELS.length === index;
    const shiftOf = (conversation: string) => {
      const { at } = last.get(conversation) as TimelineRow;
      const dueMs = now + FIRST_CLOSE_MS + names.indexOf(conversation) * CLOSE_INTERVAL_MS;
      return Math.min(dueMs - quietMinutes * MINUTE_MS, now) - at.getTime();
    };
    const messages = rows.filter((row) => here(row.conversation));
    await play(deps, { accountId, channelId, messages, shiftMsOf: shiftOf });
  }
  return names.length;
}

function introduce(url: string, keyFile: string, conversations: number): void {
  print(`
Lull is running with ${conversations} sample support conversations on two channels.
  web closes a conversation after 25 minutes of silence, app after 60 minutes.

  API   ${url}/graphql
  key   in ${keyFile}

  curl -s ${url}/graphql -H "authorization: Bearer $(cat ${keyFile})" -H 'content-type: application/json' \\
    -d '{"query":"{ conversations(first: 3) { nodes { status contact { address } due { at timer } } } }"}'

The first conversations fall due in a few seconds. Press Ctrl-C to stop.

`);
}

/** Prints a line for each conversation that a timer has ended. */
async function printCloses({ db }: Engine, { accountId, conversationIds }: Changed): Promise<void> {
  for (const row of await readTimedCloses(db.sql, accountId, conversationIds)) {
    const time = row.ended_at.toISOString().slice(11, 23);
    const quiet = Math.round((row.ended_at.getTime() - row.last_activity_at.getTime()) / MINUTE_MS);
    const where = cell(`${row.address} ${row.skill ?? ''}`).padEnd(26);
    print(
      `${time}  ${row.end_reason}  ${where} ${row.channel.padEnd(4)} quiet for ${quiet} min, closed ${row.lateness_ms} ms late\n`,
    );
  }
}
