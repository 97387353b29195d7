import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import { duration } from '../../src/adapters/kit.ts';
import { adaptersOf } from '../../src/adapters/load.ts';
import { SetupError } from '../../src/domain/errors.ts';
import { testFolder } from '../support/folder.ts';
import { spawnService } from '../support/service.ts';

const acme = { ...web, id: 'acme' };
const { deliver: _deliver, ...silent } = acme;
const { replyWindow: _window, ...windowless } = web.rules;
const rules = (change: object) => ({ ...acme, rules: { ...web.rules, ...change } });

describe('modules of LULL_ADAPTERS', () => {
  it('may export one adapter or a list', async () => {
    const more = [
      { ...acme, id: 'acme-chat' },
      { ...acme, id: 'acme-mail' },
    ];
    const modules = [
      { name: './one.ts', exported: acme },
      { name: './more.ts', exported: more },
    ];
    expect(await adaptersOf(modules, BUILT_IN)).toEqual([acme, ...more]);
  });

  it('every built-in adapter passes the check', async () => {
    expect(await adaptersOf([{ name: 'all', exported: BUILT_IN }], [])).toEqual(BUILT_IN);
  });

  it.each<[string, unknown, string]>([
    [
      'no default export',
      undefined,
      'its default export is not an adapter: use export default defineAdapter({…})',
    ],
    ['a function', () => acme, 'its default export is not an adapter: use export default defineAdapter({…})'],
    ['no deliver', silent, 'adapter.deliver: a function'],
    ['a misspelt member', { ...acme, variant: {} }, 'adapter.variant: there is no such field'],
    ['no schema', { ...acme, settings: {} }, 'adapter.settings: a schema made with z'],
    [
      'no reply window',
      { ...acme, rules: windowless },
      "adapter.rules.replyWindow: a duration, such as duration('PT24H')",
    ],
    [
      'a duration in words',
      rules({ replyWindow: 'PT24H' }),
      "adapter.rules.replyWindow: a duration, such as duration('PT24H')",
    ],
    ['an unknown timer', rules({ bounds: { SNOOZE: null } }), 'adapter.rules.bounds.SNOOZE: '],
    ['an unknown rule', rules({ canSing: true }), 'adapter.rules.canSing: there is no such field'],
    [
      'no opt-out words',
      rules({ optOutWords: [] }),
      'the adapter acme breaks the contract: "lets customers opt out with STOP and UNSUBSCRIBE, and back in with START (PE-12)": ',
    ],
    [
      'bounds the wrong way round',
      rules({ bounds: { REMIND: { min: duration('PT2H'), max: duration('PT1H') } } }),
      'the adapter acme breaks the contract: "bounds only known timers, with min at most max": REMIND: min must be positive and at most max',
    ],
    [
      'a bad id',
      { ...acme, id: 'Acme Chat' },
      'the adapter Acme Chat breaks the contract: "has an id of lower-case words joined by hyphens, and a name": the id is Acme Chat',
    ],
    [
      'a setting it does not have',
      { ...acme, sendsBy: 'url' },
      'the adapter acme breaks the contract: "has the settings that sendsBy and variants name": there is no setting url',
    ],
    [
      'rules of a setting it does not have',
      { ...acme, variants: { setting: 'plan', of: {} } },
      'the adapter acme breaks the contract: "has the settings that sendsBy and variants name": there is no setting plan',
    ],
    [
      'rules that lack something for one value of a setting',
      { ...acme, variants: { setting: 'secret', of: { gold: windowless } } },
      "adapter.variants.of.gold.replyWindow: a duration, such as duration('PT24H')",
    ],
    ['the second of a list', [acme, null], 'its default export is not an adapter: '],
  ])('are rejected with %s', async (_what, exported, why) => {
    const refused = adaptersOf([{ name: './acme.ts', exported }], BUILT_IN);
    await expect(refused).rejects.toThrow(SetupError);
    await expect(refused).rejects.toThrow(`./acme.ts: ${why}`);
  });

  it('are rejected with a duplicate id, and the error names both owners', async () => {
    const one = { name: './one.ts', exported: acme };
    await expect(adaptersOf([one, { ...one, name: './two.ts' }], BUILT_IN)).rejects.toThrow(
      'two adapters have the id acme: one of ./one.ts, one of ./two.ts',
    );
    await expect(adaptersOf([{ name: './one.ts', exported: web }], BUILT_IN)).rejects.toThrow(
      'two adapters have the id web: one of Lull itself, one of ./one.ts',
    );
  });
});

describe('LULL_ADAPTERS', () => {
  const folder = testFolder();
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  /** Starts the service, without a database: what is wrong with a module is said before one is looked for. */
  async function start(...modules: string[]) {
    const unreachable = 'postgres://nobody@127.0.0.1:9/none';
    const service = spawnService({ DATABASE_URL: unreachable, PORT: '0', LULL_ADAPTERS: modules.join(',') });
    const ended = await service.ended;
    return { ...ended, said: service.said() };
  }
  mkdirSync(join(folder, 'empty'));
  const endless = write('endless.mjs', 'setInterval(() => {}, 1000);\nawait new Promise(() => {});');
  let waiting: ReturnType<typeof start>;
  beforeAll(() => {
    // It is given some seconds, in which the other tests run.
    waiting = start(endless);
  });

  it.each([
    ['a file that is not there', () => join(folder, 'gone.ts'), 'Cannot find module'],
    ['a package that is not there', () => 'lull-adapter-gone', "Cannot find package 'lull-adapter-gone'"],
    ['a folder', () => join(folder, 'empty'), 'Directory import'],
    ['no JavaScript', () => write('broken.ts', 'export default {{'), 'SyntaxError: '],
    ['a module that throws', () => write('throws.mjs', "throw new Error('no\\nluck')"), 'Error: no luck'],
    [
      'a module that imports what the kit does not have',
      () => write('lacks.mjs', "import { definePlugin } from 'lull/adapters';"),
      "does not provide an export named 'definePlugin'",
    ],
  ])('%s: the service names the module and the cause, and does not start', async (_what, module, why) => {
    const name = module();
    const { code, said } = await start(name);
    expect(said).toContain(`lull: ${name} could not be loaded: `);
    expect(said).toContain(why);
    expect(said.trim()).not.toContain('\n');
    expect(code).toBe(1);
  });

  it('names the requirement that a module breaks, and does not start', async () => {
    const file = write(
      'acme.ts',
      `import { defineAdapter, z } from 'lull/adapters';
       const definition: Record<string, unknown> = { id: 'acme', name: 'Acme', settings: z.strictObject({}) };
       export default defineAdapter(definition as never);`,
    );
    const { code, said } = await start('examples/telegram/telegram.ts', file);
    expect(said).toMatch(new RegExp(`^lull: ${file}: adapter\\.rules: [^\\n]+\\n$`));
    expect(code).toBe(1);
  });

  it('names two modules with the same id, and does not start', async () => {
    const telegram = 'examples/telegram/telegram.ts';
    const { code, said } = await start(telegram, `./${telegram}`);
    expect(said).toBe(`lull: two adapters have the id telegram: one of ${telegram}, one of ./${telegram}\n`);
    expect(code).toBe(1);
  });

  it('gives up on a module that does not load within 10 s', async () => {
    const { code, said } = await waiting;
    expect(said).toBe(`lull: ${endless} could not be loaded: Error: it takes longer than 10 s\n`);
    expect(code).toBe(1);
  });
});
