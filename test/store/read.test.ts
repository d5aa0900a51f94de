import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningEngine } from '../../src/engine/engine.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { snapshot, sumMarks } from '../../src/store/read.ts';
import { listCanaries, readCanary } from '../../src/store/read-canaries.ts';
import { useDatabase } from '../support/database.ts';
import {
  alike,
  configOf,
  openQuietEngine,
  pipelineConfig,
  standingClock,
  writeBeats,
} from '../support/ledger.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
const database = useDatabase();
let sql: Sql;
let running: RunningEngine;

beforeAll(async () => {
  sql = openStore({ ...database.options, max: 3 });
  running = await openQuietEngine(sql, standingClock(NOW).ctx, configOf([pipelineConfig('ssh')]));
});
afterAll(async () => {
  await running.close();
  await sql.end();
});

test('a snapshot does not see a row fold between two of its reads', async () => {
  const p = running.engine.pipelines[0]!;
  await writeBeats(sql, p.number, [alike(p, NOW, () => 'on_time')]);
  const at = p.checkpoints[0]!.key;
  const span = { span: 0, ...at, from_ms: NOW, to_ms: NOW + 1, step_ms: 1 };
  const [first, second] = await snapshot(sql, async tx => {
    const before = await sumMarks(tx, [span], 'open');
    await sql`update mark set folded = true, next_due_ms = null`;
    return [before, await sumMarks(tx, [span], 'open')];
  });
  expect(first).toEqual([{ span: 0, at_ms: NOW, bucket: 'on_time', n: 2 }]);
  expect(second).toEqual(first);
  await expect(snapshot(sql, tx => tx`update mark set folded = false`)).rejects.toThrow(/read-only/);
});

test('a row whose sender is still at work reads as pending, with nothing made up', async () => {
  const p = running.engine.pipelines[0]!;
  await sql`
    insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets)
    values (${p.number}, ${NOW - 1}, 0, 5, 'planned', 1, ${NOW}, 'x', ${NOW}, ${NOW}, array[${p.targets[0]!.number}::int])`;
  await sql`
    insert into mark (pipeline, checkpoint, slot, part, next_due_ms, counts)
    values (${p.number}, 1, ${NOW - 1}, 0, ${NOW}, '{"pending": 1}')`;
  const [row] = await readCanary(sql, {
    pipeline: p.number,
    slot: NOW - 1,
    index: 5,
    target: p.targets[0]!.number,
  });
  expect(row).toMatchObject({
    sending: null,
    verdict: null,
    seen_off: null,
    reason: null,
    note: null,
    position: 1,
  });
  const pending = await listCanaries(sql, {
    ...p.checkpoints[0]!.key,
    fromMs: 0,
    toMs: NOW,
    target: null,
    verdicts: [0],
    without: null,
    after: null,
    exceptional: false,
    limit: 10,
  });
  expect(pending.map(r => r.slot)).toEqual([NOW - 1]);
});

test('a page reads the primary key backwards and stops, however much lies behind it', async () => {
  const p = running.engine.pipelines[0]!;
  await sql`
    insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets, sendings)
    select ${p.number}, ${NOW}::int8 - n * 1000, 0, 0, 'planned', 1, ${NOW}::int8 - n * 1000, 'x', 0, 0, array[1,2], '{0,0}'
      from generate_series(10, 20000) n`;
  await sql`
    insert into mark (pipeline, checkpoint, slot, part, counts, folded, verdicts)
    select ${p.number}, c, ${NOW}::int8 - n * 1000, 0, '{"on_time": 2}', true, '{2,2}'
      from generate_series(10, 20000) n, generate_series(1, 2) c`;
  await sql`analyze`;
  const after = { slot: NOW - 5_000_000, part: 0, position: 1, checkpoint: 1 };
  const asked: [string, unknown[]][] = [];
  const page = () =>
    listCanaries(sql, {
      ...p.checkpoints[0]!.key,
      fromMs: 0,
      toMs: NOW,
      target: null,
      verdicts: null,
      without: null,
      after,
      exceptional: false,
      limit: 100,
    });
  const rows = await page();
  // The same statement again, explained.
  Object.assign(sql.options, {
    debug: (_: number, text: string, values: unknown[]) => asked.push([text, values]),
  });
  await page();
  Object.assign(sql.options, { debug: undefined });
  const [text, values] = asked.find(([t]) => t.includes('limit'))!;
  const plan = await sql.unsafe(
    `explain (analyze, costs off, timing off, summary off) ${text}`,
    values as string[],
  );
  const read = plan
    .map(r => String(r['QUERY PLAN']))
    .filter(line => / on mark m /.test(line))
    .map(line => Number(/rows=([\d.]+)/.exec(line)?.[1]));
  expect(rows).toHaveLength(100);
  expect(rows[0]).toMatchObject({ slot: NOW - 5_001_000, position: 2 });
  // Of 40,000: 50 rows of two canaries, and what a sort of equal slots reads ahead.
  expect(read).toHaveLength(1);
  expect(read[0]).toBeGreaterThanOrEqual(50);
  expect(read[0]).toBeLessThan(200);
});
