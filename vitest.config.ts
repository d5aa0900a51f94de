import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { LAB } from './vitest.lab.config.ts';

// The suites that need more than npm, or long, live in configs of their own (lab, operations, peers, browser, workerd).
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/peers/**', 'test/browser/**', 'test/workerd/**', 'test/operations/**', ...LAB],
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Loading the engine takes longer than most files that test it. So no file may leave anything behind in its process.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // More than two cores can feed: the files that start processes mostly wait for them.
    maxWorkers: 3,
  },
});
