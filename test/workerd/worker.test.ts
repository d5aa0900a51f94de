// The Worker in workerd, over a real PostgreSQL and a small pipeline: what it sends is what is counted, whatever happens.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sql } from '../../src/store/open.ts';
import { freePort, startPostgres, type TcpPostgres } from './support/postgres.ts';
import { byMinute, bySecond, INGEST_KEY, KEY } from './support/settings.ts';
import { startTarget, type Target } from './support/target.ts';
import { bundle, missing, startWorkerd, type Workerd } from './support/workerd.ts';

const lacking = missing();
if (lacking !== undefined) console.warn(`test:workerd is skipped: it needs ${lacking}`);

const dir = mkdtempSync(join(tmpdir(), 'coalmine-worker-'));
const stateDir = join(dir, 'state');
const vars = { COALMINE_KEY: 'the-signing-key-of-the-workerd-suite' };
let postgres: TcpPostgres;
let main: string;

beforeAll(async () => {
  if (lacking !== undefined) return;
  main = bundle(join(dir, 'bundle'));
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function until<T>(what: string, ms: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + ms; ; ) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

const get = (workerd: Workerd, path: string, key: string | null = KEY) =>
  fetch(workerd.url + path, key === null ? {} : { headers: { authorization: `Bearer ${key}` } });

/** Canaries of each verdict at a checkpoint, the drill's apart. */
async function tally(sql: Sql, checkpoint: string): Promise<Record<string, number>> {
  const rows = await sql<{ bucket: string; n: number }[]>`
    select e.key as bucket, sum(e.value::int)::int as n
      from mark m join checkpoint c on c.pipeline = m.pipeline and c.number = m.checkpoint
      cross join lateral jsonb_each_text(m.counts) e
     where c.id = ${checkpoint} and e.key not like 'drill%' group by 1`;
  return Object.fromEntries(rows.map(r => [r.bucket, r.n]));
}

/** Canaries that were seen at a checkpoint, the drill's among them. */
async function seen(sql: Sql, checkpoint: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select coalesce(sum(cardinality(array_remove(m.seen_offs, null))), 0)::int as n
      from mark m join checkpoint c on c.pipeline = m.pipeline and c.number = m.checkpoint
     where c.id = ${checkpoint}`;
  return row?.n ?? 0;
}

describe.skipIf(lacking !== undefined)('a tick a second', () => {
  let sql: Sql;
  let target: Target;
  let workerd: Workerd;
  let start: () => Promise<Workerd>;

  beforeAll(async () => {
    const database = await postgres.createDatabase('seconds');
    sql = database.sql;
    target = await startTarget();
    const port = await freePort();
    target.forwardTo(`http://127.0.0.1:${port}/ingest/sign-ins/push`, INGEST_KEY);
    start = () => {
      const config = bySecond(port, target.url);
      return startWorkerd({ main, port, postgresUrl: database.url, stateDir, config, vars });
    };
    workerd = await start();
  });
  afterAll(async () => {
    await workerd?.kill();
    await target?.close();
  });

  test('the first request starts the Durable Object, which beats without a cron trigger', async () => {
    const ready = await get(workerd, '/readyz', null);
    expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('"ready"')]);
    await until('three beats', 15_000, async () => target.posted.length >= 3);
    const sent = await sql<{ late_ms: number; ahead_ms: number }[]>`
      select first_offs[1] as late_ms, due_ms - committed_ms as ahead_ms from beat where sendings[1] = 0`;
    expect(sent.length).toBeGreaterThanOrEqual(2);
    // The first may have been due before the first tick.
    expect(Math.max(...sent.slice(1).map(s => s.late_ms))).toBeLessThan(500);
    expect(Math.min(...sent.slice(1).map(s => s.ahead_ms))).toBeGreaterThan(0);
  });

  test('what the target keeps is found by search and by push, on time', async () => {
    for (const checkpoint of ['search', 'push']) {
      const { on_time: onTime } = await until(`on time at ${checkpoint}`, 15_000, async () => {
        const counts = await tally(sql, checkpoint);
        return (counts.on_time ?? 0) >= 3 && counts;
      });
      expect(onTime).toBeGreaterThanOrEqual(3);
    }
    const taken = target.forwarded.filter(f => f.status === 204);
    expect(new Set(taken.map(f => f.gzip))).toEqual(new Set([true, false]));
    expect(target.forwarded.every(f => f.status === 204)).toBe(true);
  });

  test('self-probes through the public URL move the watermark of the push', async () => {
    const watermark = async () => {
      const [row] = await sql<{ w: string | null }[]>`
        select watermark->>'wMs' as w from checkpoint where id = 'push'`;
      return Number(row?.w ?? 0);
    };
    const before = await watermark();
    expect(Date.now() - before).toBeLessThan(10_000);
    await until('a later watermark', 5_000, async () => (await watermark()) > before);
  });

  test('a canary that the target throws away is judged lost, and no other', async () => {
    target.dropNext(1);
    for (const checkpoint of ['search', 'push']) {
      await until(`lost at ${checkpoint}`, 20_000, async () => (await tally(sql, checkpoint)).lost === 1);
    }
    expect(target.dropped).toHaveLength(1);
  });

  test('the page shows the pipeline, and the metrics count its canaries', async () => {
    const page = await get(workerd, '/');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await page.text()).toContain('Sign-ins of the suite');
    const onTime = (await tally(sql, 'search')).on_time ?? 0;
    const metrics = await (await get(workerd, '/metrics')).text();
    const line = /^coalmine_canaries(?:_total)?\{[^}]*checkpoint="search"[^}]*="on_time"[^}]*\} (\d+)/m;
    expect(Number(line.exec(metrics)?.[1])).toBeGreaterThanOrEqual(onTime);
    expect(metrics.trimEnd()).toMatch(/# EOF$/);
  });

  test('nobody gets in without a key', async () => {
    for (const path of ['/', '/metrics', '/api/v1/pipelines'])
      expect((await get(workerd, path, null)).status).toBe(401);
    const url = `${workerd.url}/ingest/sign-ins/push`;
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(401);
  });

  test('a line that is handed out counts as sent when it has been read', async () => {
    const line = await (await get(workerd, '/emit/sign-ins/default')).text();
    expect(line).toContain('coalmine1');
    const [row] = await sql<{ sendings: number[] }[]>`
      select to_json(sendings) as sendings from beat where kind = 'emit'`;
    expect(row?.sendings).toEqual([0]);
    await fetch(target.url, { method: 'POST', body: line });
  });

  test('superseded by an older deployment, it takes over again', async () => {
    const [pinned] = await sql<{ generation: number }[]>`select generation from pipeline`;
    await sql`update pipeline set generation = 77`;
    const before = target.posted.length;
    await until('beats again', 15_000, async () => target.posted.length >= before + 2);
    expect(await sql`select generation from pipeline`).toEqual([pinned]);
  });

  test('killed and started again, it goes on and loses nothing', async () => {
    await workerd.kill();
    const whenKilled = target.posted.length;
    // Longer than what was planned ahead, send_within and two slots: at least one beat is skipped.
    await new Promise(resolve => setTimeout(resolve, 5_500));
    workerd = await start();
    expect((await get(workerd, '/healthz', null)).status).toBe(200);
    await until('beats after the restart', 15_000, async () => target.posted.length >= whenKilled + 3);
    // All that the target kept is known to have arrived, whatever happened between its sending and its being seen.
    for (const checkpoint of ['search', 'push']) {
      const kept = target.posted.length - target.dropped.length;
      await until(`${kept} seen at ${checkpoint}`, 25_000, async () => (await seen(sql, checkpoint)) >= kept);
      expect((await tally(sql, checkpoint)).lost).toBe(1);
    }
    // Every slot since the first is a beat that was sent, or is counted as unsent: our fault, and said so.
    const account = async () => {
      const [row] = await sql<{ beats: number; slots: number; unsent: number }[]>`
        select (count(*) filter (where sendings[1] is distinct from 3))::int as beats, ((max(slot) - min(slot)) / 2000 + 1)::int as slots,
               (select coalesce(sum((r.counts->>'unsent')::int), 0)::int from rollup r
                  join checkpoint c on c.pipeline = r.pipeline and c.number = r.checkpoint
                 where c.id = 'search') as unsent
          from beat where kind = 'planned'`;
      return row;
    };
    const isWhole = async () => {
      const found = await account();
      return found !== undefined && found.beats + found.unsent === found.slots;
    };
    await until('every slot accounted for', 5_000, isWhole).catch(async () => {
      throw new Error(`not every slot is accounted for: ${JSON.stringify(await account())}`);
    });
    expect((await account())?.unsent).toBeGreaterThanOrEqual(1);
    expect(new Set(target.posted.map(l => l.text)).size).toBe(target.posted.length);
    expect(workerd.output()).not.toContain('"level":"error"');
  });
});

