import { defineConfig } from 'vitest/config';

// The compiled program against what goes wrong around it: ports, disks, servers, keys, backups.
export default defineConfig({
  test: {
    include: ['test/operations/**/*.test.ts'],
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
