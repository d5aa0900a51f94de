import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../../src/contracts/observer.ts';
import file from '../../src/observers/file.ts';
import { observerConformance } from '../conformance/observer.ts';
import { collect, create, lineOf, lookOf, PREFIX, realContext } from '../support/observing.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'coalmine-follow-'));
  path = join(dir, 'auth.log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const handlesIn = (where: string): number =>
  readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(where);
    } catch {
      return false;
    }
  }).length;

observerConformance({
  name: 'file',
  definition: file,
  by: 'follow',
  rig: async () => {
    const where = mkdtempSync(join(tmpdir(), 'coalmine-follow-'));
    const log = join(where, 'auth.log');
    writeFileSync(log, '');
    return {
      settings: { path: log },
      put: async records => appendFileSync(log, records.map(r => `${r.text}\nnoise\n`).join('')),
      open: () => handlesIn(where),
      close: async () => rmSync(where, { recursive: true, force: true }),
    };
  },
});

/** A follower that keeps its cursor, as the engine does: through JSON. */
const follower = async (settings: object = {}, ctx = realContext()) => {
  const observer = await create(file, { path, ...settings }, ctx);
  let cursor: Json | undefined;
  return async (over: object = {}) => {
    const looked = await collect(
      observer,
      lookOf({ by: 'follow', fromMs: 0, ...(cursor === undefined ? {} : { cursor }), ...over }),
    );
    cursor = looked.cursor;
    return looked;
  };
};
const append = (...ns: number[]) => appendFileSync(path, ns.map(n => `${lineOf(n)}\n`).join(''));
const lines = (...ns: number[]) => ns.map(lineOf);
const rotate = () => {
  for (let i = 30; i > 0; i--) if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`);
  if (existsSync(path)) renameSync(path, `${path}.1`);
};

describe('rotation by renaming', () => {
  test('the old file is finished before the new one, through several rotations', async () => {
    append(1);
    const look = await follower();
    expect((await look()).texts).toEqual(lines(1));
    append(2);
    rotate();
    append(3);
    rotate();
    append(4, 5);
    rotate();
    append(6);
    const found = await look();
    expect(found.texts).toEqual(lines(2, 3, 4, 5, 6));
    expect(found.end).toEqual({ end: 'exhausted' });
    expect((await look()).texts).toEqual([]);
  });

  test('dated names; what a writer still adds to the renamed file', async () => {
    append(1);
    const look = await follower();
    await look();
    renameSync(path, `${path}-20240101`);
    append(2);
    expect((await look()).texts).toEqual(lines(2));
    appendFileSync(`${path}-20240101`, `${lineOf(3)}\n`);
    expect(await look()).toMatchObject({ texts: lines(3), end: { end: 'exhausted' } });
  });

  test('other logs beside it are not its siblings', async () => {
    append(1);
    for (const name of ['auth.log.pos', 'auth.log-other.log', 'xauth.log', 'auth.logs.1'])
      writeFileSync(join(dir, name), `${lineOf(9)}\n`);
    const look = await follower();
    expect(await look()).toMatchObject({ texts: lines(1), end: { end: 'exhausted' } });
    expect((await look()).texts).toEqual([]);
  });

  test('compressed before it was read: a gap from the last whole look to now', async () => {
    let now = 1000;
    const look = await follower({}, realContext({ clock: { ...realContext().clock, now: () => now } }));
    append(1);
    await look();
    now = 2000;
    append(2);
    rotate();
    writeFileSync(`${path}.1.gz`, gzipSync('x'));
    unlinkSync(`${path}.1`);
    append(3);
    const found = await look();
    expect(found.texts).toEqual(lines(3));
    expect(found.end).toMatchObject({
      end: 'exhausted',
      gap: { fromMs: 1000, toMs: 2000, reason: expect.stringContaining('compressed') },
    });
    expect((await look()).end).toEqual({ end: 'exhausted' });
  });

  test('compressed long after it was read: no gap', async () => {
    append(1);
    const look = await follower();
    await look();
    rotate();
    append(2);
    await look();
    await look();
    unlinkSync(`${path}.1`);
    expect((await look()).end).toEqual({ end: 'exhausted' });
  });

  test('an unfinished last line of a rotated file counts once nobody has finished it for two looks', async () => {
    appendFileSync(path, lineOf(1));
    const look = await follower();
    await look();
    rotate();
    append(2);
    expect((await look()).texts).toEqual(lines(2));
    await look();
    expect((await look()).texts).toEqual(lines(1));
    expect((await look()).texts).toEqual([]);
  });
});

describe('copy and truncate', () => {
  const copyTruncate = (copy = `${path}.1`) => {
    copyFileSync(path, copy);
    truncateSync(path);
  };
  test('goes on in the copy', async () => {
    append(1);
    const look = await follower();
    await look();
    append(2);
    copyTruncate();
    append(3);
    expect(await look()).toMatchObject({ texts: lines(2, 3), end: { end: 'exhausted' } });
    expect((await look()).texts).toEqual([]);
  });
  test('a copy that is not truncated yet is not read twice', async () => {
    append(1);
    const look = await follower();
    await look();
    append(2);
    copyFileSync(path, `${path}.1`);
    append(3);
    expect((await look()).texts).toEqual(lines(2, 3));
    truncateSync(path);
    append(4);
    expect((await look()).texts).toEqual(lines(4));
  });
  test('grown again beyond where it was, the copy gone: from the start, with a gap', async () => {
    append(1);
    const look = await follower();
    await look();
    copyTruncate(join(dir, 'elsewhere'));
    append(2, 3, 4);
    const found = await look();
    expect(found.texts).toEqual(lines(2, 3, 4));
    expect(found.end.gap?.reason).toContain('truncated');
  });
  test('a gap is told until a look has reached the end', async () => {
    append(1);
    const look = await follower();
    await look();
    copyTruncate(join(dir, 'elsewhere'));
    append(2, 3, 4);
    const limits = { records: 1, bytes: 1e6 };
    expect((await look({ limits })).end).toMatchObject({ end: 'truncated', gap: {} });
    const rest = await look();
    expect(rest).toMatchObject({ texts: lines(3, 4), end: { end: 'exhausted', gap: {} } });
    expect((await look()).end).toEqual({ end: 'exhausted' });
  });
});

const copyRotate = () => {
  for (let i = 30; i > 0; i--) if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`);
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
};
const compressOldest = () => {
  const oldest = readdirSync(dir)
    .filter(name => /\.\d+$/.test(name))
    .sort((a, b) => Number(b.split('.').at(-1)) - Number(a.split('.').at(-1)))[0];
  if (oldest) {
    writeFileSync(join(dir, `${oldest}.gz`), gzipSync('x'));
    unlinkSync(join(dir, oldest));
  }
};

