/** From faults of looking, sending and others to incidents that aren't loss: one cause, one incident, told to those it concerns. */
import { afterEach, describe, expect, test } from 'vitest';
import { INCIDENT_KINDS } from '../../src/domain/incident.ts';
import { conditions } from '../../src/engine/conditions.ts';
import { inputOf } from '../../src/engine/live.ts';
import type { ConditionRow } from '../../src/store/conditions.ts';
import { useDatabase } from '../support/database.ts';
import { faultConfig, faults } from '../support/faults.ts';
import { openWorld, type World } from '../support/world.ts';

const config = `${faultConfig().replace('every: 2s', 'every: 2s\n    notify: { loss: [desk], ours: [crew] }')}
notify:
  desk: { kind: webhook, url: "http://desk/hook" }
  crew: { kind: webhook, url: "http://crew/hook" }
`;

const EVERY_MS = 5_000;
/** Coarse: these faults last for minutes. */
const STEP_MS = 2_500;

/** Runs on, and waits for what that began: what ripens must not depend on the machine. */
async function run(w: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += EVERY_MS) {
    await w.run(EVERY_MS, STEP_MS);
    await w.running.idle();
  }
}

const incidentsOf = (w: World) => w.sql<ConditionRow[]>`select * from incident order by number`;
const kindsOf = async (w: World) => (await incidentsOf(w)).map(r => r.kind);
const told = async (w: World) =>
  (
    await w.sql<{ notifier: string; event: string; kind: string }[]>`
      select notifier, event, notice->>'kind' as kind from outbox order by incident, notifier, sequence`
  ).map(r => `${r.notifier} ${r.kind} ${r.event}`);

