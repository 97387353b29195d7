import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Adapter, type AdapterSamples, adapterContract } from '../../src/adapters/kit.ts';
import { testFolder } from '../support/folder.ts';
import { root } from '../support/run.ts';

const folder = testFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const lull = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'src/cli.ts'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });

describe('lull adapter new', () => {
  it('creates an adapter with samples and a test, and it passes the contract', async () => {
    const { status, stdout, stderr } = lull('adapter', 'new', 'acme-chat');
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'run its test: cd acme-chat && npm test\n' });
    const files = ['acme-chat.test.ts', 'acme-chat.ts', 'package.json', 'samples.ts', 'tsconfig.json'];
    expect(stdout.trim().split('\n').sort()).toEqual(files.map((file) => `acme-chat/${file}`));
    expect(readdirSync(join(folder, 'acme-chat')).sort()).toEqual(files);
    for (const file of files)
      expect(readFileSync(join(folder, 'acme-chat', file), 'utf8')).not.toMatch(/my.channel/i);

    const { default: adapter }: { default: Adapter } = await import(join(folder, 'acme-chat/acme-chat.ts'));
    const { samples }: { samples: AdapterSamples } = await import(join(folder, 'acme-chat/samples.ts'));
    expect(adapter).toMatchObject({ id: 'acme-chat', name: 'Acme chat' });
    const cases = adapterContract(adapter, samples);
    expect(cases.length).toBeGreaterThan(25);
    for (const { run } of cases) await run();
  });

  it('does not overwrite an existing folder', () => {
    const file = join(folder, 'kept');
    writeFileSync(file, 'of great value');
    for (const name of ['kept', 'acme-chat']) {
      const { status, stdout, stderr } = lull('adapter', 'new', name);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toBe(
        `error: cannot create the folder ${name}: it already exists; choose another name\n`,
      );
    }
    expect(readFileSync(file, 'utf8')).toBe('of great value');
  });

  it.each(['Acme', 'acme_chat', '../acme', 'acme-', '7acme', '', 'a'.repeat(65)])(
    'refuses the name %j',
    (name) => {
      const { status, stdout, stderr } = lull('adapter', 'new', name);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^error: name: up to 64 lower-case letters and digits, [^\n]+\n$/);
    },
  );

  it.each(['web', 'samples'])('refuses the reserved name %s', (name) => {
    const { status, stderr } = lull('adapter', 'new', name);
    expect(status).toBe(2);
    expect(stderr).toBe(`error: name: ${name} is reserved; choose another name\n`);
    expect(existsSync(join(folder, name))).toBe(false);
  });

  it('requires a name', () => {
    expect(lull('adapter', 'new')).toMatchObject({ status: 2, stdout: '' });
  });
});