describe.skipIf(lacking !== undefined)('a tick a minute', () => {
  test('the cron trigger alone sends what is due and skips what is too old', async () => {
    const { url, sql } = await postgres.createDatabase('minutes');
    const target = await startTarget();
    const port = await freePort();
    const config = byMinute(port, target.url);
    const workerd = await startWorkerd({ main, port, postgresUrl: url, stateDir, config, vars });
    try {
      const cron = () => fetch(`${workerd.url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`);
      expect((await cron()).status).toBe(200);
      expect(target.posted).toHaveLength(0);
      // As if nothing had been planned for five minutes: a beat was due at each full one, one or two of them within 90 s.
      await sql`update pipeline set planned_to_ms = planned_to_ms - 300000`;
      await cron();
      expect([1, 2]).toContain(target.posted.length);
      const [beats] = await sql<{ n: number }[]>`select count(*)::int as n from beat where sendings[1] = 0`;
      expect(beats?.n).toBe(target.posted.length);
      const [skipped] = await sql<
        { n: number }[]
      >`select coalesce(sum(copies), 0)::int as n from sighting where kind = 3`;
      const [folded] = await sql<
        { n: number }[]
      >`select coalesce(sum((counts->>'unsent')::int), 0)::int as n from rollup`;
      expect([5, 6]).toContain((beats?.n ?? 0) + (skipped?.n ?? 0) + (folded?.n ?? 0));
      // The leases are given back, so the next minute need not wait for them.
      expect(await sql`select 1 from checkpoint where holder is not null`).toHaveLength(0);
      await cron();
      const [watch] = await sql<{ found: number }[]>`
        select (watermark->'lastLook'->>'found')::int as found from checkpoint`;
      expect(watch?.found).toBe(target.posted.length);
      expect(workerd.output()).not.toContain('"level":"error"');
    } finally {
      await workerd.kill();
      await target.close();
    }
  });
});
