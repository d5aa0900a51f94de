/** Feeding the detectors: once, in order, whatever fails; and one incident for one cause, at the hop that it is at. */
import { afterEach, describe, expect, test } from 'vitest';
import type { LossFacts } from '../../src/domain/incident.ts';
import { detect } from '../../src/engine/detect.ts';
import type { Engine } from '../../src/engine/live.ts';
import type { IncidentRow } from '../../src/store/incident.ts';
import { useDatabase } from '../support/database.ts';
import { Small, searched, small } from '../support/small.ts';
import { seeded } from '../support/world.ts';

const db = useDatabase();
let w: Small;
afterEach(async () => await w.close());

const NOTIFY = `notify: { loss: [desk], ours: [crew] }
    objective: { on_time: 99.9%, delivered: 99.9% }`;
const NOTIFIERS = `
notify:
  desk: { kind: webhook, url: "http://desk/hook" }
  crew: { kind: webhook, url: "http://crew/hook" }
`;
const FOUR = ['a', 'b', 'c', 'd'];
const configured = (checkpoints: string[], more = '') =>
  small({ targets: FOUR, more: NOTIFY, checkpoints, retention: `${NOTIFIERS}${more}` });

const incidents = () =>
  w.sql<IncidentRow<LossFacts>[]>`select * from incident where kind in ('loss', 'refused') order by number`;
const told = async () =>
  (
    await w.sql<{ incident: number; event: string }[]>`
      select incident, event from outbox where notice->>'concerns' = 'loss' order by incident, sequence`
  ).map(r => `${r.incident} ${r.event}`);

/** Feeds whatever can be fed by now. */
async function feedAll(engine: Engine): Promise<void> {
  for (const pipeline of engine.pipelines)
    for (const checkpoint of [...pipeline.checkpoints, null])
      while ((await detect(engine, { pipeline, checkpoint })).more);
}

const detectors = () => w.sql`select checkpoint, objective, fed_ms, state from detector order by 1, 2`;

describe('feeding', () => {
  test('whatever statement fails or loses its outcome, every beat is fed once and in order', async () => {
    w = new Small(db.options);
    const random = seeded(7);
    let armed = false;
    const fails = (text: string) => {
      const ours = /detector|incident|outbox|commit/.test(text);
      if (armed && ours && random() < 0.2) throw new Error('the connection was lost');
    };
    const r = await w.start(configured([searched('sink')]), { before: fails, after: fails });
    w.sink.fate = () => (random() < 0.3 ? 'dropped' : 'kept');
    await w.run(8_000);
    armed = true;
    await w.run(40_000);
    armed = false;
    w.sink.fate = () => 'kept';
    await w.run(30_000);
    const { engine } = r.running;
    await feedAll(engine);
    const fed = await detectors();
    expect(fed).toHaveLength(3);
    await w.sql`delete from detector`;
    await feedAll(engine);
    expect(await detectors()).toEqual(fed);
    expect(await incidents()).toHaveLength(1);
  });

  test('two replicas at once feed nothing twice', async () => {
    w = new Small(db.options);
    const random = seeded(3);
    const [a, b] = [
      await w.start(configured([searched('sink')])),
      await w.start(configured([searched('sink')])),
    ];
    w.sink.fate = () => (random() < 0.5 ? 'dropped' : 'kept');
    for (let i = 0; i < 20; i++) {
      await w.run(1_000);
      const places = [a, b]
        .map(r => r.running.engine)
        .map(engine => ({ engine, pipeline: engine.pipelines[0]! }));
      await Promise.all(
        places.map(({ engine, pipeline }) =>
          detect(engine, { pipeline, checkpoint: pipeline.checkpoints[0]! }),
        ),
      );
    }
    await feedAll(a.running.engine);
    const fed = await detectors();
    await w.sql`delete from detector`;
    await feedAll(a.running.engine);
    expect(await detectors()).toEqual(fed);
    expect(await incidents()).toHaveLength(1);
  });

  test('what meets a maintenance window is measured and raises nothing; what comes after it does', async () => {
    w = new Small(db.options);
    const at = (ms: number) => new Date(w.clock.now() + ms).toISOString();
    const window = `maintenance: [{ pipelines: [p], from: "${at(10_000)}", to: "${at(40_000)}" }]`;
    await w.start(configured([searched('sink')], window));
    await w.run(13_000);
    w.sink.fate = () => 'dropped';
    await w.run(22_000);
    w.sink.fate = () => 'kept';
    await w.run(20_000);
    expect((await w.tally()).lost).toBeGreaterThan(40);
    expect(await incidents()).toEqual([]);
    w.sink.fate = () => 'dropped';
    await w.run(15_000);
    expect(await incidents()).toHaveLength(1);
  });
});