describe('conditions', () => {
  const db = useDatabase();
  const worlds: World[] = [];
  const add = async (text: string, options: Parameters<typeof openWorld>[2] = {}) => {
    const w = await openWorld(db.options, text, {
      seed: worlds.length + 1,
      // Whom notices go to.
      fetch: (request, next) =>
        request.url.endsWith('/hook') ? Promise.resolve(new Response(null, { status: 204 })) : next(request),
      ...options,
    });
    worlds.push(w);
    return w;
  };
  const open = async (options: { config: string }) => {
    const w = await add(options.config);
    await run(w, 20_000);
    return w;
  };
  afterEach(async () => {
    const errors = worlds.flatMap(w => w.logs.filter(l => l.level === 'error'));
    for (const w of worlds.splice(0)) await w.close();
    expect(errors).toEqual([]);
  });

  test('nothing is wrong: nothing is told, and a kill tells nothing either', async () => {
    const w = await open({ config });
    await run(w, 30_000);
    await w.restart();
    await run(w, 30_000);
    expect(await incidentsOf(w)).toEqual([]);
  });

  test('the query API fails: one blind, told with what it said, to those who run us, and resolved after', async () => {
    const w = await open({ config });
    const since = w.clock.now();
    await faults(w, { store: { query: 'fail' } });
    await run(w, 45_000);
    expect(await incidentsOf(w)).toEqual([]);
    await run(w, 60_000);
    const [row, ...more] = await incidentsOf(w);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ kind: 'blind', checkpoint: 1, ended_ms: null });
    expect(row?.facts.reason).toContain('500');
    expect(Math.abs((row?.began_ms ?? 0) - since)).toBeLessThan(5_000);
    expect(await told(w)).toEqual(['crew blind opened']);
    await faults(w, { store: { query: 'ok' } });
    await run(w, 190_000);
    expect(await kindsOf(w)).toEqual(['blind']);
    expect(await told(w)).toEqual(['crew blind opened', 'crew blind resolved']);
  });

  test('answers that are empty, then old ones: the records have vanished, and that is one incident', async () => {
    const w = await open({ config });
    await faults(w, { store: { query: 'empty' } });
    await run(w, 80_000);
    const [empty] = await incidentsOf(w);
    expect(empty).toMatchObject({ kind: 'vanished', checkpoint: 1 });
    expect(empty?.facts.reason).toContain('found no canary');
    await faults(w, { store: { query: 'stale', staleMs: 600_000 } });
    await run(w, 30_000);
    const [stale, ...more] = await incidentsOf(w);
    expect(more).toEqual([]);
    expect(stale).toMatchObject({ kind: 'vanished', ended_ms: null, reopened: 0 });
    expect(await told(w)).toEqual([
      `${INCIDENT_KINDS.vanished.concerns === 'ours' ? 'crew' : 'desk'} vanished opened`,
    ]);
    const [text] = await w.sql<{ all: string }[]>`select string_agg(notice::text, '') as all from outbox`;
    expect(text?.all).not.toMatch(/coalmine1[a-z2-7]{40}/);
  });

  test('a kill while blind opens no second one; flapping is one; a step of our clock is only that', async () => {
    const w = await open({ config });
    await faults(w, { store: { query: 'fail' } });
    await run(w, 100_000);
    await w.restart();
    await run(w, 30_000);
    await faults(w, { store: { query: 'ok' } });
    // Failed looks have backed off to a minute.
    await run(w, 75_000);
    await faults(w, { store: { query: 'throttle' } });
    await run(w, 30_000);
    const [row, ...more] = await incidentsOf(w);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ kind: 'blind', ended_ms: null, reopened: 1 });
    expect(row?.facts.reason).toContain('429');
    w.clock.step(600_000);
    await run(w, 40_000);
    await faults(w, { store: { query: 'ok' } });
    await run(w, 40_000);
    expect((await kindsOf(w)).sort()).toEqual(['blind', 'clock_step']);
    expect(await told(w)).toEqual(['crew blind opened', 'crew clock_step opened']);
  });

  test('the emitter sleeps while we watch: silent, and not blind for it', async () => {
    const w = await open({ config });
    for (let i = 0; i < 20; i++) {
      w.clock.advance(EVERY_MS);
      await conditions(w.running.engine);
    }
    expect(await kindsOf(w)).toEqual(['silent']);
    expect(await told(w)).toEqual(['crew silent opened']);
    await run(w, 150_000);
    expect(await incidentsOf(w)).toMatchObject([{ kind: 'silent', reopened: 0 }]);
    expect(await told(w)).toEqual(['crew silent opened', 'crew silent resolved']);
  });

  test('nobody was there for half an hour: told afterwards, once; and where nothing was ever seen that is told', async () => {
    const text = config
      .replace('send_within: 20m', 'send_within: 10s')
      .replace(
        'settle: 1s }',
        'settle: 1s }\n      - { name: nowhere, after: source, observe: { kind: loki, url: "http://lab", query: \'{job="no"}\' }, on_time_within: 10s, lost_after: 30s, keeps: 7d }',
      );
    const w = await open({ config: text });
    const beganMs = w.clock.now();
    w.clock.advance(30 * 60_000);
    await w.restart();
    await run(w, 160_000);
    const rows = await incidentsOf(w);
    expect(rows.map(r => `${r.kind} ${r.checkpoint} ${r.ended_ms === null}`).sort()).toEqual([
      'not_proven 2 true',
      'silent 0 false',
    ]);
    for (const r of rows) expect(Math.abs(r.began_ms - beganMs)).toBeLessThan(30_000);
    expect((await told(w)).sort()).toEqual(['crew not_proven opened', 'crew silent summary']);
  });

  test('a withheld canary is written by somebody: that is the crew’s; altered ones are the desk’s', async () => {
    const w = await open({ config });
    const [drill] = await w.sql<{ target: number; slot: number; index: number }[]>`
      select t.number as target, b.slot, b.index from beat b join target t on t.state = 'drill'
       where t.number = any(b.targets) order by b.slot limit 1`;
    const { engine } = w.running;
    const [pipeline] = engine.pipelines;
    const input = inputOf(engine, pipeline!, drill!, w.clock.now());
    const line = pipeline?.source?.format.write(input).text ?? '';
    await w.lab.app.fetch(new Request('http://lab/lab/agents/web-1/logs', { method: 'POST', body: line }));
    await run(w, 15_000);
    expect(await told(w)).toEqual(['crew drill_seen opened']);
    await faults(w, { agents: { 'web-1': { alter: true } } });
    await run(w, 20_000);
    expect(await told(w)).toEqual(['crew drill_seen opened', 'desk altered opened']);
    const [, row] = await incidentsOf(w);
    expect(row).toMatchObject({ kind: 'altered', checkpoint: 1 });
    expect(row?.facts.count).toBeGreaterThan(0);
  });

  test('a flood of forged tokens: one word of information to the desk, a day', async () => {
    const w = await open({ config });
    const { engine } = w.running;
    const flood = async () => {
      for (let i = 0; i < 20; i++) {
        const { token } = engine.keyring.sign({ target: 1, slot: w.clock.now() + i, index: 0 });
        const forged = `${token.slice(0, -6)}aaaaaa`;
        await w.lab.app.fetch(
          new Request('http://lab/lab/agents/web-1/logs', { method: 'POST', body: `user=${forged} hello` }),
        );
      }
      await run(w, 15_000);
    };
    await flood();
    expect(await told(w)).toEqual(['desk forged opened']);
    w.clock.advance(3 * 3_600_000);
    await conditions(engine);
    await flood();
    expect((await kindsOf(w)).filter(k => k === 'forged')).toEqual(['forged']);
  });

  test('two replicas evaluate at once: one incident, one notice', async () => {
    const w = await open({ config });
    const other = await add(config, { fresh: false, seed: 99, lab: w.lab, clock: w.clock });
    await faults(w, { store: { query: 'fail' } });
    for (let i = 0; i < 22; i++) {
      await w.run(EVERY_MS, STEP_MS);
      await w.running.idle();
      await Promise.all([conditions(w.running.engine), conditions(other.running.engine)]);
    }
    expect(await kindsOf(w)).toEqual(['blind']);
    expect(await told(w)).toEqual(['crew blind opened']);
  });
});
