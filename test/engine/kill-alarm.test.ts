/**
 * `kill -9` at any moment from detection to delivery, over one store: at random, and before and after each kind of statement that
 * the chain is made of. Then nothing is missing, out of order, or under a key of its own, and the record is the truth.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { LossFacts } from '../../src/domain/incident.ts';
import { detect } from '../../src/engine/detect.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { registry } from '../../src/registry.gen.ts';
import type { IncidentRow } from '../../src/store/incident.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { seeded, verdictsOf } from '../support/world.ts';

/** What the child dies of, and at which of so many it may. Every kind of statement between a verdict and the end of a delivery. */
const KINDS = [
  { at: 'update detector', of: 40 },
  { at: 'insert into incident ', of: 1 },
  { at: 'update incident set', of: 12 },
  { at: 'insert into outbox', of: 2 },
  { at: 'commit of notices, (begun|done)', of: 3 },
  { at: 'as r\\(notifier text', of: 2 },
  { at: '^delivery$', of: 2 },
  { at: "set state = 'sent'", of: 2 },
  { at: '', of: 3_000 },
] as const;
const DEATHS = [
  ...KINDS.flatMap(kind => (['before', 'after'] as const).map(when => ({ ...kind, when }))),
  // Of the clock.
  null,
  null,
  null,
];
const START_MS = Date.UTC(2024, 8, 2, 12, 0, 0);
/** Of each cycle of beats the first are kept, the others dropped after the acknowledgement: all, so that evidence closes it soon. */
const KEPT = 80;
const DROPPED = 12;
/** A child that lives so long has met nothing that it could die of: a defect of this test. */
const LIFE_MS = 60_000;
const DEAD_MS = 2_000;
let living: ChildProcess | undefined;
const child = resolve(import.meta.dirname, '../support/chain-child.mjs');

interface Taken {
  readonly token: string;
  readonly text: string;
  readonly atMs: number;
  readonly kept: boolean;
}
interface Arrival {
  readonly host: string;
  readonly id: string;
  readonly body: string;
  readonly notice: { id: string; incident: string; sequence: number; event: string; kind: string };
}

/** As the child told last. */
let nowMs = START_MS;
const taken: Taken[] = [];
const arrivals: Arrival[] = [];
let faulty = true;
let seenOfOne = 0;
const fate = (target: string): boolean => {
  if (target === 'a') seenOfOne = faulty ? (seenOfOne + 1) % (KEPT + DROPPED) : 0;
  return seenOfOne < KEPT;
};

/** The path under test, its search, and a receiver of webhooks. */
const far = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://far');
  nowMs = Math.max(nowMs, Number(request.headers['x-now'] ?? 0));
  let body = '';
  request.on('data', chunk => {
    body += chunk;
  });
  request.on('end', () => {
    const [, place, target = ''] = url.pathname.split('/');
    if (place === 'take') {
      const token = /coalmine1[a-z2-7]{40}/.exec(body)?.[0] ?? '';
      taken.push({ token, text: body, atMs: nowMs, kept: fate(target) });
      return void response.writeHead(204).end();
    }
    if (place === 'hook') {
      const { data } = JSON.parse(body) as { data: Arrival['notice'] };
      const id = String(request.headers['webhook-id']);
      arrivals.push({ host: url.searchParams.get('for') ?? '', id, body, notice: data });
      return void response.writeHead(204).end();
    }
    const [from = 0, to = 0] = ['from', 'to'].map(k => Number(url.searchParams.get(k)));
    const hits = taken
      .map((t, i) => ({ id: `r${i}`, at: new Date(t.atMs).toISOString(), message: t.text, ...t }))
      .filter(t => t.kept && t.atMs >= from && t.atMs < to)
      .map(({ id, at, message }) => ({ id, at, message }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ hits }));
  });
});

const configOf = (base: string) => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  p:
    every: 1s
    sampling: uniform
    targets:
${['a', 'b', 'c', 'd'].map(t => `      ${t}: { url: "${base}/take/${t}" }`).join('\n')}
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "${base}/take/a" }
    send_within: 2s
    notify: { loss: [desk], ours: [crew] }
    objective: { on_time: 99.9%, delivered: 99.9% }
    checkpoints:
      - { name: sink, observe: { kind: http, url: "${base}/search?from={{from_ms}}&to={{to_ms}}&after={{cursor}}", by: { ingest: true }, paging: { kind: cursor, path: next }, records: hits, record_id: id, ingested_at: { path: at, unit: iso }, text: message }, on_time_within: 30s, lost_after: 60s, keeps: 6h, look_every: 1s, settle: 1s }
