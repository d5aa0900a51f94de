/** Settling: verdicts from evidence alone, told up the branch, folded once, and nothing between two settlings lost. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SENDINGS } from '../../src/domain/canary.ts';
import { judge, VERDICTS } from '../../src/domain/verdict.ts';
import { useDatabase } from '../support/database.ts';
import { accountsOf, Small, searched, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
beforeEach(() => {
  w = new Small(db.options);
});
afterEach(() => w.close());

const branch = small({ checkpoints: [searched('sink'), searched('far')] });

interface Row {
  due_ms: number;
  restart_ms: number | null;
  sendings: number[];
  last_offs: number[];
  verdicts: number[];
  seen_offs: (number | null)[];
  seen_after_offs: (number | null)[];
  flags: number[];
}

/** Verdicts as the kept evidence gives them, by a reading of the columns of our own. */
function judgedAgain(row: Row): string[] {
  return row.sendings.map((sending, i) => {
    const [at, after, flags] = [row.seen_offs[i] ?? null, row.seen_after_offs[i] ?? null, row.flags[i] ?? 0];
    return judge(
      {
        sending: SENDINGS[sending]!,
        sentMs: Math.max(row.due_ms + row.last_offs[i]!, row.restart_ms ?? 0),
        seen:
          at === null ? null : { atMs: row.due_ms + at, afterMs: after === null ? null : row.due_ms + after },
        absentAtD: (flags & 1) !== 0,
        absentAtL: (flags & 2) !== 0,
        uncovered: (flags & 4) !== 0,
        seenDownstream: (flags & 8) !== 0,
      },
      { onTimeWithinMs: 1_000, lostAfterMs: 3_000 },
    );
  });
}

test('every closed row, judged again from what is kept of its evidence, says the same (law 4)', async () => {
  await w.start(branch);
  await w.run(6_000);
  let n = 0;
  w.sink.fate = () => (['kept', 'dropped', 'refused', 'kept'] as const)[n++ % 4]!;
  w.sink.shows = (place, text) => place === 'far' || !/coalmine1\w*[ab]/.test(text.slice(-20));
  await w.run(8_000);
  w.sink.search = async () => 'fail';
  await w.run(5_000);
  w.sink.search = async () => 'ok';
  w.sink.shows = () => true;
  await w.run(12_000);
  const rows = await w.sql<Row[]>`
    select b.due_ms, b.restart_ms, to_json(b.sendings) as sendings, to_json(b.last_offs) as last_offs,
           to_json(m.verdicts) as verdicts, to_json(m.seen_offs) as seen_offs,
           to_json(m.seen_after_offs) as seen_after_offs, to_json(m.flags) as flags
      from mark m join beat b using (pipeline, slot, part) where m.next_due_ms is null`;
  const met = new Set<string>();
  for (const row of rows) {
    const wanted = judgedAgain(row);
    expect(row.verdicts.map(v => VERDICTS[v])).toEqual(wanted);
    for (const v of wanted) met.add(v);
  }
  for (const v of ['on_time', 'lost', 'refused']) expect(met).toContain(v);
  const { wrongRows, folded, rolled } = await accountsOf(w.sql);
  expect(wrongRows).toBe(0);
  expect(rolled).toEqual(folded);
});

