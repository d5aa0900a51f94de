import type { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningEngine } from '../../src/engine/engine.ts';
import { sketchOf } from '../../src/stats/sketch.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { createApp } from '../../src/web/app.ts';
import { useDatabase } from '../support/database.ts';
import {
  alike,
  checkpointConfig,
  configOf,
  openQuietEngine,
  pipelineConfig,
  standingClock,
  writeBeats,
  writeRollup,
  writeWatch,
} from '../support/ledger.ts';

const NOW = Date.UTC(2026, 0, 15, 12, 34, 56, 789);
const NASTY = 'lo"ki \\ and\nmore';
const database = useDatabase();
const { ctx, hand } = standingClock(NOW);
let sql: Sql;
let running: RunningEngine;
let app: Hono;

beforeAll(async () => {
  sql = openStore({ ...database.options, max: 3 });
  const ssh = pipelineConfig('ssh', { checkpoints: [checkpointConfig('archive'), checkpointConfig(NASTY)] });
  running = await openQuietEngine(sql, ctx, configOf([ssh, pipelineConfig('other')]));
  app = createApp({ running, version: '1.2.3' });
  const p = running.engine.pipelines[0]!;
  const beats = Array.from({ length: 30 }, (_, m) =>
    alike(p, NOW - 20_000 - m * 60_000, i => (i === 0 && m < 3 ? 'lost' : 'on_time')),
  );
  await writeBeats(sql, p.number, beats);
  await writeWatch(sql, p.checkpoints[0]!.key, { proven: true, wMs: NOW - 5_000 });
  const hourMs = NOW - (NOW % 3_600_000);
  const delays = sketchOf([0, 400, 900, 4_000, 50_000, 200_000_000]);
  await writeRollup(sql, { ...p.checkpoints[0]!.key, hourMs, counts: {}, delays });
});
afterAll(async () => {
  await running.close();
  await sql.end();
});

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}
interface Family {
  name: string;
  type: string;
  unit: string;
  samples: Sample[];
}

