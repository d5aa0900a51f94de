/** The demo as a visitor meets it, over real sockets: canaries on every pipeline, faults that show, verdicts that are true. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type DemoHandle, startDemo } from '../../src/runtimes/demo.ts';
import { createLog } from '../../src/runtimes/log.ts';

const root = mkdtempSync(join(tmpdir(), 'coalmine-demo-'));
// As root the store's server is another account, which must pass.
chmodSync(root, 0o711);
const dataDir = join(root, 'demo');
const said: string[] = [];
const errors: string[] = [];
const log = createLog({ format: 'text', level: 'error', write: line => void errors.push(line) });
const options = { dataDir, version: '0.0.0', log, say: (line: string) => void said.push(line) };
let demo: DemoHandle;
const PATIENT = { timeout: 15_000, interval: 100 };

beforeAll(async () => {
  demo = await startDemo({ ...options, port: 0 });
});
afterAll(async () => {
  await demo.close();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

interface Checkpoint {
  readonly name: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly gaps: readonly { readonly reason: string }[];
}
interface Pipeline {
  readonly name: string;
  readonly checkpoints: readonly Checkpoint[];
}
const get = async <T>(path: string): Promise<T> => (await (await fetch(demo.url + path)).json()) as T;
const pipelines = async () => (await get<{ data: Pipeline[] }>('/api/v1/pipelines?window=15m')).data;

test('every pipeline delivers within seconds, at every checkpoint, and a person is told', async () => {
  await vi.waitFor(async () => {
    const seen = (await pipelines()).flatMap(p =>
      p.checkpoints.map(c => [c.name, (c.counts.on_time ?? 0) > 0]),
    );
    expect(Object.fromEntries(seen)).toEqual({
      archive: true,
      loki: true,
      search: true,
      export: true,
      'audit-log': true,
    });
  }, PATIENT);
  await vi.waitFor(() => expect(said.join('\n')).toMatch(/Canaries arrive on all 3 pipelines/), PATIENT);
  expect(said[0]).toContain(demo.url);
  expect(said.join('\n')).toContain(`curl -X PUT ${demo.url}/lab/faults`);
  expect(said.join('\n')).not.toMatch(/coalmine1[a-z2-7]{40}/i);
  const page = await fetch(demo.url);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Break it')]);
});

test('real sign-ins at a real provider leave their correlation in a field of its own', () => {
  const lines = readFileSync(join(dataDir, 'lab', 'audit.log'), 'utf8')
    .trim()
    .split('\n');
  const [line] = lines.map(text => JSON.parse(text) as Record<string, string>);
  expect(line).toMatchObject({
    event: 'grant.success',
    grant_type: 'client_credentials',
    client_id: 'coalmine-demo',
  });
  expect(line?.correlation_id).toMatch(/^coalmine1[a-z2-7]{40}$/);
});

test('what is said to be on time is there, by the lab’s own account', async () => {
  const { data } = await get<{ data: { target: string; slot_ms: number }[] }>(
    '/api/v1/canaries?pipeline=ssh-to-loki&checkpoint=loki&verdict=on_time&limit=1000',
  );
  expect(data.length).toBeGreaterThan(0);
  type Truth = { via: string[]; firstMs: number; places: { store?: { state: string } } };
  const truth = (await get<{ data: Truth[] }>('/lab/truth?limit=10000')).data;
  for (const target of ['web-1', 'web-2', 'web-3', 'web-4']) {
    const claimed = data.filter(c => c.target === target).length;
    const stored = truth.filter(t => t.via.includes(target) && t.places.store?.state === 'stored').length;
    expect(claimed).toBeLessThanOrEqual(stored);
  }
});

test('a fault is turned by HTTP, shows in the verdicts, and is undone', async () => {
  const put = await fetch(`${demo.url}/lab/faults`, {
    method: 'PUT',
    body: JSON.stringify({ agents: { 'web-3': { refuse: true } } }),
  });
  expect(put.status).toBe(200);
  expect(await get('/lab/faults')).toMatchObject({
    agents: { 'web-3': { refuse: true }, 'web-1': { refuse: false } },
  });
  await vi.waitFor(async () => {
    const { data } = await get<{ data: { target: string }[] }>(
      '/api/v1/canaries?pipeline=ssh-to-loki&checkpoint=archive&verdict=refused',
    );
    expect(data.length).toBeGreaterThan(0);
    expect(new Set(data.map(c => c.target))).toEqual(new Set(['web-3']));
  }, PATIENT);
  await fetch(`${demo.url}/lab/faults`, { method: 'DELETE' });
  expect(await get('/lab/faults')).toMatchObject({ agents: { 'web-3': { refuse: false } } });
});

test('what a user can mend is told with what to do: a port, a directory in use', async () => {
  const port = Number(new URL(demo.url).port);
  await expect(startDemo({ ...options, port })).rejects.toThrow(
    `expected to listen on 127.0.0.1:${port}, found another process listening there: stop what listens there, or name another port with --port`,
  );
  for (const fresh of [true, false]) {
    const other = startDemo({ ...options, port: 0, fresh });
    await expect(other).rejects.toMatchObject({ name: 'StartError', exitCode: 2 });
    await expect(other).rejects.toThrow(/in use by process/);
  }
  expect((await fetch(`${demo.url}/readyz`)).status).toBe(200);
  expect(errors).toEqual([]);
});

test('a second run goes on where the first ended: its downtime is a gap, and neither loss nor unsent', async () => {
  const arrivals = () => said.filter(line => line.includes('Canaries arrive on all 3 pipelines')).length;
  const before = arrivals();
  // A busy machine may have starved the first run.
  const unsent = new Map<string, number>();
  for (const p of await pipelines()) for (const c of p.checkpoints) unsent.set(c.name, c.counts.unsent ?? 0);
  await demo.close();
  // Beats of the downtime would be too late to be sent by then.
  await new Promise(resolve => setTimeout(resolve, 3_000));
  demo = await startDemo({ ...options, port: 0 });
  await vi.waitFor(() => expect(arrivals()).toBe(before + 1), PATIENT);
  for (const { name, counts, gaps } of (await pipelines()).flatMap(p => p.checkpoints)) {
    expect(gaps.map(g => g.reason)).toContainEqual(expect.stringContaining('the demo was restarted'));
    expect([counts.unsent ?? 0, counts.lost ?? 0]).toEqual([unsent.get(name), 0]);
  }
});