/** The empty file that was seen is gone, and a later one may stand in its inode. */
const INODE_USED_AGAIN = [
  { do: 'append', count: 1 } as const,
  { do: 'rotate' } as const,
  { do: 'compress' } as const,
  { do: 'rotate' } as const,
  { do: 'rotate' } as const,
];

test.each(['rename', 'copy'] as const)(
  'any interleaving (%s): every whole line is found once, or lies in a gap that is told',
  async kind => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.integer({ min: 1, max: 4 }).map(count => ({ do: 'append' as const, count })),
      },
      { weight: 2, arbitrary: fc.constant({ do: 'partial' as const }) },
      {
        weight: 4,
        arbitrary: fc.integer({ min: 1, max: 9 }).map(records => ({ do: 'look' as const, records })),
      },
      { weight: 2, arbitrary: fc.constant({ do: 'rotate' as const }) },
      { weight: 1, arbitrary: fc.constant({ do: 'compress' as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        for (const name of readdirSync(dir)) rmSync(join(dir, name));
        writeFileSync(path, '');
        let now = 1;
        const look = await follower({}, realContext({ clock: { ...realContext().clock, now: () => now } }));
        const found: string[] = [];
        const written = new Map<string, number>();
        const gaps: { fromMs: number; toMs: number }[] = [];
        let compressed = false;
        let open = '';
        const looked = async (records: number) => {
          const { texts, end } = await look({ limits: { bytes: 1e9, records } });
          found.push(...texts);
          if (end.gap) gaps.push(end.gap);
          return end.end;
        };
        // No line begins like another, as time stamps see to.
        const next = () => `${written.size + (open ? 1 : 0)} ${lineOf(written.size)}`;
        const write = (line: string, from = 0) => {
          appendFileSync(path, `${line.slice(from)}\n`);
          written.set(line, now);
        };
        const finish = () => {
          if (open) write(open, 20);
          open = '';
        };
        expect(await looked(1e6)).toBe('exhausted');
        for (const s of steps) {
          now += 1;
          // A writer finishes its line before anything else happens to the file, looks excepted.
          if (s.do !== 'look' && s.do !== 'partial') finish();
          if (s.do === 'append') for (let i = 0; i < s.count; i++) write(next());
          if (s.do === 'partial' && !open) {
            open = next();
            appendFileSync(path, open.slice(0, 20));
          }
          if (s.do === 'look') await looked(s.records);
          if (s.do === 'rotate' && kind === 'copy') copyRotate();
          if (s.do === 'rotate' && kind === 'rename') {
            rotate();
            writeFileSync(path, '');
          }
          if (s.do === 'compress') {
            compressed = true;
            compressOldest();
          }
        }
        now += 1;
        finish();
        while ((await looked(5)) !== 'exhausted');
        expect(new Set(found).size, 'nothing twice').toBe(found.length);
        expect(found.filter(l => !written.has(l))).toEqual([]);
        const missing = [...written].filter(([line]) => !found.includes(line));
        for (const [line, at] of missing) {
          expect(
            gaps.some(g => g.fromMs <= at && at <= g.toMs),
            `${line} is missing, and in none of the gaps`,
          ).toBe(true);
        }
        if (!compressed) expect({ missing, gaps }).toEqual({ missing: [], gaps: [] });
      }),
      { numRuns: 80, examples: [[INODE_USED_AGAIN]] },
    );
  },
);