/** OpenMetrics 1.0, strictly: anything its text doesn't allow throws. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: Family | undefined;
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.pop()).toBe('# EOF');
  for (const line of lines) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-z_:][a-z0-9_:]*) (.*)$/.exec(line);
    if (meta) {
      const [, what, name, rest] = meta as unknown as [string, string, string, string];
      if (current?.name !== name) {
        if (families.has(name)) throw new Error(`family ${name} is in two pieces`);
        current = { name, type: 'unknown', unit: '', samples: [] };
        families.set(name, current);
      }
      if (current.samples.length > 0) throw new Error(`${what} of ${name} after its samples`);
      if (what === 'TYPE') current.type = rest;
      if (what === 'UNIT') current.unit = rest;
      if (/(?:^|[^\\])(?:\\\\)*\\[^\\n"]/.test(rest)) throw new Error(`a bad escape in ${line}`);
      continue;
    }
    const sample = sampleOf(line);
    if (!current || !suffixes(current.type).some(s => sample.name === `${current!.name}${s}`))
      throw new Error(`${sample.name} does not belong to ${current?.name} (${current?.type})`);
    current.samples.push(sample);
  }
  const seen = new Set<string>();
  for (const f of families.values()) {
    if (f.unit && !f.name.endsWith(`_${f.unit}`))
      throw new Error(`${f.name} does not end in its unit ${f.unit}`);
    for (const s of f.samples) {
      const key = `${s.name} ${JSON.stringify(Object.entries(s.labels).sort())}`;
      if (seen.has(key)) throw new Error(`twice: ${key}`);
      seen.add(key);
      if (f.type === 'counter' && !(s.value >= 0)) throw new Error(`${s.name} is no count`);
    }
  }
  return families;
}

const suffixes = (type: string): string[] =>
  ({
    gauge: [''],
    counter: ['_total', '_created'],
    info: ['_info'],
    gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  })[type] ?? [];

function sampleOf(line: string): Sample {
  const head = /^[a-z_:][a-z0-9_:]*/.exec(line);
  if (!head) throw new Error(`no sample: ${line}`);
  const [name] = head;
  const labels: Record<string, string> = {};
  let rest = line.slice(name.length);
  if (rest.startsWith('{')) {
    const body = /^\{((?:[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=[a-z_])|(?=\})))*)\}/.exec(rest);
    if (!body) throw new Error(`bad labels: ${line}`);
    for (const [, key, value] of body[1]!.matchAll(/([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/g)) {
      if (key! in labels) throw new Error(`label ${key} twice`);
      labels[key!] = value!.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    }
    rest = rest.slice(body[0].length);
  }
  const value = /^ (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(rest);
  if (!value) throw new Error(`bad value: ${line}`);
  return { name, labels, value: Number(value[1]!.replace('Inf', 'Infinity')) };
}

const scrape = async () => {
  const response = await app.request('http://localhost/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe(
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  return parse(await response.text());
};

test('is OpenMetrics, and says of each checkpoint what the ledger holds', async () => {
  const families = await scrape();
  const of = (name: string, labels: Record<string, string>) =>
    families
      .get(name)!
      .samples.filter(s => Object.entries(labels).every(([k, v]) => s.labels[k] === v))
      .map(s => s.value);
  const at = { pipeline: 'ssh', checkpoint: 'archive' };
  expect(of('coalmine_canaries', { ...at, bucket: 'on_time' })).toEqual([57]);
  expect(of('coalmine_canaries', { ...at, bucket: 'lost' })).toEqual([3]);
  expect(of('coalmine_completeness_ratio', { ...at, of: 'accepted' })).toEqual([57 / 60]);
  expect(of('coalmine_completeness_lower_bound_ratio', at)[0]).toBeCloseTo(0.875, 2);
  expect(of('coalmine_watermark_timestamp_seconds', at)).toEqual([(NOW - 5_000) / 1000]);
  expect(of('coalmine_blind', at)).toEqual([0]);
  expect(of('coalmine_blind', { pipeline: 'ssh', checkpoint: NASTY })).toEqual([1]);
  expect(of('coalmine_last_beat_timestamp_seconds', {})).toEqual([(NOW - 20_000) / 1000]);
  expect(of('coalmine_pipeline_state', { pipeline: 'ssh' }).reduce((a, b) => a + b)).toBe(1);
  expect(of('coalmine_build', {})).toEqual([1]);
  expect(families.get('coalmine_build')!.samples[0]!.labels).toEqual({ version: '1.2.3' });
  expect(families.get('coalmine_process_looks_failed')!.type).toBe('counter');
});

test('the histogram of delays is cumulative and ends in its count', async () => {
  const all = (await scrape()).get('coalmine_delay_seconds')!.samples;
  const own = all.filter(s => s.labels.pipeline === 'ssh' && s.labels.checkpoint === 'archive');
  const buckets = own.filter(s => s.name.endsWith('_bucket'));
  expect(buckets.map(s => s.labels.le!.replace('+Inf', 'Infinity')).map(Number)).toEqual(
    buckets.map(s => Number(s.labels.le!.replace('+Inf', 'Infinity'))).sort((a, b) => a - b),
  );
  const at = (le: string) => buckets.find(b => b.labels.le === le)!.value;
  expect([at('0.5'), at('1.0'), at('5.0'), at('60.0'), at('86400.0'), at('+Inf')]).toEqual([
    2, 3, 4, 5, 5, 6,
  ]);
  const rest = own.filter(s => !s.name.endsWith('_bucket')).map(s => [s.name.slice(-7), s.value]);
  expect(rest[0]).toEqual(['_gcount', 6]);
  expect(rest[1]![1]).toBeCloseTo(200_055.3, -4);
});

test('who may read little sees little', async () => {
  const { config } = running.engine;
  const keyed = createApp({
    running: {
      ...running,
      engine: {
        ...running.engine,
        config: {
          ...config,
          access: {
            ...config.access,
            public: ['other'],
            keys: [{ name: 'r', key: 'reader', scopes: ['read'] }],
          },
        },
      },
    },
    version: '1',
  });
  const anonymous = await (await keyed.request('http://localhost/metrics')).text();
  expect(parse(anonymous).has('coalmine_build')).toBe(false);
  expect(anonymous).not.toContain('"ssh"');
  expect(anonymous).toContain('"other"');
  const reader = await keyed.request('http://localhost/metrics', {
    headers: { authorization: 'Bearer reader' },
  });
  expect(parse(await reader.text()).has('coalmine_build')).toBe(true);
});

test('health: the process answers always; ready needs store, tables and ticks', async () => {
  let tick: number | undefined;
  const watched = (r: RunningEngine) => createApp({ running: r, version: '1', lastTickMonoMs: () => tick });
  const ready = async (r = running) => {
    const response = await watched(r).request('http://localhost/readyz');
    const body = (await response.json()) as { checks: { name: string; ok: boolean }[] };
    return [response.status, body.checks.filter(c => !c.ok).map(c => c.name)];
  };
  expect((await watched(running).request('http://localhost/healthz')).status).toBe(200);
  expect(await ready()).toEqual([503, ['tick']]);
  tick = hand.nowMs - 1_000;
  expect(await ready()).toEqual([200, []]);
  tick = hand.nowMs - 31_000;
  expect(await ready()).toEqual([503, ['tick']]);
  tick = hand.nowMs;
  const gone = Object.assign(
    () => Promise.reject(new Error('connect ECONNREFUSED secret-host')),
    {},
  ) as unknown as Sql;
  const cut = { ...running, engine: { ...running.engine, sql: gone } };
  expect(await ready(cut)).toEqual([503, ['store']]);
  expect(await (await watched(cut).request('http://localhost/readyz')).text()).not.toContain('secret-host');
  expect((await watched(cut).request('http://localhost/healthz')).status).toBe(200);
  const hung = Object.assign(() => new Promise(() => {}), {}) as unknown as Sql;
  const waiting = ready({ ...running, engine: { ...running.engine, sql: hung } });
  await new Promise(resolve => setTimeout(resolve, 5));
  hand.advance(2_001);
  expect(await waiting).toEqual([503, ['store']]);
});

test('what is mounted besides is found, and what isn’t is a problem', async () => {
  const more = createApp({ running, version: '1', extra: a => void a.get('/', c => c.text('a page')) });
  expect(await (await more.request('http://localhost/')).text()).toBe('a page');
  expect((await more.request('http://localhost/nope')).status).toBe(404);
});

test('a bug is a 500 that says nothing of its inside', async () => {
  const broken = createApp({
    running,
    version: '1',
    extra: a =>
      void a.get('/', () => {
        throw new Error('a secret');
      }),
  });
  const response = await broken.request('http://localhost/');
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('a secret');
});
