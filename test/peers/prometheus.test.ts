/** A real Prometheus scrapes /metrics: it takes every line of it, and answers queries with what the store says. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, startCoalmine } from './support/coalmine.ts';
import { describePeer, unpacked } from './support/needs.ts';
import { answersOk, freePorts, startPeer, until } from './support/process.ts';
import { useScene } from './support/scene.ts';

const PROMETHEUS = unpacked('prometheus', ['prometheus']);

interface Target {
  readonly health: string;
  readonly lastError: string;
}
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

describePeer('a real Prometheus scrapes /metrics', [PROMETHEUS], () => {
  const db = useDatabase();
  const scene = useScene('prometheus');
  let coalmine: Coalmine;
  let api = '';

  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${api}${path}`, { signal: AbortSignal.timeout(5_000) });
    expect(response.status).toBe(200);
    return ((await response.json()) as { data: T }).data;
  };
  const query = async (expression: string) =>
    (await ask<{ result: Series[] }>(`/query?query=${encodeURIComponent(expression)}`)).result;

  beforeAll(async () => {
    const [port = 0, own = 0] = await freePorts(2);
    const log = join(scene.dir, 'auth.log');
    writeFileSync(log, '');
    coalmine = scene.keep(
      await startCoalmine({
        store: db.options,
        port,
        pipelines: `
  auth:
    every: 200ms
    event: { format: sshd, user: canary }
    inject: { kind: file, path: "${log}" }
    targets: [web-1]
    send_within: 1s
    checkpoints:
      - { name: file, observe: { kind: file, path: "${log}" }, on_time_within: 1s, lost_after: 2s, look_every: 500ms, settle: 100ms }
`,
      }),
    );
    writeFileSync(
      join(scene.dir, 'prometheus.yml'),
      `
scrape_configs:
  - job_name: coalmine
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
`,
    );
    api = `http://127.0.0.1:${own}/api/v1`;
    scene.keep(
      await startPeer({
        command: PROMETHEUS.at()?.command ?? 'prometheus',
        args: [
          `--config.file=${join(scene.dir, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(scene.dir, 'data')}`,
          `--web.listen-address=127.0.0.1:${own}`,
        ],
        cwd: scene.dir,
        ready: () => answersOk(`http://127.0.0.1:${own}/-/ready`),
      }),
    );
  });

  test('it takes the whole exposition', async () => {
    const scraped = async () => {
      const { activeTargets } = await ask<{ activeTargets: Target[] }>('/targets?state=active');
      return activeTargets[0];
    };
    // What it says of a scrape that failed tells more than that none succeeded.
    const isUp = async () => (await scraped())?.health === 'up';
    await until('a scrape', isUp, 20_000).catch(() => undefined);
    expect(await scraped()).toMatchObject({ health: 'up', lastError: '' });
  });

  test('every family that we expose is known to it with its type, and every sample is there', async () => {
    const text = await (await fetch(`${coalmine.url}/metrics`)).text();
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    expect(families.length).toBeGreaterThan(10);
    const metadata = await ask<Record<string, { type: string; help: string }[]>>('/metadata');
    for (const [name, type] of families) {
      expect(metadata[name!]?.[0]?.type, name).toBe(type);
      expect(metadata[name!]?.[0]?.help.length, name).toBeGreaterThan(10);
    }
    const samples = new Set([...text.matchAll(/^([a-z_]+)[{ ]/gm)].map(([, name]) => name));
    for (const name of samples) expect((await query(name!)).length, name).toBeGreaterThan(0);
  });

  test('the pipeline is healthy, and exactly one state is 1', async () => {
    const healthy = async () => (await query('coalmine_pipeline_state{state="healthy"} == 1')).length === 1;
    await until('a healthy pipeline', healthy, 15_000);
    const [sum] = await query('sum(coalmine_pipeline_state)');
    expect(sum?.value[1]).toBe('1');
    expect(coalmine.errors).toEqual([]);
  });
});