notify:
  desk: { kind: webhook, url: "${base}/hook?for=desk" }
  crew: { kind: webhook, url: "${base}/hook?for=crew" }
`;

const db = useDatabase();
const dir = mkdtempSync(join(tmpdir(), 'coalmine-kill-alarm-'));
const configFile = join(dir, 'coalmine.yaml');
let config = '';
let sql: Sql;
beforeAll(async () => {
  await new Promise<void>(done => far.listen(0, '127.0.0.1', done));
  config = configOf(`http://127.0.0.1:${(far.address() as AddressInfo).port}`);
  writeFileSync(configFile, config);
  sql = openStore({ ...db.options, max: 3 });
});
afterAll(async () => {
  living?.kill('SIGKILL');
  far.close();
  far.closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
  await sql.end({ timeout: 5 });
});

const wait = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

interface Child {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  output: string;
}

function start(death: { at: string; when: string; n: number } | null): Child {
  const args = [db.options, nowMs + DEAD_MS, death].map(a => JSON.stringify(a));
  const process_ = spawn(process.execPath, [child, configFile, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living = process_;
  const ended = new Promise<void>(done => process_.on('exit', () => done()));
  const c: Child = { process: process_, ended, ready: ended, output: '' };
  const ready = new Promise<void>(done => {
    for (const stream of [process_.stdout, process_.stderr])
      stream?.on('data', (chunk: Buffer) => {
        c.output += chunk;
        if (c.output.includes('READY')) done();
      });
  });
  return Object.assign(c, { ready: Promise.race([ready, ended]) });
}

/** A dead process's claims and leases run out by the database's clock: that time is let pass. */
async function outdate(c: Child): Promise<void> {
  const self = `child-${c.process.pid}`;
  await sql`update outbox set claimed_until_ms = 0 where starts_with(claimed_by, ${`${self} `})`;
  await sql`update replica set seen_ms = seen_ms - 60000 where self = ${self}`;
}

const losses = () =>
  sql<IncidentRow<LossFacts>[]>`select * from incident where kind = 'loss' order by number`;
const isOver = async (): Promise<boolean> => {
  const [left] = await sql<{ n: number }[]>`
    select (select count(*) from incident where kind = 'loss' and ended_ms is null)::int
         + (select count(*) from outbox where state = 'waiting' and notifier = 'desk')::int as n`;
  return left?.n === 0;
};

test(`${DEATHS.length} kills in a row from detection to delivery`, { timeout: 600_000 }, async () => {
  const random = seeded(17);
  const spared: string[] = [];
  for (const death of DEATHS) {
    const c = start(death && { ...death, n: 1 + Math.floor(random() * death.of) });
    await c.ready;
    expect(c.output).toContain('READY');
    const died = await Promise.race([c.ended.then(() => true), wait(death ? LIFE_MS : 2_000 * random())]);
    if (death && died !== true) spared.push(`${death.when} ${death.at}`);
    c.process.kill('SIGKILL');
    await c.ended;
    expect(c.process.signalCode).toBe('SIGKILL');
    expect(c.output).not.toContain('ERROR');
    await outdate(c);
  }
  expect(spared, 'each kind of statement was met').toEqual([]);
  faulty = false;
  const last = start(null);
  await last.ready;
  // Whatever was dropped before is judged and told; all that is left is for the clock to go on.
  const untilMs = nowMs + 100_000;
  while (nowMs < untilMs || !(await isOver())) await wait(50);
  last.process.kill('SIGTERM');
  await last.ended;
  expect(last.output).toContain('CLOSED');
  expect(last.output).not.toContain('ERROR');

  const incidents = await losses();
  expect(incidents.length).toBeGreaterThan(2);
  expect(incidents.filter(i => i.ended_ms === null)).toEqual([]);
  await expectTold(incidents);
  await expectTruth(incidents);
  const twice = arrivals.length - new Set(arrivals.map(a => a.id)).size;
  expect(twice, 'kills that hit a delivery').toBeGreaterThan(0);
  console.info(
    `kills ${DEATHS.length}, incidents ${incidents.length}, notices ${arrivals.length}, delivered twice ${twice}`,
  );
});

/** In order, whole, and what comes twice under the same key. */
async function expectTold(incidents: readonly IncidentRow<LossFacts>[]): Promise<void> {
  const said = new Map<string, string>();
  for (const { id, body, notice } of arrivals) {
    expect(notice.id).toBe(id);
    expect(said.get(id) ?? body, 'what comes twice is the same').toBe(body);
    said.set(id, body);
  }
  const written = await sql<{ incident: string; notifier: string; sequence: number; state: string }[]>`
    select notice->>'incident' as incident, notifier, sequence, state from outbox order by 1, 2, 3`;
  for (const key of new Set(written.map(r => `${r.notifier} ${r.incident}`))) {
    const own = written.filter(r => `${r.notifier} ${r.incident}` === key);
    const got = arrivals.filter(a => `${a.host} ${a.notice.incident}` === key).map(a => a.notice.sequence);
    expect(got, `${key}: in order`).toEqual(got.toSorted((a, b) => a - b));
    expect(own.map(r => r.sequence)).toEqual(own.map((_, i) => i + 1));
    const due = own.filter(r => r.state !== 'merged' && r.state !== 'waiting').map(r => r.sequence);
    expect(
      [...new Set(got)].filter(s => due.includes(s)),
      `${key}: none missing`,
    ).toEqual(due);
  }
  for (const { number } of incidents) {
    const got = arrivals.filter(a => a.host === 'desk' && a.notice.incident.endsWith(`-${number}`));
    const events = [...new Map(got.map(a => [a.id, a.notice.event])).values()];
    expect(events.at(-1), `incident ${number}: ${events}`).toMatch(/^(resolved|summary)$/);
    if (events.at(-1) === 'resolved') expect(events[0]).toBe('opened');
    expect(events.filter(e => e === 'opened').length).toBeLessThanOrEqual(1);
  }
}

/** What the record says of losses is what the path did; and feeding everything again from nothing ends in the same state. */
async function expectTruth(incidents: readonly IncidentRow<LossFacts>[]): Promise<void> {
  const clock = { now: () => nowMs, mono: () => 0, sleep: () => new Promise<void>(() => {}) };
  const ctx = { clock, random: seeded(1), fetch: globalThis.fetch, log: () => {} };
  const parsed = parseConfig(config, { file: configFile, env: {}, registry });
  const running = await openEngine({
    sql,
    ctx,
    config: parsed.config!,
    registry,
    self: 'judge',
    fresh: { storeId: 'judge', seed: 'judge' },
  });
  const { engine } = running;
  try {
    const gone = new Set(taken.filter(t => !t.kept).map(t => t.token));
    const named = (await verdictsOf(sql, 'sink')).map(v => {
      const [target = 0, slot = 0, index = 0] = v.name.split('.').map(Number);
      return { ...v, slot, token: engine.keyring.sign({ target, slot, index }).token };
    });
    const lost = named.filter(v => v.target !== 'drill' && v.verdict === 'lost');
    expect(
      lost.filter(v => !gone.has(v.token)).map(v => v.name),
      'none falsely lost',
    ).toEqual([]);
    const silent = named.filter(
      v => gone.has(v.token) && !['lost', 'maybe_sent', 'unproven'].includes(v.verdict),
    );
    expect(
      silent.map(v => `${v.name} ${v.verdict}`),
      'none falsely seen',
    ).toEqual([]);
    for (const { number, facts } of incidents) {
      const inside = lost.filter(v => v.slot >= facts.firstMs && v.slot <= facts.lastMs);
      expect(facts.counts.lost, `incident ${number}`).toBe(inside.length);
      expect(facts.counts.overdue + facts.counts.pending).toBe(0);
    }
    await expectReplay(engine);
  } finally {
    await running.close();
  }
}

async function expectReplay(engine: Awaited<ReturnType<typeof openEngine>>['engine']): Promise<void> {
  const feedAll = async () => {
    for (const pipeline of engine.pipelines)
      for (const checkpoint of [...pipeline.checkpoints, null])
        while ((await detect(engine, { pipeline, checkpoint })).more);
  };
  const detectors = () => sql`select checkpoint, objective, fed_ms, state from detector order by 1, 2`;
  await feedAll();
  const fed = await detectors();
  expect(fed).toHaveLength(3);
  await sql`delete from detector`;
  await feedAll();
  expect(await detectors(), 'as if fed from nothing').toEqual(fed);
}
