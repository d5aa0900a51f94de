/** Commands that people are told to hunt with: run by a real shell, on real files and against a real server. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import file from '../../src/observers/file.ts';
import http from '../../src/observers/http.ts';
import receive from '../../src/observers/receive.ts';
import { create, lookOf, PREFIX, realContext, T0 } from '../support/observing.ts';

const HOSTILE = [
  'plain',
  "o'neil",
  'a b',
  'line\nfeed',
  '$(touch pwned)',
  '`touch pwned`',
  '"; touch pwned; "',
  "'; touch pwned; '",
  '-rf',
  '*',
  '[a]?',
  'back\\slash',
  '$HOME $IFS !! # ~ & | <',
];
const RANGE = { fromMs: T0, toMs: T0 + 60_000 };
const sh = async (command: string, env: Readonly<Record<string, string>> = {}, cwd?: string) =>
  await promisify(execFile)('sh', ['-c', command], {
    env: { PATH: process.env.PATH ?? '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'coalmine-hunt-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('file', () => {
  const commandOf = async (path: string, range = RANGE) => (await create(file, { path })).hunt?.(range) ?? '';
  const shown = async (path: string, range = RANGE) =>
    (await sh(await commandOf(path, range), {}, dir)).stdout.split('\n').filter(l => l !== '');

  test.each(HOSTILE)(
    'finds the real events in %j and what was rotated from it, and runs nothing else',
    async name => {
      const where = join(dir, `dir ${name}`);
      mkdirSync(where);
      const path = join(where, name);
      writeFileSync(path, '2023-11-14T22:13:21Z live\n2023-10-01T00:00:00Z old\n');
      writeFileSync(`${path}.1`, 'Nov 14 22:13:30 host sshd: renamed\n');
      writeFileSync(`${path}-20231115.gz`, gzipSync('[14/Nov/2023:22:13:40 +0000] packed\n'));
      writeFileSync(`${path}.bak`, 'type=USER_LOGIN msg=audit(1700000030.123:1) audit\n');
      writeFileSync(`${path}x`, '2023-11-14T22:13:21Z somebody else\n');
      const found = await shown(path);
      expect(found.map(l => l.split(' ').at(-1)).sort()).toEqual(['audit', 'live', 'packed', 'renamed']);
      expect([...readdirSync(dir), ...readdirSync(where)]).not.toContain('pwned');
    },
  );

  test('a relative path, and one that begins like an option', async () => {
    mkdirSync(join(dir, '-name'));
    writeFileSync(join(dir, '-name', 'log'), '2023-11-14 22:13 a\n');
    expect(await shown('-name/log')).toEqual(['2023-11-14 22:13 a']);
    writeFileSync(join(dir, 'log'), '2023-11-14 22:13 b\n');
    expect(await shown('log')).toEqual(['2023-11-14 22:13 b']);
  });

  test('bytes that are no text hide nothing', async () => {
    const path = join(dir, 'log');
    writeFileSync(path, Buffer.concat([Buffer.from([0, 0xff, 0xfe, 10]), Buffer.from('2023-11-14 x\n')]));
    expect(await shown(path)).toEqual(['2023-11-14 x']);
  });

  test('no moment of the window is missed, whatever the time zone and the style of the stamps', async () => {
    const path = join(dir, 'log');
    const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
    const stamped = (ms: number, zoneMin: number): string[] => {
      const d = new Date(ms + zoneMin * 60_000);
      const [y, m, day] = [d.getUTCFullYear(), months[d.getUTCMonth()], d.getUTCDate()];
      const two = String(day).padStart(2, '0');
      return [
        d.toISOString().slice(0, 23),
        `${m} ${String(day).padStart(2, ' ')} 01:02:03 host`,
        `[${two}/${m}/${y}:01:02:03]`,
        `Mon, ${two} ${m} ${y} 01:02:03`,
        `${y}/${d.toISOString().slice(5, 10).replace('-', '/')} 01:02`,
        `${Math.floor(ms / 1000)}.5`,
        `{"t":${ms}}`,
      ];
    };
    const plan = fc.record({
      fromMs: fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2040, 0) }),
      lastsMs: fc.oneof(fc.integer({ min: 1, max: 3_600_000 }), fc.integer({ min: 1, max: 40 * 86_400_000 })),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      zoneMin: fc.integer({ min: -48, max: 56 }).map(q => q * 15),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ fromMs, lastsMs, part, zoneMin }) => {
        const lines = stamped(Math.floor(fromMs + part * lastsMs), zoneMin);
        writeFileSync(path, `${lines.join('\n')}\n`);
        expect(await shown(path, { fromMs, toMs: fromMs + lastsMs })).toEqual(lines);
      }),
      { numRuns: 150 },
    );
  });

  test('goes by the day where it can, and says what it does', async () => {
    const path = join(dir, 'log');
    writeFileSync(path, '2023-11-12 before\n2023-11-17 after\nNov 1 x\nNov 144 x\n1690000000 x\n');
    expect(await sh(`${await commandOf(path)} || true`)).toMatchObject({ stdout: '' });
    expect(await commandOf(path)).toContain('other stamps are not shown');
    expect(await commandOf(path, { fromMs: T0, toMs: T0 + 40 * 86_400_000 })).toContain('All lines');
  });
});

describe('http', () => {
  /** What a shell hands to curl, word by word. */
  const wordsOf = async (command: string, env: Readonly<Record<string, string>> = {}) => {
    const { stdout } = await sh(`curl() { for w do printf '%s\\0' "$w"; done; }; ${command}`, env, dir);
    expect(readdirSync(dir)).toEqual([]);
    return stdout.split('\0').slice(0, -1);
  };
  const BASE = { records: 'hits', page_size: 10 };
  const huntOf = async (settings: object, range = RANGE) =>
    (await create(http, { ...BASE, ...settings })).hunt?.(range) ?? '';

  /** What `curl` words mean, by curl's manual; throws for others. */
  const meant = (words: readonly string[]) => {
    const out = { method: '', url: '', user: '', body: undefined as string | undefined };
    const headers: Record<string, string> = {};
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      if (word === '-sSg') continue;
      if (word === '-X') out.method = words[++i]!;
      else if (word === '-u') out.user = words[++i]!;
      else if (word === '--data-raw') out.body = words[++i]!;
      else if (word === '-H') {
        const [, name, value] = /^([^:]+): (.*)$/s.exec(words[++i]!)!;
        headers[name!.toLowerCase()] = value!;
      } else if (word.startsWith('http')) out.url = word;
      else throw new Error(`curl was given ${word}`);
    }
    return { ...out, headers };
  };
  /** What the observer itself asks first. */
  const asked = async (settings: object) => {
    const calls: Request[] = [];
    const fetch = async (url: unknown, init?: RequestInit) => {
      calls.push(new Request(url as string, init));
      return new Response('{"hits":[]}');
    };
    const observer = await create(
      http,
      { ...BASE, ...settings },
      realContext({ fetch: fetch as typeof globalThis.fetch }),
    );
    for await (const _ of observer.observe!(lookOf(RANGE), new AbortController().signal));
    return calls[0]!;
  };

  test.each(HOSTILE)('a shell hands on %j as the observer itself asks it', async text => {
    const settings = [
      {
        url: `http://s.test/s?q=${text.replace(/[\s#]/g, '_')}&from={{from_iso}}&to={{to_ns}}&p={{prefix}}&n={{page_size}}`,
      },
      {
        url: 'http://s.test/s',
        method: 'POST',
        body: { q: text, from: '{{from_ms}}', [text]: ['{{to_s}}'] },
      },
      { url: 'http://s.test/s', method: 'POST', body: `select ${text} {{from_ms}}` },
    ];
    for (const s of settings) {
      const got = meant(await wordsOf(await huntOf(s)));
      const wanted = await asked(s);
      expect({ method: got.method, url: got.url, body: got.body ?? '' }).toEqual({
        method: wanted.method,
        url: wanted.url,
        body: await wanted.text(),
      });
      expect(got.headers['content-type'] ?? null).toBe(wanted.headers.get('content-type'));
    }
  });

  test('the first page, in every way to page', async () => {
    const ways = [
      { url: 'http://s.test/s?f={{from_ms}}&c={{cursor}}', paging: { kind: 'cursor', path: 'next' } },
      { url: 'http://s.test/s?f={{from_ms}}&o={{offset}}', paging: { kind: 'offset' } },
      { url: 'http://s.test/s?f={{from_ms}}&p={{page}}', paging: { kind: 'offset', first_page: 1 } },
      { url: 'http://s.test/s?f={{from_ms}}', paging: { kind: 'link' } },
    ];
    for (const s of ways) {
      const hunt = await huntOf(s);
      expect(meant(await wordsOf(hunt)).url).toBe((await asked(s)).url);
      expect(hunt).toContain('first page only');
    }
    expect(await huntOf({ url: 'http://s.test/s?f={{from_ms}}' })).toMatch(/^curl /);
  });

  test('says where only canaries are asked for, and where the time is that of ingest', async () => {
    expect(await huntOf({ url: `http://s.test/s?q={{prefix}}` })).toContain(`asks for ${PREFIX}`);
    expect(await huntOf({ url: 'http://s.test/s', by: { ingest: true } })).toContain('that of ingest');
    const both = { url: 'http://s.test/s?f={{time_field}}', by: { event: '@timestamp', ingest: 'taken' } };
    expect(meant(await wordsOf(await huntOf(both))).url).toBe('http://s.test/s?f=%40timestamp');
  });

  const SECRET = 'hunter2,hunter2;x';
  test.each<[string, object]>([
    [
      'a header',
      { headers: { Authorization: `Bearer ${SECRET}`, 'x-scope-orgid': SECRET, 'DD-API-KEY': SECRET } },
    ],
    ['a header called like a variable of the shell', { headers: { Path: SECRET, IFS: SECRET } }],
    ['the address', { url: `http://me:${encodeURIComponent(SECRET)}@s.test/s` }],
    ['a parameter', { url: `http://auth.test:81/s?api_key=${SECRET}&q=a&sig=${SECRET}` }],
    [
      'JSON',
      {
        method: 'POST',
        body: { apiKey: SECRET, deep: [{ session: { id: [SECRET] } }], q: `token=${SECRET}` },
      },
    ],
    [
      'a form',
      {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `a=b&password=${SECRET}&c=d`,
      },
    ],
    [
      'JSON as text',
      { method: 'POST', body: `{"client_secret": "${SECRET}\\"${SECRET}", "q": "{{prefix}}"}` },
    ],
    ['text', { method: 'POST', body: `authorization: Bearer ${SECRET}\nq` }],
    ['SQL', { method: 'POST', body: `select 1 where pwd = 'a''${SECRET}'` }],
  ])('a secret in %s is a variable that must be set', async (_, settings) => {
    const hunt = await huntOf({ url: 'http://s.test/s', ...settings });
    expect(hunt).not.toMatch(/hunter2/i);
    const names = [...hunt.matchAll(/"\$\{(\w+):\?\}"/g)].map(m => m[1]!);
    expect(names.length).toBeGreaterThan(0);
    expect(new Set(names).size).toBe(names.length);
    expect(names.every(n => n.startsWith('HUNT_'))).toBe(true);
    await expect(wordsOf(hunt)).rejects.toThrow(/HUNT_/);
    const words = await wordsOf(hunt, Object.fromEntries(names.map(n => [n, `<${n} $(touch pwned)>`])));
    for (const n of names) expect(words.join('\n')).toContain(`<${n} $(touch pwned)>`);
  });

  test('what a hole holds is no secret, and no mark of ours stands in the settings', async () => {
    const url = 'http://s.test/s?token={{prefix}}&page_token={{cursor}}&hidden0z=hidden0z&key=hiddenx';
    const hunt = await huntOf({ url, paging: { kind: 'cursor', path: 'next' } });
    const { url: got } = meant(await wordsOf(hunt, { HUNT_KEY: 'k' }));
    expect(got).toBe(`http://s.test/s?token=${PREFIX}&hidden0z=hidden0z&key=k`);
  });

  test('headers are those of the observer, once the reader sets what is hidden', async () => {
    const headers = { Authorization: 'Bearer s3cret s3cret', 'X-Scope-OrgID': "o'neil" };
    const url = 'http://s.test/s?a=[1-3]{x,y}&f={{from_iso}}';
    const words = await wordsOf(await huntOf({ url, headers }), {
      HUNT_AUTHORIZATION: 's3cret s3cret',
      HUNT_X_SCOPE_ORGID: "o'neil",
    });
    // Without -g curl would take brackets and braces for a list of addresses.
    expect(words).toContain('-sSg');
    const wanted = await asked({ url, headers });
    expect(meant(words)).toMatchObject({ url: wanted.url, headers: Object.fromEntries(wanted.headers) });
  });
});

test('receive: there is nobody to ask', async () => {
  expect((await create(receive, {})).hunt).toBeUndefined();
});
