import { defineConfig } from 'vitest/config';

// coalmine in workerd, over a PostgreSQL of its own. What is missing for it is said, and skips it.
export default defineConfig({
  test: {
    include: ['test/workerd/**/*.test.ts'],
    testTimeout: 40_000,
    hookTimeout: 40_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
