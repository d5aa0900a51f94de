import { defineConfig } from 'vitest/config';

// The suites that need more than npm live in configs of their own (peers, browser, workerd, operations).
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/peers/**', 'test/browser/**', 'test/workerd/**', 'test/operations/**'],
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Vitest leaves a core free; most of our tests wait for PostgreSQL, which has it then.
    maxWorkers: 2,
  },
});
