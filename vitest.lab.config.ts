import { defineConfig } from 'vitest/config';

/** The engine over the breakable lab: long runs on virtual time, with faults at every stage. */
export const LAB = [
  'test/engine/{alert-kill,conditions,detect,faults-*,identity,incident,kill-alarm,laws,unwatched}.test.ts',
];

export default defineConfig({
  test: {
    include: LAB,
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    pool: 'forks',
    isolate: false,
    maxWorkers: 3,
  },
});
