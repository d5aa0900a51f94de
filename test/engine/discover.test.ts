/** Targets by file_sd and http_sd, as Prometheus writes them. */
import { describe, expect, test } from 'vitest';
import { parseTargets } from '../../src/engine/discover.ts';
import { useDatabase } from '../support/database.ts';
import { openWorld, verdictsOf } from '../support/world.ts';

describe('lists', () => {
  test('JSON and YAML, with labels that set the injector', () => {
    const json = '[{"targets":["web-1","10.0.0.1:9100"],"labels":{"__inject_url":"http://a/","env":"prod"}}]';
    expect([...parseTargets(json, 'x')]).toEqual([
      ['web-1', { url: 'http://a/' }],
      ['10.0.0.1:9100', { url: 'http://a/' }],
    ]);
    expect([...parseTargets('- targets: [a, b]\n- targets: [c]\n  labels: {x: y}\n', 'x').keys()]).toEqual([
      'a',
      'b',
      'c',
    ]);
  });
  test.each([['{}'], ['[{"targets":"a"}]'], ['[{"targets":["a b"]}]'], ['[{"targets":["drill"]}]']])(
    'refused: %s',
    text => {
      expect(() => parseTargets(text, 'list.json')).toThrow(/list\.json: expected/);
    },
  );
});

const config = `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  ssh:
    every: 2s
    targets: { http_sd: { url: "http://sd/targets" }, refresh: 10s }
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}' }, on_time_within: 10s, lost_after: 30s, keeps: 7d, look_every: 2s, settle: 1s }
`;

describe('in the engine', () => {
  const db = useDatabase();
  test('targets come, go quiet and come back; a list that fails changes nothing', async () => {
    let answer = () => Response.json([{ targets: ['a'] }]);
    const world = await openWorld(db.options, config, {
      fetch: async (request, next) => (new URL(request.url).host === 'sd' ? answer() : await next(request)),
    });
    const sentTo = async (fromMs: number) =>
      new Set(
        (await verdictsOf(world.sql, 'loki'))
          .filter(v => v.target !== 'drill' && Number(v.name.split('.')[1]) >= fromMs)
          .map(v => v.target),
      );
    try {
      await world.run(20_000);
      expect(await sentTo(0)).toEqual(new Set(['a']));
      answer = () =>
        Response.json([
          { targets: ['b', 'c'], labels: { __inject_url: 'http://lab/lab/agents/web-2/logs' } },
        ]);
      await world.run(15_000);
      const changedMs = world.clock.now();
      answer = () => new Response('no', { status: 500 });
      await world.run(20_000);
      expect(await sentTo(changedMs)).toEqual(new Set(['b', 'c']));
      const states = await world.sql`select name, state from target where name <> '' order by name`;
      expect(states.map(s => `${s.name} ${s.state}`)).toEqual(['a quiet', 'b active', 'c active']);
      answer = () => Response.json([{ targets: ['a'] }]);
      await world.run(60_000);
      const open = (await verdictsOf(world.sql, 'loki')).filter(
        v => v.verdict === 'lost' && v.target !== 'drill',
      );
      expect(open, 'one that vanished from discovery is quiet, not lost').toEqual([]);
      expect(world.logs.some(l => l.event === 'discover.failed')).toBe(true);
    } finally {
      await world.close();
    }
  });
});
