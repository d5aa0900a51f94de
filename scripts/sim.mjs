// `npm run sim -- …`: starts a private PostgreSQL where --store names none, and hands over to src/sim/cli.ts.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../dist/runtimes/embedded/index.js';
import { main, storeNamed } from '../dist/sim/cli.js';

/** Nothing here needs to outlive a power failure; each child needs some dozens of sessions. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '400' };

const args = process.argv.slice(2);
const io = { out: text => process.stdout.write(text), say: text => process.stderr.write(text) };
let named;
try {
  named = storeNamed(args);
} catch {
  // main says what is wrong.
  named = {};
}
if (named !== undefined) process.exit(await main(args, { ...io, store: named }));
const dataDir = await mkdtemp(join(tmpdir(), 'coalmine-sim-'));
const server = await startEmbedded({ dataDir, settings: SETTINGS, log: () => {} });
let code = 2;
try {
  code = await main(args, { ...io, store: server.connection });
} finally {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 10 });
}
process.exit(code);
