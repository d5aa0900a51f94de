/** Law 1, 6 and 7 under `kill -9`: nothing sent twice, nothing falsely lost, everything accounted for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { seeded, verdictsOf } from '../support/world.ts';

const KILLS = 20;
const child = resolve(import.meta.dirname, '../support/engine-child.mjs');

/** The path under test: takes lines, keeps them all, and answers a search by ingest time. Knows nothing of tokens but their look. */
function sink() {
  const received: { id: string; ingestedMs: number; text: string }[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://sink');
    let body = '';
    request.on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      if (url.pathname === '/take') {
        received.push({ id: String(received.length), ingestedMs: Date.now(), text: body });
        return void response.writeHead(204).end();
      }
      const [from, to, after] = ['from', 'to', 'after'].map(k => Number(url.searchParams.get(k) || 0)) as [
        number,
        number,
        number,
      ];
      const hits = received.filter(r => r.ingestedMs >= from && r.ingestedMs < to).slice(after, after + 500);
      const next = hits.length === 500 ? String(after + 500) : null;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          hits: hits.map(h => ({ id: h.id, at: new Date(h.ingestedMs).toISOString(), message: h.text })),
          next,
        }),
      );
    });
  });
  return { server, received };
}

const listen = (server: Server) =>
  new Promise<number>(done =>
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)),
  );

const configOf = (port: number) => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  p:
    every: 100ms
    sampling: uniform
    targets: [a, b, c]
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://127.0.0.1:${port}/take" }
    send_within: 2s
    checkpoints:
      - name: sink
        observe:
          kind: http
          url: "http://127.0.0.1:${port}/search?from={{from_ms}}&to={{to_ms}}&after={{cursor}}"
          by: { ingest: true }
          records: hits
          record_id: id
          ingested_at: { path: at, unit: iso }
          text: message
          paging: { kind: cursor, path: next }
        on_time_within: 1s
        lost_after: 3s
        keeps: 1h
        look_every: 1s
        settle: 100ms
`;

const db = useDatabase();
const dir = mkdtempSync(join(tmpdir(), 'coalmine-kill-'));
const world = sink();
let port = 0;
beforeAll(async () => {
  port = await listen(world.server);
});
afterAll(() => {
  world.server.close();
  world.server.closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
});

function start(configFile: string): {
  process: ChildProcess;
  ready: Promise<void>;
  ended: Promise<void>;
  output: () => string;
} {
  const process_ = spawn(process.execPath, [child, configFile, JSON.stringify(db.options), '1000'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let onReady: () => void = () => {};
  const ready = new Promise<void>(done => {
    onReady = done;
  });
  const take = (chunk: Buffer) => {
    output += chunk;
    if (output.includes('READY')) onReady();
  };
  process_.stdout.on('data', take);
  process_.stderr.on('data', take);
  const ended = new Promise<void>(done => process_.on('exit', () => done()));
  void ended.then(onReady);
  return { process: process_, ready, ended, output: () => output };
}

const wait = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

test(`${KILLS} kills in a row over one store`, { timeout: 120_000 }, async () => {
  const configFile = join(dir, 'coalmine.yaml');
  writeFileSync(configFile, configOf(port));
  const random = seeded(7);
  for (let i = 0; i < KILLS; i++) {
    const c = start(configFile);
    await c.ready;
    expect(c.output()).toContain('READY');
    await wait(50 + random() * 900);
    c.process.kill('SIGKILL');
    await c.ended;
    expect(c.output()).not.toContain('ERROR');
  }
  const last = start(configFile);
  await last.ready;
  const store = openStore(db.options);
  const stoppedMs = Date.now();
  for (let i = 0; i < 60; i++) {
    await wait(500);
    const [left] = await store<{ n: number }[]>`
      select count(*)::int as n from beat b join mark m using (pipeline, slot, part)
       where b.due_ms < ${stoppedMs} and m.next_due_ms is not null`;
    if (left?.n === 0) break;
  }
  await store.end({ timeout: 5 });
  last.process.kill('SIGTERM');
  await last.ended;
  expect(last.output()).toContain('CLOSED');
  const sql = openStore(db.options);
  try {
    const verdicts = (await verdictsOf(sql, 'sink')).filter(v => v.target !== 'drill');
    const tokens = world.received.map(r => /coalmine1[a-z2-7]{40}/.exec(r.text)?.[0] ?? '');
    expect(new Set(tokens).size, 'no canary sent twice').toBe(tokens.length);
    expect(
      verdicts.filter(v => v.verdict === 'lost'),
      'none falsely lost',
    ).toEqual([]);
    expect(verdicts.filter(v => v.verdict === 'unproven')).toEqual([]);
    const decided = verdicts.filter(v => !['pending', 'overdue'].includes(v.verdict));
    expect(decided.length).toBeGreaterThan(100);
    const arrived = verdicts.filter(v =>
      ['on_time', 'late', 'delivered', 'recovered'].includes(v.verdict),
    ).length;
    const doubtful = verdicts.filter(v => v.verdict === 'maybe_sent').length;
    const settled = verdicts.filter(v => Number(v.name.split('.')[1]) < stoppedMs);
    expect(
      settled.filter(v => v.verdict === 'pending' || v.verdict === 'overdue'),
      'all is settled',
    ).toEqual([]);
    const open = verdicts.filter(v => v.verdict === 'pending').length;
    expect(tokens.length, 'every canary that got through is accounted for').toBeGreaterThanOrEqual(arrived);
    expect(tokens.length).toBeLessThanOrEqual(arrived + doubtful + open);
    const [sums] = await sql<{ rows: number; counted: number }[]>`
      select sum(cardinality(b.targets))::int as rows,
             sum((select sum(value::int) from jsonb_each_text(m.counts)))::int as counted
        from mark m join beat b using (pipeline, slot, part)`;
    expect(sums?.counted, 'verdicts sum to what was scheduled').toBe(sums?.rows);
    const [folded] = await sql<{ n: number; rolled: number }[]>`
      select (select sum(cardinality(b.targets))::int from mark m join beat b using (pipeline, slot, part) where m.folded) as n,
             (select sum(v.value::int)::int from rollup r, jsonb_each_text(r.counts) v where v.key <> 'skipped')
               - coalesce((select sum(value::int)::int from rollup r, jsonb_each_text(r.counts) where key = 'unsent'), 0) as rolled`;
    const [unsent] = await sql<{ n: number }[]>`
      select count(*)::int as n from mark m join beat b using (pipeline, slot, part), unnest(m.verdicts) v where v = 10 and m.folded`;
    expect(folded?.rolled).toBe((folded?.n ?? 0) - (unsent?.n ?? 0));
    console.info(
      `kills ${KILLS}, received ${tokens.length}, arrived ${arrived}, maybe sent ${doubtful}, open ${open}`,
    );
  } finally {
    await sql.end({ timeout: 5 });
  }
});
