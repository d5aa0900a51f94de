/** From faults in the lab to incidents and what people are told: one cause, one incident, by the lab's own account. */
import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { LossFacts } from '../../src/domain/incident.ts';
import type { IncidentRow } from '../../src/store/incident.ts';
import { useDatabase } from '../support/database.ts';
import { faultConfig, faults, faultWorlds } from '../support/faults.ts';
import type { World, WorldFetch } from '../support/world.ts';

const SECRET = `whsec_${Buffer.from('a secret of the desk in the tests').toString('base64')}`;
const config = `${faultConfig().replace('every: 2s', 'every: 2s\n    notify: { loss: [desk], ours: [crew] }')}
    objective: { on_time: 99.9%, delivered: 99.9% }
notify:
  desk: { kind: webhook, url: "http://desk/hook", secret: ${SECRET} }
  crew: { kind: webhook, url: "http://crew/hook" }
`;

/** What came to the desk: `type`, once its signature has been checked as Standard Webhooks 1.0.0 says. */
let received: string[] = [];
const receive: WorldFetch = async (request, next) => {
  const { hostname } = new URL(request.url);
  if (hostname !== 'desk' && hostname !== 'crew') return await next(request);
  const body = await request.text();
  if (hostname === 'desk') {
    const [id, at] = ['webhook-id', 'webhook-timestamp'].map(h => request.headers.get(h));
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64');
    expect(request.headers.get('webhook-signature')).toBe(`v1,${signature}`);
    received.push((JSON.parse(body) as { type: string }).type);
  }
  return new Response(null, { status: 204 });
};
afterEach(() => {
  received = [];
});

const incidentsOf = (w: World) =>
  w.sql<IncidentRow<LossFacts>[]>`select * from incident where kind in ('loss', 'refused') order by number`;

/** Runs on, and waits for what that began: detection must not lag because the machine does. */
async function run(w: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await w.run(1_000);
    await w.running.idle();
  }
}

const told = async (w: World) =>
  (
    await w.sql<{ notifier: string; event: string; title: string }[]>`
      select notifier, event, notice->>'title' as title from outbox
       where notice->>'concerns' = 'loss' order by incident, notifier, sequence`
  ).map(r => `${r.notifier} ${r.event}`);

describe('incidents of loss', () => {
  const open = faultWorlds(useDatabase());

  test('a stalled agent: one incident within four canaries past the deadline; the closing counts are the truth', {
    timeout: 60_000,
  }, async () => {
    const w = await open({ config, cacheRecords: 20, fetch: receive });
    await faults(w, { agents: { 'web-1': { stall: true } } });
    const stalledMs = w.clock.now();
    // D, four canaries, and a look.
    await run(w, 10_000 + 4 * 2_000 + 4_000);
    const [early] = await incidentsOf(w);
    expect(early?.facts.targets).toEqual({ touched: ['web-1'], n: 1, of: 2 });
    expect(early?.facts.hop).toEqual({ after: null, checkpoint: 'loki' });
    expect(early?.began_ms).toBeGreaterThan(stalledMs - 4_000);
    expect(early?.began_ms).toBeLessThan(stalledMs + 4_000);
    expect(early?.facts.phase).toBe('overdue');
    await run(w, 90_000);
    w.lab.restart('web-1');
    await run(w, 240_000);
    const rows = await incidentsOf(w);
    expect(rows).toHaveLength(1);
    const [row] = rows;
    const { data } = w.lab.truth({ limit: 100_000 });
    const ofAgent = data.filter(t => t.firstMs >= (row?.began_ms ?? 0) && t.firstMs < (row?.ended_ms ?? 0));
    const gone = ofAgent.filter(t => t.places.store?.state !== 'stored');
    expect(gone.length).toBeGreaterThan(5);
    expect(row?.facts.counts.lost).toBe(gone.length);
    expect(row?.facts.counts.overdue).toBe(0);
    expect(row?.facts.counts.recovered).toBeGreaterThan(2);
    expect(row?.ended_ms).not.toBeNull();
    expect(row?.facts.pattern?.name).toBe('stall and overwrite');
    expect(await told(w)).toEqual(['desk opened', 'desk resolved']);
    expect(received).toEqual(['coalmine.incident.opened', 'coalmine.incident.resolved']);
  });

  test('all agents at once: one incident, one notice', async () => {
    const w = await open({ config, fetch: receive });
    await faults(w, { agents: { 'web-1': { drop: 1 }, 'web-2': { drop: 1 } } });
    await run(w, 90_000);
    const rows = await incidentsOf(w);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.facts.targets.n).toBe(2);
    expect(rows[0]?.facts.phase).toBe('lost');
    expect(await told(w)).toEqual(['desk opened']);
  });

  test('a refusing first hop is an incident of its own', async () => {
    const w = await open({ config: config.replace('send_within: 20m', 'send_within: 1s'), fetch: receive });
    await faults(w, { agents: { 'web-1': { refuse: true }, 'web-2': { refuse: true } } });
    await run(w, 60_000);
    const rows = await incidentsOf(w);
    expect(rows.map(r => r.kind)).toEqual(['refused']);
    expect(await told(w)).toEqual(['desk opened']);
    await faults(w, { agents: { 'web-1': { refuse: false }, 'web-2': { refuse: false } } });
    await run(w, 150_000);
    expect(await told(w)).toEqual(['desk opened', 'desk resolved']);
  });

  test('a query API that fails, throttles or is empty: no notice of loss, ever', async () => {
    const w = await open({ config, fetch: receive });
    for (const query of ['fail', 'throttle', 'empty', 'truncate', 'ok']) {
      await faults(w, { store: { query } });
      await run(w, 100_000);
    }
    expect(await incidentsOf(w)).toEqual([]);
    expect(await told(w)).toEqual([]);
  });
});
