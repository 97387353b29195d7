import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/run.ts';

const NOT_OURS = ['node_modules', '.git', '.lull', 'dist'];

/** Paths that exist on one machine only, and do not belong into a repository. */
const LOCAL: [name: string, pattern: RegExp][] = [
  ['a path of one machine', /(?<![\w.$}-])\/(work|root|home|Users|mnt)\/\w/],
  ['the host of a package registry', /https?:\/\/[^/\s'"]*(registry|npm|proxy|mirror)[^/\s'"]*\//],
];
const RELATIVE_PATH = /(?<![\w./])(?:\.\.\/)+[\w-][\w.-]*/g;
/** Folders that every machine has: path traversal tests name them. */
const EVERYWHERE = ['etc', 'dev'];

/** Relative paths that leave the project, as seen from the folder of the file at `path`. */
function pathsThatLeave(path: string, text: string): string[] {
  return [...text.matchAll(RELATIVE_PATH)]
    .map(([found]) => found)
    .filter((found) => normalize(join(dirname(path), found)).startsWith('..'))
    .filter((found) => !EVERYWHERE.some((folder) => found.endsWith(`../${folder}`)));
}

function textFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !NOT_OURS.includes(entry.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? textFiles(path) : [path];
    })
    .filter((path) => !/\.(png|ico|woff2|gz)$/.test(path));
}

/** `name` is the path of the file from the project's root. */
function localTexts(name: string, text: string): string[] {
  const local = LOCAL.flatMap(([what, pattern]) => {
    const found = pattern.exec(text);
    return found === null ? [] : [`${name}: ${what}: ${found[0]}`];
  });
  const left = pathsThatLeave(name, text).map((path) => `${name}: a folder outside the project: ${path}`);
  return [...local, ...left];
}

it('no file of the project depends on one machine', () => {
  const files = textFiles(root);
  expect(files.length).toBeGreaterThan(20);
  expect(files.flatMap((path) => localTexts(relative(root, path), readFileSync(path, 'utf8')))).toEqual([]);
});

describe('the search', () => {
  const slash = '/';
  it.each([
    `see ${slash}home/ann/lull`,
    `${slash}work/x`,
    `..${slash}shared/a`,
    `https:${slash}/npm.example/x`,
  ])('finds %s', (text) => expect(localTexts('x', text)).toHaveLength(1));

  it('finds a relative path only if it leaves the project', () => {
    const text = `from '..${slash}shared/a.ts'`;
    expect(localTexts('src/adapters/channels/sms.ts', text)).toEqual([]);
    expect(localTexts('README.md', text)).toHaveLength(1);
    expect(localTexts('docs/adr/1.md', `[a](..${slash}../..${slash}shared/a)`)).toHaveLength(1);
  });

  it('ignores other paths', () => {
    const text = 'src/work/a, $HOME/home/a, ./home/a, https://lull.example/home, /var/lib/lull';
    expect(localTexts('x', text)).toEqual([]);
  });
});

it('the lock file names no host', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const resolved = Object.values<{ resolved?: string }>(lock.packages).filter((entry) => entry.resolved);
  expect(resolved).toEqual([]);
});

it('every dependency is pinned', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version as string))).toEqual([]);
});
