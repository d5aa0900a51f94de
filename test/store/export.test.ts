import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportLedger } from '../../src/store/export.ts';
import { importLedger } from '../../src/store/import.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { beginNewEpoch, countAlive, readStrangers } from '../../src/store/restored.ts';
import { useDatabase } from '../support/database.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const from = useDatabase();
const into = useDatabase();
let source: Sql;
let copy: Sql;

beforeAll(async () => {
  source = openStore({ ...from.options, max: 3 });
  copy = openStore({ ...into.options, max: 3 });
  await fill(source);
});
afterAll(async () => {
  await source.end({ timeout: 5 });
  await copy.end({ timeout: 5 });
});

/** Rows of every kind: arrays with holes, JSON with everything JSON has, text that must be escaped, large numbers. */
async function fill(sql: Sql): Promise<void> {
  await sql`insert into meta (store_id, epochs, created_ms, seed) values ('store 1', '{1,4}', ${NOW - 1}, 'seed "\\')`;
  await sql`insert into pipeline (id, name, planned_to_ms) values ('a', 'Ä "quoted" \\ 日本', ${NOW}), ('b', 'b', 5)`;
  await sql`delete from pipeline where id = 'a'`;
  await sql`insert into pipeline (id, name, planned_to_ms, round) values ('c', E'tab\tfeed\nend', ${NOW}, 3)`;
  await sql`insert into target (pipeline, name, state, since_ms) values (2, 'web-1', 'active', 1), (2, '', 'drill', 1)`;
  await sql`insert into generation values (2, 1, 'h', '{"n": 12345678901234567890.123, "null": null, "text": "\\u2028 \\""}', 1)`;
  await sql`
    insert into checkpoint (pipeline, number, id, name, watermark, cursor, holder, fence)
    values (2, 1, 'c1', 'c1', '{"wMs": null}', '{"offset": 9007199254740991}', 'gone', 17)`;
  await sql`
    insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets,
                      sendings, first_offs, last_offs, attempts, reasons)
    select 2, ${NOW}::int8 + n, 0, 3, 'planned', 1, ${NOW}::int8 + n, 'me', ${NOW}, ${NOW}, '{1,2}', '{0,null}', '{1,null}', '{1,null}', '{1,0}', null
      from generate_series(1, 2500) n`;
  await sql`
    insert into mark (pipeline, checkpoint, slot, part, next_due_ms, counts, verdicts, seen_offs, notes)
    values (2, 1, ${NOW + 1}, 0, null, '{"on_time": 1}', '{2,0}', '{350,null}', '{"0": {"copies": 2}}')`;
  await sql`
    insert into sighting (pipeline, checkpoint, slot, target, index, seen_ms, look, detail)
    values (2, 1, 9, 1, 0, 9, 9, '"}\\n{\\"table\\":\\"beat\\""'), (2, 1, 9, 1, 0, 9, 9, null), (2, 1, 9, 1, 0, 9, 9, null)`;
  await sql`insert into alias values (2, 'uti-1', 9, 1, 0)`;
  await sql`insert into rollup values (2, 1, 3600000, '{"lost": 1}', '{"zero": 0, "buckets": [[-3, 1]]}')`;
  await sql`insert into replica (self, seen_ms) values ('dead', 1)`;
}

async function exported(sql: Sql): Promise<string> {
  let text = '';
  await exportLedger(sql, NOW, async piece => {
    text += piece;
  });
  return text;
}

const pieces = async function* (text: string, size = 1_000): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield text.slice(i, i + size);
};

/** What a copy must change: its epoch, and with it the plan's round and the declaration. */
const timeless = (text: string): string[] =>
  text
    .split('\n')
    .slice(1, -2)
    .filter(line => !line.includes('"kind":"restored"'))
    .map(line => (line.startsWith('{"table":"pipeline"') ? line.replace(/"round":\d+/, '"round":_') : line));

