/** Known: nothing that is new is ever taken for a re-read, whatever ids and copies a backend gives, and whatever commits fail. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { SeenRecord } from '../../src/contracts/observer.ts';
import { Known } from '../../src/engine/known.ts';
import type { Sighting } from '../../src/engine/sight.ts';
import { useDatabase } from '../support/database.ts';
import { Small, searched, small } from '../support/small.ts';

/** A record is a text of canaries' letters, capital ones when altered; `id` may be anybody's. */
interface Line {
  readonly id: string | undefined;
  readonly text: string;
}
const canariesIn = (text: string): string[] => [...new Set(text.toLowerCase())].filter(c => c >= 'a');
const recordOf = ({ id, text }: Line): SeenRecord => (id === undefined ? { text } : { text, recordId: id });

/** What a sift makes of records: a row for each canary and id, equal texts without an id counted. */
function sightingsOf(records: readonly SeenRecord[]): Sighting[] {
  const out = new Map<string, Sighting>();
  for (const { recordId, text } of records) {
    for (const letter of canariesIn(text)) {
      const key = `${letter} ${recordId ?? ''}`;
      const copies = recordId === undefined ? (out.get(key)?.row.copies ?? 0) + 1 : 1;
      const name = { target: letter.charCodeAt(0), slot: 0, index: 0 };
      const row = {
        ...name,
        kind: 0,
        seen_ms: 0,
        seen_after_ms: null,
        ingested_ms: null,
        record: recordId === undefined ? null : 1,
        copies,
        look: 0,
        integrity: text === text.toLowerCase() ? 0 : 1,
        detail: null,
      };
      const first = out.get(key)?.key ?? recordId ?? text;
      out.set(key, { name, key: first, row, eventMs: null, ingestedMs: null });
    }
  }
  return [...out.values()];
}

const lines = fc.record({
  id: fc.constantFrom(undefined, undefined, 'x', 'y', 'z'),
  text: fc.constantFrom('a', 'b', 'c', 'ab', 'A', '-', 'a'),
});
const pages = fc.array(
  fc.record({ page: fc.array(lines, { maxLength: 5 }), commits: fc.boolean(), held: fc.boolean() }),
  { maxLength: 4 },
);

describe('a record', () => {
  test('is passed over only if the very same one was committed in the look before', () => {
    let passedOver = 0;
    fc.assert(
      fc.property(fc.array(pages, { minLength: 2, maxLength: 6 }), looks => {
        const known = new Known();
        let before = new Set<string>();
        const copies = new Map<string, number>();
        for (const look of looks) {
          const now = new Set<string>();
          let waiting: readonly Sighting[] = [];
          for (const { page, commits, held } of look) {
            const records = page.map(recordOf);
            const { again, rest } = known.part(records);
            const over = records.filter(r => !rest.includes(r));
            passedOver += over.length;
            expect(again.length).toBe(over.length);
            for (const [i, r] of over.entries()) {
              expect(before).toContain(JSON.stringify(r));
              now.add(JSON.stringify(r));
              const letter = String.fromCharCode(again[i]?.name.target ?? 0);
              expect(canariesIn(r.text)).toContain(letter);
              if (r.recordId !== undefined) continue;
              const same = records.filter(o => o.text === r.text && o.recordId === undefined).length;
              expect(copies.get(letter)).toBeGreaterThanOrEqual(same);
            }
            if (!commits) continue;
            for (const r of rest) now.add(JSON.stringify(r));
            const found = sightingsOf(rest);
            for (const { name, row } of found) {
              const letter = String.fromCharCode(name.target);
              copies.set(letter, Math.max(copies.get(letter) ?? 0, row.copies));
            }
            // A page is committed with the one after it, or with the end.
            known.add(waiting);
            waiting = held ? found : [];
            if (!held) known.add(found);
          }
          known.add(waiting);
          known.turn();
          before = now;
        }
      }),
      { numRuns: 1_000 },
    );
    expect(passedOver, 'one that never passes anything over would be right too').toBeGreaterThan(200);
  });

  test('read again and again is judged once', () => {
    const known = new Known();
    const page = [recordOf({ id: 'x', text: 'a' }), recordOf({ id: undefined, text: 'b' })];
    const judged = Array.from({ length: 5 }, () => {
      const { again, rest } = known.part(page);
      known.add(sightingsOf(rest));
      known.turn();
      return [again.length, rest.length];
    });
    expect(judged).toEqual([
      [0, 2],
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 0],
    ]);
  });

  test('altered since under the same id is new', () => {
    const known = new Known();
    known.add(sightingsOf(known.part([recordOf({ id: 'x', text: 'a' })]).rest));
    known.turn();
    expect(known.part([recordOf({ id: 'x', text: 'A' })]).rest).toHaveLength(1);
  });

  test('of more copies than before is new, all of them', () => {
    const known = new Known();
    const copies = (n: number) => Array.from({ length: n }, () => recordOf({ id: undefined, text: 'a' }));
    known.add(sightingsOf(known.part(copies(2)).rest));
    known.turn();
    expect(known.part(copies(3)).rest).toHaveLength(3);
    expect(known.part(copies(1)).again).toHaveLength(1);
  });
});

describe('in a running engine', () => {
  const db = useDatabase();
  let w: Small | undefined;
  afterEach(() => w?.close());

  test('a backend that gives one id to many records: every canary is seen all the same', async () => {
    w = new Small(db.options);
    const { sink } = w;
    await w.start(
      small({
        every: '2s',
        targets: ['a'],
        checkpoints: [searched('sink').replace('record_id: id', 'record_id: host')],
      }),
    );
    const fetch = sink.fetch.bind(sink);
    sink.fetch = async request => {
      const answer = await fetch(request);
      if (!request.url.includes('/search') || answer.status !== 200) return answer;
      const { hits } = (await answer.json()) as { hits: object[] };
      return Response.json({ hits: hits.map(h => ({ ...h, host: 'web-1' })) });
    };
    await w.run(30_000);
    const tally = await w.tally();
    expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
    expect((tally.on_time ?? 0) + (tally.delivered ?? 0)).toBeGreaterThan(8);
  });

  test('a checkpoint whose pages the store doesn’t take holds back no other, and goes on when it does', async () => {
    w = new Small(db.options);
    const { sql } = w;
    const checkpoints = [searched('sink'), searched('other', ', after: source')];
    await w.start(small({ checkpoints, targets: ['a'] }));
    await w.run(4_000);
    await sql.unsafe(`
      create function refuse() returns trigger language plpgsql as 'begin raise exception ''not this one''; end';
      create trigger refuse before insert on sighting for each row
        when (new.checkpoint = ${await numberOf(w, 'sink')}) execute function refuse();`);
    await w.run(30_000);
    const blocked = await w.tally();
    expect(blocked).not.toHaveProperty('lost');
    expect(blocked.pending).toBeGreaterThan(20);
    const other = await w.tally('other');
    expect(Object.keys(other).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
    expect((other.on_time ?? 0) + (other.delivered ?? 0)).toBeGreaterThan(25);
    await sql`drop function refuse() cascade`;
    await w.run(25_000);
    const after = await w.tally();
    expect(Object.keys(after).filter(k => !['on_time', 'delivered', 'late', 'pending'].includes(k))).toEqual(
      [],
    );
    expect(after.pending ?? 0).toBeLessThan(5);
  });
});

async function numberOf(w: Small, name: string): Promise<number> {
  const [row] = await w.sql<{ number: number }[]>`select number from checkpoint where name = ${name}`;
  return row?.number ?? 0;
}
