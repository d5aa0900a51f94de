import { defineConfig } from 'vitest/config';

// Real systems from their own packages, on the real clock. What isn't there is skipped, with the command that installs it.
export default defineConfig({
  test: {
    include: ['test/peers/**/*.test.ts'],
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    slowTestThreshold: 60_000,
    reporters: ['verbose'],
  },
});
