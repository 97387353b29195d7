import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { isAlive, removeFolder, testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { requireOrSkip, startRedis } from '../support/redis.ts';
import { type ServiceProcess, spawnService } from '../support/service.ts';

const NOBODY_HOME = '127.0.0.1:1';

/** Its answers while it runs, and how it exits. */
async function liveAndStop(service: ServiceProcess, signal: NodeJS.Signals) {
  const url = await service.running;
  expect(url, service.said()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const [health, ready] = await Promise.all(['/health', '/ready'].map((path) => fetch(`${url}${path}`)));
  expect([health?.status, ready?.status]).toEqual([200, 200]);
  expect(await ready?.json()).toEqual({ ready: true, failing: [] });
  service.kill(signal);
  expect(await service.ended).toEqual({ code: 0, signal: null });
  await expect(fetch(`${url}/health`)).rejects.toThrow();
  expect(() => process.kill(-service.pid, 0)).toThrow('ESRCH');
}

/** The output of the service besides its log. */
const lines = (service: ServiceProcess) =>
  service
    .said()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{'));

describe('the service', () => {
  let database: TestDatabase;
  let withoutDatabase: ServiceProcess;
  let withoutRedis: ServiceProcess;
  beforeAll(async () => {
    database = await createEmptyDatabase();
    // They try for some seconds, during which the other tests run.
    const nobody = `ann:hidden@${NOBODY_HOME}`;
    withoutDatabase = spawnService({ DATABASE_URL: `postgres://${nobody}/lull`, PORT: '0' });
    withoutRedis = spawnService({
      DATABASE_URL: urlOf(database.address),
      REDIS_URL: `redis://${nobody}`,
      PORT: '0',
    });
  });
  afterAll(() => database.drop());

  it('runs on a given Postgres, answers its probes and leaves nothing running after SIGTERM', async () => {
    await liveAndStop(spawnService({ DATABASE_URL: urlOf(database.address), PORT: '0' }), 'SIGTERM');
  });

  it('runs with its queue on Redis', requireOrSkip('redis'), async () => {
    const redis = await startRedis();
    const service = spawnService({ DATABASE_URL: urlOf(database.address), REDIS_URL: redis.url, PORT: '0' });
    await liveAndStop(service, 'SIGTERM');
    expect(service.said()).toContain('"queue":"redis"');
    await redis.stop();
  });

  it('runs without any configuration, and stops its embedded Postgres at SIGINT', async () => {
    const folder = testFolder();
    const service = spawnService({ LULL_DATA_DIR: folder, PORT: '0' });
    await service.running;
    const pid = Number.parseInt(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8'), 10);
    expect(isAlive(pid)).toBe(true);
    await liveAndStop(service, 'SIGINT');
    expect(isAlive(pid)).toBe(false);
    removeFolder(folder);
  });

  it('names a port that is in use', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as AddressInfo;
    const service = spawnService({ DATABASE_URL: urlOf(database.address), PORT: String(port) });
    expect((await service.ended).code).toBe(1);
    expect(lines(service)).toEqual([`lull: cannot listen on 127.0.0.1:${port}: it is in use`]);
    occupant.close();
  });

  it('names an unreachable database after several attempts', async () => {
    const service = withoutDatabase;
    expect((await service.ended).code).toBe(3);
    expect(lines(service)).toEqual([expect.stringMatching(`^lull: no database at ${NOBODY_HOME}/lull: .+`)]);
    expect(service.said().match(/no database at .* yet/g)?.length).toBeGreaterThan(2);
    expect(service.said()).not.toContain('hidden');
  });

  it('names an unreachable Redis after several attempts', async () => {
    const service = withoutRedis;
    expect((await service.ended).code).toBe(3);
    expect(lines(service)).toEqual([expect.stringMatching(`^lull: no Redis at ${NOBODY_HOME}: .+`)]);
    expect(service.said().match(/no Redis at .* yet/g)?.length).toBeGreaterThan(2);
    expect(service.said()).not.toContain('hidden');
  });

  it('names a malformed variable and starts nothing', async () => {
    const folder = testFolder();
    const service = spawnService({ PORT: 'eighty', LULL_DATA_DIR: folder });
    expect((await service.ended).code).toBe(1);
    expect(service.said()).toBe('lull: PORT must be a whole number from 0 to 65535\n');
    expect(readdirSync(folder)).toEqual([]);
    removeFolder(folder);
  });
});
