/** The engine over the lab: what it says of every canary, held against the lab's own account. */
import { afterEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { openWorld, tallyOf, verdictsOf, type World } from '../support/world.ts';

const config = (more = '') => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  ssh:
    every: 2s
    sampling: uniform
    targets:
      web-1: { url: "http://lab/lab/agents/web-1/logs" }
      web-2: { url: "http://lab/lab/agents/web-2/logs" }
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}'${more} }, on_time_within: 10s, lost_after: 30s, keeps: 7d, look_every: 2s, settle: 1s }
`;

describe('one pipeline to Loki', () => {
  const db = useDatabase();
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  test('everything arrives, and every canary is judged on time', async () => {
    world = await openWorld(db.options, config());
    await world.run(120_000);
    const tally = await tallyOf(world.sql, 'loki');
    expect(world.logs.filter(l => l.level === 'error')).toEqual([]);
    expect(tally.on_time).toBeGreaterThan(90);
    expect(Object.keys(tally).filter(k => !['on_time', 'pending'].includes(k))).toEqual([]);
    const drills = (await verdictsOf(world.sql, 'loki')).filter(v => v.target === 'drill');
    expect(drills.filter(d => d.verdict === 'lost').length).toBeGreaterThan(3);
  });
});