describe('the branch', () => {
  test('what is seen further down is missed here, not lost; and recovered when it shows up here too', async () => {
    await w.start(branch);
    await w.run(6_000);
    const first = w.sink.taken.length;
    const isLate = (text: string) => w.sink.taken.slice(first, first + 2).some(t => text.includes(t.token));
    w.sink.shows = (place, text) => place === 'far' || !isLate(text);
    await w.run(10_000);
    const tally = await w.tally('sink');
    expect(tally.missed_here).toBe(2);
    expect(tally).not.toHaveProperty('lost');
    expect(await w.tally('far')).not.toHaveProperty('missed_here');
    w.sink.shows = () => true;
    for (const t of w.sink.taken.slice(first, first + 2)) w.sink.show(t.text);
    await w.run(4_000);
    expect((await w.tally('sink')).recovered).toBe(2);
  });

  test('two judges at once: what arrives further down while it is declared lost here is not lost', async () => {
    let armed = false;
    let paused = false;
    let release = () => {};
    const released = new Promise<void>(done => {
      release = done;
    });
    await w.start(branch, {
      after: async text => {
        // Only the upper checkpoint asks what those below it have seen.
        if (!armed || paused || !text.includes('m.seen_offs is not null')) return;
        paused = true;
        await released;
      },
    });
    await w.run(6_000);
    const first = w.sink.taken.length;
    const isLate = (text: string) => w.sink.taken.slice(first, first + 2).some(t => text.includes(t.token));
    w.sink.shows = (_, text) => !isLate(text);
    // So that both deadlines have passed when it sees again.
    w.sink.search = async place => (place === 'sink' ? 'fail' : 'ok');
    await w.run(7_000);
    w.sink.search = async () => 'ok';
    armed = true;
    for (let i = 0; i < 80 && !paused; i++) await w.run(250, 250);
    expect(paused).toBe(true);
    w.sink.shows = (place, text) => place === 'far' || !isLate(text);
    for (const t of w.sink.taken.slice(first, first + 2)) w.sink.show(t.text);
    await w.run(3_000);
    await new Promise(done => setTimeout(done, 50));
    release();
    await w.run(4_000);
    const tally = await w.tally('sink');
    expect(tally).not.toHaveProperty('lost');
    expect(tally.missed_here).toBe(2);
  });
});

describe('the drill (law 11)', () => {
  test('is found lost, continuously, and in no rate', async () => {
    await w.start(small());
    await w.run(40_000, 1_000);
    const drills = (await w.verdicts()).filter(v => v.target === 'drill');
    expect(drills.length).toBeGreaterThan(20);
    expect(drills.filter(d => d.verdict === 'lost').length).toBeGreaterThan(15);
    expect(
      Object.keys(await w.tally()).filter(k => !['on_time', 'delivered', 'pending'].includes(k)),
    ).toEqual([]);
    const buckets = await w.sql`select distinct jsonb_object_keys(counts) as k from rollup`;
    expect(buckets.map(b => b.k).sort()).toEqual(expect.arrayContaining(['drill_lost', 'on_time']));
    expect(buckets.map(b => b.k)).not.toContain('lost');
  });

  test('that is seen is an alarm, at once and after it was found lost', async () => {
    const { running } = await w.start(small());
    await w.run(8_000);
    const { engine } = running;
    const live = engine.pipelines[0]!;
    const drills = await w.sql<{ slot: number; index: number }[]>`
      select slot, index from beat where ${live.drill} = any(targets) order by slot`;
    const { inputOf } = await import('../../src/engine/live.ts');
    for (const d of [drills[0]!, drills.at(-1)!]) {
      const name = { target: live.drill, slot: d.slot, index: d.index };
      w.sink.show(live.source!.format.write(inputOf(engine, live, name, w.clock.now())).text);
    }
    await w.run(8_000);
    const [seen] = await w.sql<
      { n: number }[]
    >`select sum((counts->>'drill_seen')::int)::int as n from rollup`;
    expect(seen?.n).toBe(2);
    expect((await w.findings()).drill_seen).toBe(2);
  });
});

test('a flood in the inbox is worked off in bounded bites, and none of it is lost (law 9)', async () => {
  await w.start(small());
  await w.run(8_000);
  const [b] = await w.sql<{ slot: number; targets: number[] }[]>`
    select slot, to_json(targets) as targets from beat order by slot limit 1`;
  await w.sql`
    insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, copies, look, record)
    select 1, 1, ${b!.slot}, ${b!.targets[0]!}, 0, 0, ${w.clock.now()}, 1, 1, n from generate_series(1, 45000) n`;
  for (let i = 0; i < 5; i++) {
    await w.run(500);
    await w.replicas[0]!.running.idle();
  }
  const [left] = await w.sql<{ n: number }[]>`select count(*)::int as n from sighting`;
  expect(left?.n).toBe(0);
  const [mark] = await w.sql`select pg_column_size(notes) as bytes from mark where slot = ${b!.slot}`;
  expect(mark?.bytes).toBeLessThan(1_000);
  expect(await w.tally()).not.toHaveProperty('recovered');
});
