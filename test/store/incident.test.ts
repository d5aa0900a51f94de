/** What an incident is counted from, on rows written by hand: what happened to each canary is a table here, not a judgement. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { touchedSpread } from '../../src/engine/loss-facts-of.ts';
import { readFates, readTouched, type Spread } from '../../src/store/incident.ts';
import { openStore, type Sql, type Tx } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { register, T0 } from '../support/registered.ts';

const MINUTE = 60_000;
const [ON_TIME, LATE, LOST] = [2, 3, 5];
const DRILL = 99;

const database = useDatabase();
let sql: Sql;
let pipeline: number;
beforeAll(async () => {
  sql = openStore({ ...database.options, max: 2 });
});
beforeEach(async () => {
  pipeline = (await register(sql)).number;
});
afterAll(async () => {
  await sql.end({ timeout: 2 });
});

/** A beat a minute of targets 1, 2, 3, in two parts. */
async function write(beats: number, verdict: (beat: number, target: number) => number): Promise<void> {
  const rows = Array.from({ length: beats }, (_, n) => n).flatMap(n =>
    [[1, 2], [3]].map((targets, part) => ({
      slot: T0 + n * MINUTE,
      part,
      targets,
      verdicts: targets.map(t => verdict(n, t)),
      exceptional: targets.some(t => verdict(n, t) !== ON_TIME),
    })),
  );
  const json = JSON.stringify(rows);
  const arrays = (name: string) =>
    sql`(select array_agg(x::int2) from json_array_elements_text(r.${sql(name)}) x)`;
  await sql`
    insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets)
    select ${pipeline}, r.slot, r.part, 0, 'planned', 1, r.slot, 'me', r.slot, r.slot,
           (select array_agg(x::int) from json_array_elements_text(r.targets) x)
      from json_to_recordset(${json}::text::json) as r(slot int8, part int, targets json)`;
  await sql`
    insert into mark (pipeline, checkpoint, slot, part, counts, exceptional, verdicts)
    select ${pipeline}, 1, r.slot, r.part, '{}', r.exceptional, ${arrays('verdicts')}
      from json_to_recordset(${json}::text::json) as r(slot int8, part int, verdicts json, exceptional boolean)`;
}

const touched = (toBeat: number, spread: Spread) =>
  readTouched(
    sql as unknown as Tx,
    { pipeline, checkpoint: 1, from_ms: T0, to_ms: T0 + toBeat * MINUTE },
    { missing: ['lost'], late: true, drill: DRILL, spread },
  );

describe('the targets of an incident', () => {
  const all = { beatsMax: 200_000, stepMs: null };

  test('are counted from all beats where these are few enough', async () => {
    await write(30, (n, t) => (t === 1 && n < 10 ? LOST : t === 3 && n === 29 ? LATE : ON_TIME));
    expect(await touched(29, all)).toEqual([
      { target: 1, missing: 10, late: 0, decided: 30, after: 29, last_ms: T0 + 9 * MINUTE },
      { target: 3, missing: 0, late: 1, decided: 30, after: 0, last_ms: T0 + 29 * MINUTE },
    ]);
    expect(await touched(29, { beatsMax: 5, stepMs: null })).toEqual([
      { target: 3, missing: 0, late: 1, decided: 5, after: 0, last_ms: T0 + 29 * MINUTE },
    ]);
  });

  test('of a long one are counted over its whole length, every part of a beat with it, and the newest loss is exact', async () => {
    // Target 1 early, 2 all the time in one beat of three, 3 at the very end of a stretch that stands for ten beats.
    const lost = (n: number, t: number) =>
      (t === 1 && n < 300) || (t === 2 && n % 3 === 0) || (t === 3 && n >= 900 && n < 956);
    await write(1_000, (n, t) => (lost(n, t) ? LOST : ON_TIME));
    const spread = { beatsMax: 100, stepMs: 10 * MINUTE };
    const read = await touched(999, spread);
    const truth = (t: number) => Array.from({ length: 100 }, (_, i) => i * 10).filter(n => lost(n, t)).length;
    expect(read.map(r => [r.target, r.missing, r.decided])).toEqual([
      [2, truth(2), 100],
      [1, truth(1), 100],
      [3, truth(3), 100],
    ]);
    const newest = (t: number) =>
      T0 + MINUTE * Math.max(...Array.from({ length: 1_000 }, (_, n) => (lost(n, t) ? n : 0)));
    expect(read.find(r => r.target === 3)?.last_ms).toBe(newest(3));
    expect(read.find(r => r.target === 2)?.last_ms).toBe(newest(2));
    const fates = await readFates(
      sql as unknown as Tx,
      { pipeline, checkpoint: 1, from_ms: T0, to_ms: T0 + 999 * MINUTE },
      spread,
    );
    expect(fates).toHaveLength(200);
    expect(fates.map(f => f.slot)).toEqual(fates.map(f => f.slot).toSorted((a, b) => a - b));
    expect([fates[0]?.slot, fates.at(-1)?.slot]).toEqual([T0, T0 + 990 * MINUTE]);
  });
});

describe('how much is read', () => {
  test.each([
    // targets, beats, stretch in beats: at most 200,000 canaries, at least 200 beats
    [3, 60_000, null],
    [3, 70_000, 2],
    [1_000, 200, null],
    [1_000, 23_040, 116],
  ])('%i targets over %i beats', (targets, beats, stretch) => {
    const spread = touchedSpread({ fromMs: 0, toMs: (beats - 1) * MINUTE, everyMs: MINUTE }, targets);
    expect(spread.stepMs).toBe(stretch === null ? null : stretch * MINUTE);
    expect(beats / (stretch ?? 1)).toBeLessThanOrEqual(spread.beatsMax);
  });
});
