import { setTimeout as sleep } from 'node:timers/promises';
import { v7 } from 'uuid';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { createAccount } from '../../src/accounts/setup.ts';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { ensureChannel, setPolicy } from '../../test/support/flows.ts';
import { type ServiceProcess, spawnService } from '../../test/support/service.ts';
import { stop } from '../http/service.ts';
import { attack, startProvider } from '../neighbours/attacker.ts';
import { attacksOf } from '../neighbours/attacks.ts';
import { ask, type Felt, feel, p, type Quiet } from '../neighbours/quiet.ts';
import type { Figure, Findings } from '../report.ts';
import type { Stage } from '../stage.ts';

const FOR_MS = 6_000;
/** What an attack has set off goes on for a moment, and is not the next one's. */
const REST_MS = 2_000;
/** Conversations of the big account whose feeds are long, and how long. */
const [DEEP, EVENTS] = [100, 200];

/**
 * What a quiet account feels, and how late its conversations close, while another does what takes much, one after the
 * other: the whole service is one process with its defaults, reached by HTTP alone.
 */
export async function neighbours(stage: Stage, onProgress: Progress): Promise<Findings> {
  // The service wakes what is due; nobody helps it.
  await stage.stopWorker();
  const provider = await startProvider();
  const service = await startWhole(stage, provider.url);
  try {
    const { quiet, attacker, attacks } = await prepare(stage, service.url, provider.url);
    await feel(quiet, stage.admin, 'warm-up', FOR_MS);
    const felt: [string, Felt][] = [['quiet', await feel(quiet, stage.admin, 'quiet', 2 * FOR_MS)]];
    const all = Object.entries(attacks);
    for (const [index, [name, { jobs, first = [] }]] of all.entries()) {
      for (const body of first) await ask(attacker, body);
      const end = attack(jobs);
      await sleep(500);
      felt.push([name, await feel(quiet, stage.admin, name, FOR_MS)]);
      end();
      await sleep(REST_MS);
      onProgress(index + 1, all.length);
    }
    return findingsOf(felt);
  } finally {
    await stop(service.process);
    provider.stop();
  }
}

function findingsOf([first, ...others]: readonly [string, Felt][]): Findings {
  const quiet = p(first?.[1].ms ?? [], 0.99);
  const figures: Figure[] = [{ name: 'quiet, p99', value: quiet, unit: 'ms' }];
  for (const [name, { ms, lateMs }] of others)
    figures.push(
      { name: `${name}: p99 / quiet`, value: p(ms, 0.99) / quiet, unit: '×', atMost: 2 },
      { name: `${name}: most late`, value: Math.max(0, ...lateMs), unit: 'ms', atMost: 1_000 },
    );
  const details = [first, ...others].flatMap((each) => (each === undefined ? [] : [detailOf(...each)]));
  return { figures, failures: [], details };
}

function detailOf(name: string, { ms, lateMs, refused }: Felt): Record<string, string | number> {
  return {
    ...{ while: name, calls: ms.length, refused, p50: p(ms, 0.5), p99: p(ms, 0.99) },
    ...{ closes: lateMs.length, 'late p50': p(lateMs, 0.5), 'late most': Math.max(0, ...lateMs) },
  };
}

/** The whole service as anybody starts it, but for where its providers are. */
async function startWhole(
  { env }: Stage,
  provider: string,
): Promise<{ url: string; process: ServiceProcess }> {
  const service = spawnService({
    ...{ ...env, PORT: '0', NODE_ENV: 'production', LOG_LEVEL: 'info' },
    ...{ LULL_ALLOW_PRIVATE_WEBHOOKS: 'true', LULL_ALLOW_PRIVATE_PROVIDERS: 'true' },
    ...{ LULL_JWKS_URL: `${provider}/hang`, LULL_JWT_ISSUER: 'bench', LULL_JWT_AUDIENCE: 'bench' },
  });
  const url = await service.running;
  if (url === null) throw new Error(`the service does not run: ${service.said()}`);
  return { url, process: service };
}

async function prepare({ admin, engine, big }: Stage, url: string, provider: string) {
  const { deps, settings } = engine;
  const headersFor = async (accountId: string) => {
    const asked = { accountId, name: 'bench', scopes: [...SCOPES] };
    const token = await createApiKey(engine.db, asked, { id: v7(), now: engine.clock.now() });
    return { authorization: `Bearer ${token}` };
  };
  const channel = async (accountId: string, name: string, deliverUrl?: string) => {
    const given = settings.toStore('web', {
      secret: 'a secret for the bench',
      ...(deliverUrl && { deliverUrl }),
    });
    return encodeId(
      'Channel',
      await ensureChannel(deps, accountId, { name, adapter: 'web', settings: given }),
    );
  };
  const author = { changedBy: 'bench', why: null };
  const place = { channelId: null, skillId: null, expectedVersion: null };
  const accountId = await createAccount(deps, { name: 'quiet' });
  const statuses = ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE'];
  const fields = { autoCloseAfter: 'PT1M', autoCloseStatuses: statuses, autoCloseAwaiting: 'ANYBODY' };
  await setPolicy(deps, accountId, { ...place, fields }, author);
  const quiet: Quiet = {
    ...{ accountId, url, headers: await headersFor(accountId) },
    channelId: await channel(accountId, 'quiet'),
  };
  const deep = await admin<{ id: string }[]>`
    insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, status, awaiting)
    select ${big.accountId}, newest.id, number, 'COMMENT', newest.started_at, newest.started_at, 'AGENT', newest.channel_id, newest.status, newest.awaiting
    from (select * from conversation where account_id = ${big.accountId} order by id desc limit ${DEEP}) as newest
    cross join generate_series(2, ${EVENTS}) as number returning conversation_id as id`;
  const deepIds = [...new Set(deep.map(({ id }) => id))];
  await admin`update conversation set revision = ${EVENTS} where account_id = ${big.accountId} and id = any(${deepIds})`;
  const keys = await Promise.all(Array.from({ length: 20 }, () => headersFor(big.accountId)));
  const headers = () => keys.pop() ?? {};
  const attacker = { url, headers: headers() };
  const attacks = attacksOf({
    ...{ url, headers, big },
    hanging: await channel(big.accountId, 'hanging', `${provider}/hang`),
    flooding: await channel(big.accountId, 'flooding', `${provider}/flood`),
    deep: deepIds.map((id) => encodeId('Conversation', id)),
  });
  return { quiet, attacker, attacks };
}