describe('round trip', () => {
  test('header, rows, and a trailer that holds for them', async () => {
    const lines = (await exported(source)).split('\n');
    const header = JSON.parse(lines[0]!);
    expect(header).toMatchObject({
      coalmine_export: 1,
      store_id: 'store 1',
      epochs: [1, 4],
      seed: 'seed "\\',
    });
    expect(header.tables).not.toContain('replica');
    const trailer = JSON.parse(lines.at(-2)!);
    const before = lines
      .slice(0, -2)
      .map(line => `${line}\n`)
      .join('');
    expect(trailer.rows).toBe(lines.length - 3);
    expect(trailer.sha256).toBe(createHash('sha256').update(before).digest('hex'));
    expect(lines.at(-1)).toBe('');
  });

  test.each<[string, (text: string) => string, RegExp]>([
    ['cut between rows', text => text.slice(0, text.indexOf('\n{"table":"mark"') + 1), /cut off/],
    ['cut inside a row', text => text.slice(0, text.length / 2), /cut off/],
    ['without its trailer', text => text.slice(0, text.lastIndexOf('{"coalmine_export_end"')), /cut off/],
    ['a row left out', text => text.replace(/\{"table":"alias".*\n/, ''), /altered/],
    ['a digit changed', text => text.replace('"committed_ms":1', '"committed_ms":2'), /altered/],
    ['a header changed', text => text.replace('store 1', 'store 2'), /altered/],
    ['something after the end', text => `${text}{"table":"alias","row":{}}\n`, /nothing after/],
    ['an unknown table', text => text.replace('"table":"alias"', '"table":"aliases"'), /hasn’t got/],
    ['a table of ours', text => text.replace('"table":"alias"', '"table":"meta"'), /hasn’t got/],
    ['a row that isn’t JSON', text => text.replace('"alias":"uti-1"', '"alias":uti'), /can’t take/],
    ['a row that doesn’t fit', text => text.replace('"alias":"uti-1"', '"alias":null'), /can’t take/],
    ['a newer format', text => text.replace('"coalmine_export":1', '"coalmine_export":2'), /format 1/],
    ['other migrations', text => text.replace('"hash":"', '"hash":"0'), /migrations/],
    ['nothing', () => '', /coalmine export/],
    ['rubbish', () => '\u0000\u0001 rubbish', /coalmine export/],
  ])('%s: refused, and nothing is changed', async (_, spoil, says) => {
    const text = spoil(await exported(source));
    await expect(importLedger(copy, pieces(text), NOW)).rejects.toThrow(says);
    const [row] =
      await copy`select (select count(*) from beat) + (select count(*) from meta) + (select count(*) from pipeline) as n`;
    expect(row?.n).toBe(0);
  });

  test('what was exported is imported, and exports the same but for its epoch', async () => {
    const text = await exported(source);
    const done = await importLedger(copy, pieces(text, 37), NOW);
    expect(done).toMatchObject({ storeId: 'store 1', epochs: [1, 4, 5], exportedMs: NOW });
    expect(done.tables).toMatchObject({ beat: 2500, sighting: 3, orphan: 0 });
    const again = await exported(copy);
    expect(timeless(again)).toEqual(timeless(text));
    expect(JSON.parse(again.split('\n')[0]!)).toMatchObject({
      store_id: 'store 1',
      epochs: [1, 4, 5],
      created_ms: NOW - 1,
    });
    const rounds = await copy`select round from pipeline order by number`;
    expect(rounds.map(r => r.round)).toEqual([1, 4]);
  });

  test('numbers drawn afterwards are above all that came', async () => {
    const [row] =
      await copy`insert into pipeline (id, name, planned_to_ms) values ('new', 'new', 1) returning number`;
    expect(row?.number).toBe(4);
  });

  test('a store that has something is left alone', async () => {
    await expect(importLedger(copy, pieces(await exported(source)), NOW)).rejects.toThrow(/empty store/);
  });

  test('a store without an identity has nothing to export', async () => {
    await copy`delete from meta`;
    await expect(exported(copy)).rejects.toThrow(/identity/);
  });

  test('others go on writing meanwhile, and the export is of one moment', async () => {
    let text = '';
    let added = false;
    await exportLedger(source, NOW, async piece => {
      text += piece;
      if (added) return;
      added = true;
      await source`insert into alias values (2, 'later', 9, 1, 0)`;
    });
    expect(text).not.toContain('later');
    await source`delete from alias where alias = 'later'`;
  });
});

describe('an older copy of itself', () => {
  test('canaries that nobody here sent, until they are explained', async () => {
    expect(await readStrangers(source)).toEqual([]);
    const seen = (slot: number) => source`insert into orphan values (2, 1, 1, ${slot}, 0, ${NOW + 9})`;
    await seen(5);
    await seen(NOW + 1_000);
    expect(await readStrangers(source)).toEqual([
      { pipeline: 'b', count: 2, first_slot: 5, last_slot: NOW + 1_000, last_seen_ms: NOW + 9, planned: 1 },
    ]);
    const epochs = await source.begin(tx => beginNewEpoch(tx, NOW + 2_000));
    expect(epochs).toEqual([1, 4, 5]);
    expect(await readStrangers(source)).toEqual([]);
    await seen(NOW + 3_000);
    expect(await readStrangers(source)).toHaveLength(1);
  });

  test('who lives is told by the database’s clock', async () => {
    expect(await countAlive(source)).toBe(0);
    await source`insert into replica values ('alive', (extract(epoch from clock_timestamp()) * 1000)::int8)`;
    expect(await countAlive(source)).toBe(1);
  });
});
