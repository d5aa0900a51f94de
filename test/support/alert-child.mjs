// The step `alert` in a process of its own, so that a test can kill it: `node alert-child.mjs STORE_JSON URL NAMES CLAIM_MS`.
import { createAlert } from '../../dist/engine/alert.js';
import { createInstruments } from '../../dist/engine/instruments.js';
import { createStoreFault } from '../../dist/engine/store-fault.js';
import { openStore } from '../../dist/store/open.js';

const [, , store, url, names, claimMs] = process.argv;
const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
const said = (what, error) => process.stdout.write(`ERROR ${what} ${error?.stack ?? error}\n`);
const ctx = {
  clock: { now: () => Date.now(), mono: () => performance.now(), sleep },
  random: Math.random,
  fetch: globalThis.fetch,
  log: (level, event, fields) => level === 'error' && said(event, JSON.stringify(fields)),
};
const channel = name => ({
  kind: 'http',
  traits: { repeatEveryMs: null },
  notifier: {
    async notify(notice, previous, signal) {
      const body = JSON.stringify({ notice, previous });
      const response = await fetch(`${url}/${name}`, { method: 'POST', body, signal });
      await response.text();
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      return { sequence: notice.sequence };
    },
    close: async () => {},
  },
});
const sql = openStore({ ...JSON.parse(store), max: 6 });
const stop = new AbortController();
const tasks = new Set();
const start = (what, work) => {
  const task = work()
    .catch(error => said(what, error))
    .finally(() => tasks.delete(task));
  tasks.add(task);
};
const engine = {
  sql,
  ctx,
  config: { pipelines: [], notify: {} },
  self: `child-${process.pid}`,
  instruments: createInstruments(),
  storeFault: createStoreFault(ctx),
  stop: stop.signal,
};
const notifiers = new Map(names.split(',').map(name => [name, channel(name)]));
const tick = createAlert(engine, notifiers, { start, claimMs: Number(claimMs) });
await sql`select 1`;
process.stdout.write('READY\n');
process.on('SIGTERM', () => stop.abort(new Error('shutting down')));
while (!stop.signal.aborted) {
  await tick();
  await sleep(5);
}
while (tasks.size > 0) await Promise.all(tasks);
await sql.end({ timeout: 5 });
process.stdout.write('CLOSED\n');
