// A whole engine in a process of its own, so that a test can kill it: `node engine-child.mjs CONFIG STORE_JSON LEASE_MS`.
import { readFileSync } from 'node:fs';
import { parseConfig } from '../../dist/config/load.js';
import { openEngine } from '../../dist/engine/engine.js';
import { registry } from '../../dist/registry.gen.js';
import { createClock } from '../../dist/runtimes/clock.js';
import { openStore } from '../../dist/store/open.js';

const [, , configFile, store, leaseMs] = process.argv;
const clock = createClock({ unref: true });
const ctx = {
  clock,
  random: Math.random,
  fetch: globalThis.fetch,
  log: (level, event, fields) => {
    if (level === 'error') process.stdout.write(`ERROR ${event} ${JSON.stringify(fields)}\n`);
  },
};
const { config, diagnostics } = parseConfig(readFileSync(configFile, 'utf8'), {
  file: configFile,
  env: {},
  registry,
});
if (!config) throw new Error(JSON.stringify(diagnostics));
const sql = openStore({ ...JSON.parse(store), max: 6 });
const running = await openEngine({
  sql,
  ctx,
  config,
  registry,
  self: `child-${process.pid}`,
  leaseMs: Number(leaseMs),
  fresh: { storeId: 'child-store', seed: 'child-seed' },
});
process.stdout.write('READY\n');
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});
while (!stopping) {
  await running.tick(100);
  await clock.sleep(50);
}
await running.close();
await sql.end({ timeout: 5 });
process.stdout.write('CLOSED\n');
