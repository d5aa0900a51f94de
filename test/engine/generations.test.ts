/** A changed configuration must not turn canaries that are under way into echoes, nor into losses. */
import { afterEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { openWorld, tallyOf, type World } from '../support/world.ts';

const config = (event: string, name = 'ssh') => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  ${name}:
    id: stable
    every: 2s
    targets:
      web-1: { url: "http://lab/lab/agents/web-1/logs" }
      web-2: { url: "http://lab/lab/agents/web-2/logs" }
    event: ${event}
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}' }, on_time_within: 20s, lost_after: 60s, keeps: 7d, look_every: 2s, settle: 1s }
`;

describe('generations', () => {
  const db = useDatabase();
  const open: World[] = [];
  afterEach(async () => {
    for (const w of open.splice(0)) await w.close();
  });

  test('another user, format and name of the pipeline while canaries wait in a stalled agent', async () => {
    const first = await openWorld(db.options, config('{ format: sshd, user: canary }'), { seed: 1 });
    await first.run(20_000);
    first.lab.faults.set({ agents: { 'web-1': { stall: true }, 'web-2': { stall: true } } });
    await first.run(10_000);
    await first.running.close();
    const second = await openWorld(db.options, config('{ format: ecs, user: other }', 'renamed'), {
      seed: 2,
      fresh: false,
      lab: first.lab,
      clock: first.clock,
    });
    open.push(second);
    second.lab.restart('web-1');
    second.lab.restart('web-2');
    await second.run(90_000);
    const tally = await tallyOf(second.sql, 'loki');
    expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
    const echoes = await second.sql`select 1 from finding where kind = 'echo'`;
    expect(echoes.length).toBe(0);
    await first.sql.end({ timeout: 5 });
  });

  test('a replica of the older configuration neither sends nor looks any more', async () => {
    const older = await openWorld(db.options, config('{ format: sshd, user: canary }'), { seed: 3 });
    open.push(older);
    await older.run(20_000);
    const newer = await openWorld(db.options, config('{ format: ocsf, user: canary }'), {
      seed: 4,
      fresh: false,
      lab: older.lab,
      clock: older.clock,
    });
    open.push(newer);
    for (let i = 0; i < 60; i++) {
      older.clock.advance(1_000);
      await older.lab.step();
      await older.running.tick(0);
      await newer.running.tick(0);
      await Promise.all([older.running.idle(), newer.running.idle()]);
    }
    const tally = await tallyOf(newer.sql, 'loki');
    expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
    expect(tally.on_time).toBeGreaterThan(50);
    const owners = await newer.sql<{ owner: string; n: number }[]>`
      select owner, count(*)::int as n from beat where generation = 2 group by owner`;
    expect(owners.length).toBe(1);
    expect(owners[0]?.owner).toBe('test-4-1');
  });
});