test('rotated while it is being opened and read: nothing lost, nothing twice, no gap', async () => {
  for (let round = 0; round < 25; round++) {
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    const look = await follower();
    const found: string[] = [];
    append(0);
    found.push(...(await look()).texts);
    let n = 1;
    const rotating = async () => {
      for (let i = 0; i < 8; i++) {
        for (let k = (round * 7 + i * 3) % 9; k >= 0; k--) await turn();
        append(n++);
        rotate();
        append(n++);
      }
    };
    const ends: unknown[] = [];
    const looking = async () => {
      for (let i = 0; i < 8; i++) {
        const { texts, end } = await look();
        found.push(...texts);
        if (end.end !== 'failed' || end.gap) ends.push(end);
      }
    };
    await Promise.all([rotating(), looking()]);
    const { texts, end } = await look();
    found.push(...texts);
    expect(new Set([...ends, end].map(e => JSON.stringify(e)))).toEqual(new Set(['{"end":"exhausted"}']));
    expect([...found].sort()).toEqual(lines(...Array.from({ length: n }, (_, i) => i)).sort());
  }
});

describe('what it reads', () => {
  test('only whole lines, as of the beginning of the look', async () => {
    appendFileSync(path, `${lineOf(1)}\r\n${lineOf(2)}`);
    const look = await follower();
    expect(await look()).toMatchObject({ texts: lines(1), end: { end: 'exhausted' } });
    appendFileSync(path, '\n');
    expect((await look()).texts).toEqual(lines(2));
  });

  test('a limit stops it at a line, and the next look goes on there', async () => {
    append(1, 2, 3, 4, 5);
    const look = await follower();
    const limits = { records: 2, bytes: 1e6 };
    expect(await look({ limits })).toMatchObject({ texts: lines(1, 2), end: { end: 'truncated' } });
    expect((await look({ limits })).texts).toEqual(lines(3, 4));
    expect(await look({ limits })).toMatchObject({ texts: lines(5), end: { end: 'exhausted' } });
  });

  test('no more bytes in one look than allowed', async () => {
    for (let i = 0; i < 4; i++) {
      append(i);
      appendFileSync(path, `${'x'.repeat(999)}\n`.repeat(1000));
    }
    const look = await follower({ read_bytes_max: 1_048_576 });
    const found = [];
    let looks = 0;
    for (let end = 'truncated'; end === 'truncated'; looks++) {
      const { texts, end: ended } = await look();
      found.push(...texts);
      end = ended.end;
    }
    expect(found).toEqual(lines(0, 1, 2, 3));
    expect(looks).toBeGreaterThan(1);
  });

  test('bytes that are not UTF-8 do not hide a line', async () => {
    writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xfe, 0x80]), Buffer.from(`${lineOf(1)}\n`)]));
    const { texts } = await (await follower())();
    expect(texts).toEqual([`\ufffd\ufffd\ufffd${lineOf(1)}`]);
  });

  test('an overlong line, even an unfinished one, hides nothing and shows nothing twice', async () => {
    writeFileSync(path, `${'x'.repeat(1_500_000)} ${lineOf(1)} ${'y'.repeat(1_500_000)} ${lineOf(2)}`);
    appendFileSync(path, 'z'.repeat(5000));
    const { texts } = await (await follower({ line_bytes_max: 1024 }))();
    expect(texts.join('').split(PREFIX).length - 1).toBe(2);
    for (const n of [1, 2]) expect(texts.join('')).toContain(lineOf(n).slice(lineOf(n).indexOf(PREFIX)));
  });

  test('the first look of a large file starts 64 MiB before its end, at a line, and says so', async () => {
    append(1);
    truncateSync(path, 80 * 1_048_576);
    appendFileSync(path, '\n');
    append(2);
    const found = await (await follower())();
    expect(found.texts).toHaveLength(1);
    expect(found.texts[0]).toBe(lineOf(2));
    expect(found.end).toMatchObject({
      end: 'exhausted',
      gap: { fromMs: 0, reason: expect.stringContaining('64 MiB') },
    });
  });

  test('the first look leaves rotated files alone, and says so', async () => {
    writeFileSync(`${path}.1`, `${lineOf(1)}\n`);
    append(2);
    const look = await follower();
    const found = await look();
    expect(found).toMatchObject({ texts: lines(2), end: { end: 'exhausted', gap: { fromMs: 0 } } });
    expect(await look()).toMatchObject({ texts: [], end: { end: 'exhausted' } });
  });
});

describe('what fails', () => {
  test('a missing file, and the next look finds it', async () => {
    const look = await follower();
    expect((await look()).end).toMatchObject({ end: 'failed', reason: expect.stringContaining('no file') });
    append(1);
    expect((await look()).texts).toEqual(lines(1));
  });
  test('a directory, a strange cursor', async () => {
    expect((await collect(await create(file, { path: dir }), lookOf({ by: 'follow' }))).end.end).toBe(
      'failed',
    );
    append(1);
    const strange = await collect(
      await create(file, { path }),
      lookOf({ by: 'follow', cursor: { partitions: [1] } }),
    );
    expect(strange).toMatchObject({ texts: [], end: { end: 'failed' } });
  });
});

describe('records without a token', () => {
  test('are read where `containing` says what they hold, and only those', async () => {
    const record = '{"event":"grant.success","tokenId":"V1StGXR8_Z5jdHi6B-myT"}';
    writeFileSync(path, `noise\n${record}\n{"event":"grant.error"}\n`);
    const named = await follower({ containing: '"grant.success"' });
    expect((await named()).records.map(r => r.text)).toEqual([record]);
    const usual = await follower();
    expect((await usual()).records).toEqual([]);
  });
});
