import { defineConfig } from 'vitest/config';

// Needs Chromium (Debian: apt-get install chromium). Without it the suite reports itself skipped, never passed.
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts', 'test/browser/**/*.test.tsx'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
