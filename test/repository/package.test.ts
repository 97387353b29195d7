import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { sourceFiles } from '../support/import-rules.ts';
import { urlOf } from '../support/live.ts';
import { root, runTool } from '../support/run.ts';
import { spawnService } from '../support/service.ts';

const page = readFileSync(join(root, 'docs/writing-an-adapter.md'), 'utf8');
/** The first commands that the page gives, verbatim. */
const commands = /```sh\n(mkdir [\s\S]*?)```/.exec(page)?.[1] as string;

const folder = testFolder();
const project = join(folder, 'adapters');
afterAll(() => rmSync(folder, { recursive: true }));

/** Variables that npm and vitest set for child processes. */
const OF_THIS_RUN =
  /^(npm_(package|lifecycle|command|execpath|node)|npm_config_(local_|global_)?prefix$|npm_config_loglevel$|INIT_CWD$|VITEST|TEST$|NODE_(ENV|OPTIONS|PATH)$)/;

/** Of this run's environment what a stranger's shell would have, and what keeps npm off the network where it can be. */
function strangersEnv(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !OF_THIS_RUN.test(name));
  const PATH = process.env.PATH?.split(delimiter)
    .filter((entry) => !entry.endsWith('node_modules/.bin'))
    .join(delimiter);
  const quick = { prefer_offline: 'true', omit: 'optional', audit: 'false', fund: 'false' };
  const options = Object.entries(quick).map(([name, value]) => [`npm_config_${name}`, value]);
  return { ...Object.fromEntries([...inherited, ...options]), PATH, NO_COLOR: '1' };
}

const shell = (script: string, cwd: string) => {
  const run = spawnSync('sh', ['-ec', script], { cwd, env: strangersEnv(), encoding: 'utf8' });
  return { status: run.status, stdout: run.stdout, said: `${run.stdout}\n${run.stderr}` };
};

/** What node:test says at its end: how many passed and failed. */
const counts = (said: string) => ['pass', 'fail'].map((word) => new RegExp(`${word} (\\d+)`).exec(said)?.[1]);

let typed: ReturnType<typeof shell>;
beforeAll(() => {
  const packed = shell(`npm pack --silent --pack-destination "${folder}"`, root);
  expect(packed, packed.said).toMatchObject({ status: 0, stdout: 'lull-0.1.0.tgz\n' });
  typed = shell(commands, folder);
}, 600_000);

describe('package.json', () => {
  it('lists every package that src imports as a dependency', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const imported = sourceFiles(root, ['src']).flatMap(({ text }) =>
      [...text.matchAll(/(?:from|import\()\s*'((?:@[\w.-]+\/)?[\w-][\w.-]*)[^':]*'/g)].map(
        ([, name]) => name,
      ),
    );
    // Used to explore the API during development.
    const lacking = new Set(imported.filter((name) => !((name as string) in dependencies)));
    expect([...lacking]).toEqual(['@graphql-yoga/render-graphiql']);
  });
});

describe('the package, installed into an empty project as docs/writing-an-adapter.md says', () => {
  it('writes a skeleton whose test passes with as many cases as the page states', () => {
    expect(typed.status, typed.said).toBe(0);
    expect(counts(typed.said)).toEqual([/`pass (\d+)` and `fail 0`/.exec(page)?.[1], '0']);
  });

  it('has a command that runs on the current Node', () => {
    expect(shell('node_modules/.bin/lull --version', project)).toMatchObject({
      status: 0,
      stdout: '0.1.0\n',
    });
  });

  it('contains no sources and no tests, and everything that a service needs', () => {
    const inside = (path: string) => existsSync(join(project, 'node_modules/lull', path));
    expect(['src', 'test', 'bench', 'scripts', 'tsconfig.json'].filter(inside)).toEqual([]);
    const needed = ['LICENSE', 'README.md', 'dist/cli.js', 'drizzle', 'docs/writing-an-adapter.md'];
    expect(needed.filter((path) => !inside(path))).toEqual([]);
  });

  it('contains the types for the skeleton, which compiles as strictly as Lull itself', () => {
    const types = join(root, 'node_modules/@types');
    expect(runTool('tsc', '-p', join(project, 'acme-chat'), '--typeRoots', types)).toEqual({
      status: 0,
      output: '',
    });
  });

  it('contains examples/telegram, whose own test passes', () => {
    cpSync(join(project, 'node_modules/lull/examples/telegram'), join(project, 'telegram'), {
      recursive: true,
    });
    const run = shell('npm test', join(project, 'telegram'));
    expect(run.status, run.said).toBe(0);
    expect(counts(run.said)[1]).toBe('0');
  });

  describe('runs the service', () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await createEmptyDatabase();
    });
    afterAll(() => database.drop());

    it('with the adapters of LULL_ADAPTERS, a file and a package', async () => {
      const plain = join(project, 'node_modules/lull-adapter-plain');
      mkdirSync(plain);
      writeFileSync(join(plain, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
      const source =
        "import acme from '../../acme-chat/acme-chat.ts';\nexport default { ...acme, id: 'plain' };";
      writeFileSync(join(plain, 'index.js'), source);
      const lull = join(project, 'node_modules/lull/bin/lull.mjs');
      const env = {
        DATABASE_URL: urlOf(database.address),
        PORT: '0',
        LULL_DATA_DIR: join(folder, 'data'),
        LULL_ADAPTERS: `${join(project, 'acme-chat/acme-chat.ts')}, lull-adapter-plain`,
      };
      const service = spawnService(env, lull, 'serve');
      const url = await service.running;
      expect(url, service.said()).not.toBeNull();
      const file = join(folder, 'key');
      const made = spawnSync(process.execPath, [lull, 'keys', 'create', '--create-account', '--out', file], {
        env: { PATH: process.env.PATH, ...env },
        encoding: 'utf8',
      });
      expect(made.status, made.stderr).toBe(0);
      const ask = async (query: string) => {
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${readFileSync(file, 'utf8').trim()}`,
          },
          body: JSON.stringify({ query }),
        });
        return (await response.json()) as { data: Record<string, unknown> };
      };
      const queries = [...page.matchAll(/<!-- (\w+) -->\n```graphql\n([\s\S]*?)```/g)];
      expect(queries.map(([, name]) => name)).toEqual(['adapters', 'createChannel']);
      const [adapters, created] = [await ask(queries[0]?.[2] ?? ''), await ask(queries[1]?.[2] ?? '')];
      expect(adapters.data.adapters).toContainEqual(
        expect.objectContaining({ id: 'acme-chat', name: 'Acme chat' }),
      );
      expect(adapters.data.adapters).toContainEqual(expect.objectContaining({ id: 'plain' }));
      const { webhookPath } = created.data.createChannel as { webhookPath: string };
      const refused = await fetch(`${url}${webhookPath}`, { method: 'POST', body: '{"events":[]}' });
      expect(refused.status).toBe(401);
      service.kill('SIGTERM');
      expect(await service.ended).toEqual({ code: 0, signal: null });
    });
  });
});