describe('one cause, one incident', () => {
  const names = async () => (await incidents()).map(i => [i.kind, i.facts.hop.after, i.facts.hop.checkpoint]);

  test('a loss on an edge is not told again further down, and one further down is told there', async () => {
    w = new Small(db.options);
    await w.start(configured([searched('sink'), searched('deep', ', after: sink')]));
    await w.run(10_000);
    w.sink.fate = () => 'dropped';
    await w.run(20_000);
    expect(await names()).toEqual([['loss', null, 'sink']]);
    expect(await told()).toEqual(['1 opened']);
    w.sink.fate = () => 'kept';
    await w.run(90_000);
    expect((await incidents()).map(i => i.ended_ms === null)).toEqual([false]);
    const fromMs = w.clock.now();
    w.sink.shows = (place, text) =>
      place !== 'deep' || w.sink.taken.some(t => t.text === text && t.atMs <= fromMs);
    await w.run(25_000);
    expect((await names()).slice(1)).toEqual([['loss', 'sink', 'deep']]);
  });

  test('a loss on one branch is told beside one on the other', async () => {
    w = new Small(db.options);
    await w.start(configured([searched('sink'), searched('other', ', after: source')]));
    const half = (text: string) => (/coalmine1[a-z2-7]{40}/.exec(text)?.[0].charCodeAt(48) ?? 0) % 2;
    await w.run(10_000);
    const shownFrom = w.clock.now();
    w.sink.shows = (place, text) =>
      w.sink.taken.some(t => t.text === text && t.atMs < shownFrom) ||
      (place === 'sink') === (half(text) === 0);
    await w.run(30_000);
    expect((await names()).toSorted()).toEqual([
      ['loss', null, 'other'],
      ['loss', null, 'sink'],
    ]);
  });

  test('the same canaries missing on both branches are one incident', async () => {
    w = new Small(db.options);
    await w.start(configured([searched('sink'), searched('other', ', after: source')]));
    await w.run(10_000);
    w.sink.fate = () => 'dropped';
    await w.run(30_000);
    const [only, ...more] = await incidents();
    expect(more).toEqual([]);
    expect(only?.facts.checkpoints.toSorted()).toEqual(['other', 'sink']);
  });

  test('flapping is one incident', async () => {
    w = new Small(db.options);
    await w.start(configured([searched('sink')]));
    await w.run(10_000);
    for (let i = 0; i < 3; i++) {
      w.sink.fate = () => 'dropped';
      await w.run(12_000);
      w.sink.fate = () => 'kept';
      await w.run(25_000);
    }
    await w.run(90_000);
    const rows = await incidents();
    expect(rows).toHaveLength(1);
    expect(rows[0]?.reopened).toBe(2);
    expect(await told()).toEqual(['1 opened', '1 resolved']);
  });

  test('an outage that is found on catching up is one notice, and none of it is loss while nobody can see', async () => {
    w = new Small(db.options);
    await w.start(configured([searched('sink')]));
    await w.run(10_000);
    w.sink.search = async () => 'fail';
    await w.run(30_000);
    w.sink.fate = () => 'dropped';
    await w.run(60_000);
    w.sink.fate = () => 'kept';
    await w.run(60_000);
    expect(await incidents()).toEqual([]);
    w.sink.search = async () => 'ok';
    await w.run(180_000);
    expect(await incidents()).toHaveLength(1);
    expect(await told()).toHaveLength(1);
  });

  test('blind for long with loss at exactly the objective, then catching up: no alarm', async () => {
    w = new Small(db.options);
    await w.start(
      configured([searched('sink')])
        .replace('delivered: 99.9%', 'delivered: 95%')
        .replace('on_time: 99.9%', 'on_time: 95%'),
    );
    await w.run(10_000);
    const random = seeded(11);
    w.sink.fate = () => (random() < 0.05 ? 'dropped' : 'kept');
    w.sink.search = async () => 'fail';
    await w.run(180_000, 1_000);
    w.sink.search = async () => 'ok';
    await w.run(90_000);
    expect((await w.tally()).lost).toBeGreaterThan(30);
    expect(await incidents()).toEqual([]);
  });
});
