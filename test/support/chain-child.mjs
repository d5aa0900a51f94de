// The whole chain (detectors, incidents, outbox, webhook) in a process of its own, so that a test can kill it at any moment:
// `node chain-child.mjs CONFIG STORE_JSON FROM_MS KILL_JSON`. Time is virtual and goes on when the engine waits for nothing else; every
// request tells it. KILL: { at, n, when }: the n-th statement that matches `at` is the last, `before` it or `after` it; deliveries
// and the ends of transactions count as statements.
import { readFileSync } from 'node:fs';
import { parseConfig } from '../../dist/config/load.js';
import { openEngine } from '../../dist/engine/engine.js';
import { registry } from '../../dist/registry.gen.js';
import { openStore } from '../../dist/store/open.js';

const STEP_MS = 1_000;
const QUIET_TURNS = 3;
const [, , configFile, store, fromMs, killJson] = process.argv;
const kill = JSON.parse(killJson ?? 'null');
const pattern = kill && new RegExp(kill.at);
let left = kill?.n ?? 0;
const die = () => process.kill(process.pid, 'SIGKILL');

/** Statements and requests under way. */
let busy = 0;
/** Runs `work`, unless this is what the process is to die of. */
async function watch(text, work) {
  const counts = pattern?.test(text) === true;
  if (counts && kill.when === 'before' && --left === 0) die();
  busy++;
  try {
    const value = await work();
    // A claim of nothing is no moment of the chain.
    const isIdle = Array.isArray(value) && value.length === 0 && !value.count;
    if (counts && kill.when === 'after' && !isIdle && --left === 0) die();
    return value;
  } finally {
    busy--;
  }
}

let passedMs = 0;
const sleepers = new Set();
const clock = {
  now: () => Number(fromMs) + passedMs,
  mono: () => passedMs,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { atMs: passedMs + ms, resolve };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        sleepers.delete(sleeper);
        reject(signal.reason);
      });
    }),
};
function advance(ms) {
  passedMs += ms;
  for (const s of [...sleepers].sort((a, b) => a.atMs - b.atMs)) {
    if (s.atMs > passedMs) continue;
    sleepers.delete(s);
    s.resolve();
  }
}

const ctx = {
  clock,
  random: Math.random,
  fetch: (input, init) => {
    const request = new Request(input, init);
    request.headers.set('x-now', String(clock.now()));
    return watch(new URL(request.url).pathname === '/hook' ? 'delivery' : 'request', () => fetch(request));
  },
  log: (level, event, fields) => {
    if (level === 'error') process.stdout.write(`ERROR ${event} ${JSON.stringify(fields)}\n`);
  },
};

const OWN = new Set(['end', 'options', 'parameters', 'types', 'typed', 'json', 'array', 'unsafe']);
/** Watched when it is awaited: a fragment of another statement never is. */
function watched(query, text, noted) {
  let run;
  const once = () => {
    noted(text);
    run ??= watch(text, () => new Promise((done, failed) => query.then(done, failed)));
    return run;
  };
  return new Proxy(query, {
    get(target, key) {
      if (key === 'then') return (a, b) => once().then(a, b);
      if (key === 'catch') return b => once().catch(b);
      if (key === 'finally') return c => once().finally(c);
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
const hooked = (sql, noted = () => {}) =>
  new Proxy(sql, {
    apply(target, self, args) {
      const query = Reflect.apply(target, self, args);
      return Array.isArray(args[0]) && 'raw' in args[0] ? watched(query, args[0].join('?'), noted) : query;
    },
    get(target, key) {
      if (key === 'begin') return (...args) => begin(target, args);
      const value = Reflect.get(target, key);
      return typeof value === 'function' && !OWN.has(key) ? value.bind(target) : value;
    },
  });
/** The end of a transaction, which is told by whether it wrote notices. */
async function begin(sql, args) {
  let end = 'commit';
  const noted = text => {
    if (text.includes('insert into outbox')) end = 'commit of notices';
  };
  busy++;
  try {
    const value = await sql.begin(...args.slice(0, -1), async tx => {
      const done = await args.at(-1)(hooked(tx, noted));
      await watch(`${end}, begun`, async () => {});
      return done;
    });
    return await watch(`${end}, done`, async () => value);
  } finally {
    busy--;
  }
}

/** Until all is done, or waits for time to go on. */
async function quiet(work) {
  let isDone = false;
  const done = work.then(() => {
    isDone = true;
  });
  for (let turns = 0; turns < QUIET_TURNS && !isDone; ) {
    await Promise.race([done, new Promise(turn => setTimeout(turn, 1))]);
    turns = busy === 0 ? turns + 1 : 0;
  }
}

const file = { file: configFile, env: {}, registry };
const { config, diagnostics } = parseConfig(readFileSync(configFile, 'utf8'), file);
if (!config) throw new Error(JSON.stringify(diagnostics));
const sql = openStore({ ...JSON.parse(store), max: 6 });
const running = await openEngine({
  sql: hooked(sql),
  ctx,
  config,
  registry,
  self: `child-${process.pid}`,
  fresh: { storeId: 'child-store', seed: 'child-seed' },
});
process.stdout.write('READY\n');
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});
while (!stopping) {
  advance(STEP_MS);
  await quiet(running.tick(0).then(() => running.idle()));
}
let isClosed = false;
const closing = running.close().then(() => {
  isClosed = true;
});
while (!isClosed) {
  advance(STEP_MS);
  await Promise.race([closing, new Promise(turn => setTimeout(turn, 2))]);
}
await sql.end({ timeout: 5 });
process.stdout.write('CLOSED\n');
