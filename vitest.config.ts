import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import summary from './test/support/reporter.ts';

export default defineConfig({
  resolve: {
    alias: [
      // Vite would give tests and src another copy of graphql (its .mjs) than Node gives the libraries.
      { find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) },
      // The package has it built.
      {
        find: /^lull\/adapters$/,
        replacement: fileURLToPath(new URL('src/adapters/kit.ts', import.meta.url)),
      },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: ['test/support/postgres.ts'],
    reporters: ['default', summary()],
  },
});
