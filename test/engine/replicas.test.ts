/** Several engines over one store and one clock: no beat twice, no sighting lost, and whoever takes over is the only one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { accountsOf, Small, searched, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
beforeEach(() => {
  w = new Small(db.options);
});
afterEach(() => w.close());

const ARRIVED = ['on_time', 'delivered', 'pending'];
const twice = (): string[] => {
  const tokens = w.sink.taken.map(t => t.token);
  return tokens.filter((t, i) => tokens.indexOf(t) !== i);
};
async function expectWhole(): Promise<void> {
  expect(twice(), 'sent twice').toEqual([]);
  expect(Object.keys(await w.tally()).filter(k => !ARRIVED.includes(k))).toEqual([]);
  const { wrongRows, folded, rolled } = await accountsOf(w.sql);
  expect(wrongRows).toBe(0);
  expect(rolled).toEqual(folded);
  expect(w.errors()).toEqual([]);
}
const holders = async () =>
  (await w.sql`select holder from checkpoint order by pipeline, number`).map(r => r.holder as string);

test('three replicas tick at once: each beat has one owner, each checkpoint one holder', async () => {
  for (let i = 0; i < 3; i++)
    await w.start(
      small({ checkpoints: [searched('sink'), searched('far'), searched('wide', ', after: source')] }),
    );
  await w.run(20_000);
  await expectWhole();
  expect(w.sink.taken.length).toBeGreaterThan(34);
  const owners = await w.sql`select distinct owner from beat where part < 100000`;
  expect(owners.length).toBeGreaterThanOrEqual(1);
  expect(w.replicas.map(r => r.self)).toEqual(expect.arrayContaining(await holders()));
});

test('one stops ticking: its checkpoints move when its heartbeat is old, and it wakes without them', async () => {
  const a = await w.start(small());
  await w.run(6_000);
  const b = await w.start(small());
  await w.run(6_000);
  expect(await holders()).toEqual([a.self]);
  a.awake = false;
  await w.outdate(a);
  await w.run(8_000);
  expect(await holders()).toEqual([b.self]);
  a.awake = true;
  await w.run(10_000);
  expect(await holders()).toEqual([b.self]);
  await expectWhole();
});

test('a holder that fell asleep in a look commits nothing when it wakes', async () => {
  const a = await w.start(small());
  await w.run(6_000);
  let wake = () => {};
  const slept = new Promise<'ok'>(done => {
    wake = () => done('ok');
  });
  w.sink.search = () => slept;
  await w.run(1_500);
  a.awake = false;
  w.sink.search = async () => 'ok';
  await w.start(small());
  await w.outdate(a);
  await w.run(8_000);
  const state = () => w.sql`select watermark, cursor, fence from checkpoint`;
  const before = await state();
  wake();
  await a.running.idle();
  expect(await state()).toEqual(before);
  expect(w.logs.some(l => l.self === a.self && l.event === 'lease.lost')).toBe(true);
  await expectWhole();
});

test('leases that are given back move at once', async () => {
  const a = await w.start(small());
  await w.run(4_000);
  const b = await w.start(small());
  await w.stop(a);
  await w.run(8_000);
  expect(await holders()).toEqual([b.self]);
  await expectWhole();
});

describe('a newer configuration', () => {
  const old = small({ checkpoints: [searched('sink'), searched('gone', ', after: source')] });

  test('stops the older one’s sending; open canaries keep their deadlines', async () => {
    const a = await w.start(small());
    await w.run(6_000);
    w.sink.search = async () => 'fail';
    await w.run(2_000);
    const before = Number((await w.sql`select max(slot) as m from beat`)[0]?.m);
    // A minute to arrive, where it was a second: what was sent before is held to the second.
    const patient = small().replace(
      'on_time_within: 1s, lost_after: 3s',
      'on_time_within: 60s, lost_after: 90s',
    );
    const b = await w.start(patient);
    await w.run(4_000);
    w.sink.search = async () => 'ok';
    await w.run(10_000);
    expect(a.running.engine.pipelines[0]?.superseded).toBe(true);
    const owners = await w.sql`select distinct owner from beat where slot > ${before}`;
    expect(owners.map(r => r.owner)).toEqual([b.self]);
    const own = await w.verdicts();
    const verdictsOfNew = own.filter(v => v.target !== 'drill' && Number(v.name.split('.')[1]) > before);
    expect(new Set(verdictsOfNew.map(v => v.verdict))).toEqual(new Set(['on_time', 'pending']));
    const ofOld = own.filter(v => v.target !== 'drill' && Number(v.name.split('.')[1]) <= before);
    expect(ofOld.filter(v => v.verdict === 'delivered').length, 'on time is not claimed').toBeGreaterThan(1);
    expect(ofOld.filter(v => !['on_time', 'delivered'].includes(v.verdict))).toEqual([]);
    expect(twice()).toEqual([]);
  });

  test('that lacks a checkpoint closes its open canaries as unproven, seen or not, also when its holder died a moment ago', async () => {
    const a = await w.start(old);
    await w.run(5_000);
    w.sink.fate = text => (text.includes(' for canary from ') ? 'dropped' : 'kept');
    await w.run(1_500);
    // Its heartbeat is still fresh: whoever comes next can't take its checkpoints at once.
    a.awake = false;
    w.replicas.splice(w.replicas.indexOf(a), 1);
    await a.pool.end({ timeout: 0 });
    w.sink.fate = () => 'kept';
    // A watermark alone proves nothing where it takes more than that.
    await w.run(3_000);
    await w.sql`
      update checkpoint set watermark = jsonb_set(watermark, '{wMs}', to_jsonb(${w.clock.now()}::int8)) where name = 'gone'`;
    await w.start(small());
    await w.run(2_000);
    await w.outdate(a);
    await w.run(40_000, 1_000);
    const [open] = await w.sql<{ n: number }[]>`
      select count(*)::int as n from mark m join checkpoint c on c.pipeline = m.pipeline and c.number = m.checkpoint
       where c.name = 'gone' and m.next_due_ms is not null`;
    expect(open?.n).toBe(0);
    const gone = (await w.verdicts('gone')).filter(v => v.target !== 'drill');
    expect(gone.filter(v => v.verdict === 'lost' || v.verdict === 'pending')).toEqual([]);
    expect(gone.filter(v => v.verdict === 'unproven').length).toBeGreaterThan(0);
    const { wrongRows, folded, rolled } = await accountsOf(w.sql);
    // What was skipped while nobody ran is in the rollups alone.
    const sent = (rows: readonly { key: string }[]) => rows.filter(r => r.key !== 'unsent');
    expect(wrongRows).toBe(0);
    expect(sent(rolled)).toEqual(sent(folded));
  });

  test('that renames a checkpoint goes on with it by its id', async () => {
    const a = await w.start(small());
    await w.run(6_000);
    await w.kill(a);
    await w.start(small({ checkpoints: [searched('renamed', ', id: sink')] }));
    await w.run(10_000);
    const rows = await w.sql`select number, name, retired from checkpoint`;
    expect(rows.map(r => ({ ...r }))).toEqual([{ number: 1, name: 'renamed', retired: false }]);
    const tally = await w.tally('renamed');
    expect(tally.on_time).toBeGreaterThan(20);
    expect(Object.keys(tally).filter(k => ![...ARRIVED, 'maybe_sent'].includes(k))).toEqual([]);
  });

  test('that adds a target and drops one: the new is sent to, the old one’s canaries are judged as ever', async () => {
    const a = await w.start(small());
    await w.run(6_000);
    await w.kill(a);
    await w.start(small({ targets: ['b', 'c'] }));
    const before = w.clock.now();
    await w.run(10_000);
    const late = (await w.verdicts()).filter(
      v => Number(v.name.split('.')[1]) > before && v.target !== 'drill',
    );
    expect(new Set(late.map(v => v.target))).toEqual(new Set(['b', 'c']));
    const tally = await w.tally();
    expect(Object.keys(tally).filter(k => ![...ARRIVED, 'maybe_sent'].includes(k))).toEqual([]);
  });

  test('without the pipeline: a replica that still has it sends no more of it', async () => {
    const q = small().slice(small().indexOf('  p:')).replace('  p:', '  q:');
    await w.start(small({ pipelines: q }));
    await w.run(4_000);
    await w.start(small());
    await w.run(3_000);
    const sent = async () =>
      Number(
        (
          await w.sql`select count(*) as n from beat b join pipeline p on p.number = b.pipeline where p.name = 'q'`
        )[0]?.n,
      );
    const before = await sent();
    expect(before).toBeGreaterThan(2);
    await w.run(5_000);
    expect(await sent()).toBe(before);
    expect(w.sink.taken.length).toBeGreaterThan(15);
  });
});
