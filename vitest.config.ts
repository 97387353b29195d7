import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import summary from './test/support/reporter.ts';

/**
 * Files that need a process of their own: they replace modules, set the environment, measure memory, or fill the machine.
 * They run first. All others share processes and the modules loaded there, which hold no state.
 */
const ALONE = [
  'test/{live,faults,bench,repository}/**/*.test.ts',
  'test/db/{embedded,shared-connection}.test.ts',
  'test/ingest/many-late-activities.test.ts',
  'test/outgoing/guarded-fetch.test.ts',
];

/** These take longest, and start first: by itself vitest starts with the largest files. */
const LONGEST = [
  'faults/faults',
  'live/upgrade',
  'bench/bench',
  'repository/package',
  'repository/postgres-15',
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
    const sorted = await super.sort(files);
    const first = sorted.filter((file) => rank(file) >= 0).sort((a, b) => rank(a) - rank(b));
    return [...first, ...sorted.filter((file) => rank(file) < 0)];
  }
}

const resolve = {
  alias: [
    // Vite would give tests and src another copy of graphql (its .mjs) than Node gives the libraries.
    { find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) },
    // The package has it built.
    {
      find: /^lull\/adapters$/,
      replacement: fileURLToPath(new URL('src/adapters/kit.ts', import.meta.url)),
    },
  ],
};
/** A limit only stops a test that hangs: a slow machine keeps it too. */
const LIMIT_MS = 120_000;
const test = {
  environment: 'node',
  pool: 'forks',
  testTimeout: LIMIT_MS,
  hookTimeout: LIMIT_MS,
  expect: { poll: { timeout: LIMIT_MS / 2, interval: 20 } },
} as const;

export default defineConfig({
  test: {
    projects: [
      { resolve, test: { ...test, name: 'alone', include: ALONE } },
      {
        resolve,
        test: { ...test, name: 'shared', include: ['test/**/*.test.ts'], exclude: ALONE, isolate: false },
      },
    ],
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    globalSetup: ['test/support/postgres.ts'],
    reporters: ['default', summary()],
  },
});
