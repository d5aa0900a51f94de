/** `coalmine report` beside a coalmine that runs: what it writes, where, and what its exit code says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { momentOf } from '../../src/cli/lib/moment.ts';
import { parseConfig } from '../../src/config/load.ts';
import { registry } from '../../src/registry.gen.ts';
import { type NodeHandle, startNode } from '../../src/runtimes/node.ts';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const dir = useDirectory();
const data = useDirectory();
const report = (...args: string[]) => coalmine(['report', ...args], { cwd: dir });
let node: NodeHandle;

const yaml = [
  `store: { kind: embedded, data_dir: ${data} }`,
  'listen: 127.0.0.1:0',
  'signing_keys: [0123456789abcdef0123456789abcdef]',
  'pipelines:',
  '  hello:',
  '    title: Hello → file',
  '    every: 1s',
  '    targets: [web-1]',
  '    event: { format: sshd }',
  `    inject: { kind: file, path: ${dir}/hello.log }`,
  `    checkpoints: [{ name: end, observe: { kind: file, path: ${dir}/hello.log }, on_time_within: 1s, lost_after: 2s }]`,
  '',
].join('\n');

beforeAll(async () => {
  put(dir, 'hello.log', '');
  writeFileSync(join(dir, 'coalmine.yaml'), yaml);
  const { config } = parseConfig(yaml, { file: 'coalmine.yaml', env: {}, registry });
  node = await startNode({ config: config!, registry, log: () => {}, version: 'test' });
  const endMs = performance.now() + 20_000;
  const { sql } = node.running.engine;
  while (performance.now() < endMs) {
    const [row] = await sql`select 1 from mark where counts ? 'on_time' limit 1`;
    if (row) break;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}, 60_000);
afterAll(() => node?.close());

test('a report of the last hour, as Markdown, on standard output', async () => {
  const ended = await report('--since', '1h');
  expect(ended).toMatchObject({ code: 0, err: '' });
  expect(ended.out).toMatch(/^# Completeness of logs: Hello → file\n/);
  expect(ended.out).toContain('No incident of loss is on record for the period.');
});

test('as --out is named, and never over a file that is there', async () => {
  expect(await report('--out', 'r.html')).toMatchObject({ code: 0, out: '' });
  const page = readFileSync(join(dir, 'r.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>/);
  expect(await report('--out', 'r.html')).toMatchObject({ code: 2, err: expect.stringContaining('--force') });
  expect(await report('--out', 'r.html', '--format', 'md', '--force')).toMatchObject({ code: 0 });
  expect(readFileSync(join(dir, 'r.html'), 'utf8')).toMatch(/^# Completeness/);
});

test('for programs', async () => {
  const { out, code } = await report('--pipeline', 'hello', '--json');
  expect(code).toBe(0);
  const told = JSON.parse(out);
  expect(told).toMatchObject({
    incidents: [],
    troubles: [],
    record: { ok: true },
    pipelines: [{ name: 'hello' }],
  });
  expect(told.pipelines[0].checkpoints[0].counts.on_time).toBeGreaterThan(0);
  expect(out).not.toMatch(/"[a-z]+[A-Z]\w*":/);
});

test('before anything was: it can’t tell', async () => {
  expect(await report('--since', '2020-01-01', '--until', '2020-01-02')).toMatchObject({ code: 3, err: '' });
});

test('the record: nothing sealed yet, then sealed, then edited', async () => {
  const { sql } = node.running.engine;
  const first = await report('--verify');
  // An hour may have ended meanwhile.
  const isSealed = first.out.includes('Newest link');
  expect(first.code).toBe(isSealed ? 0 : 3);
  expect(first.out).toMatch(isSealed ? /The record verifies/ : /Nothing is sealed yet/);
  // An hour as the ledger would have sealed it, and a hand in it.
  await sql`insert into rollup (pipeline, checkpoint, hour_ms, counts, sealed) values (1, 1, 3600000, '{"on_time": 1}', true)`;
  const ended = await report('--verify', '--json');
  expect(ended.code).toBe(1);
  expect(JSON.parse(ended.out)).toMatchObject({
    ok: false,
    chains: [{ broken: [{ checkpoint: 'end', hour_ms: 3_600_000 }] }],
  });
  await sql`delete from rollup where hour_ms = 3600000`;
  const head = await report('--verify', '--head', 'ab'.repeat(32));
  expect(head).toMatchObject({ code: 1, out: expect.stringContaining('in none of the chains') });
});

const MISTAKES: [string[], RegExp][] = [
  [['--format', 'pdf'], /md, html or json, found pdf/],
  [['--json', '--format', 'html'], /--json with --format json/],
  [['--since', 'yesterday'], /30d, or a time such as/],
  [['--since', '2026-02-30'], /found "2026-02-30"/],
  [['--since', '20y'], /at most 10y/],
  [['--since', '2026-01-02', '--until', '2026-01-01'], /--since before --until/],
  [['--head', 'ab'.repeat(32)], /--head only with --verify/],
  [['--verify', '--head', 'abc'], /64 hexadecimal digits/],
  [['--incident', 'x'], /its number, such as 7/],
  [['--incident', '7'], /there is no incident 7/],
  [['--incident', '7', '--verify'], /without --verify/],
  [['--pipeline', 'helo'], /there is no pipeline "helo"/],
];

test('mistakes are told, and nothing is written', async () => {
  const all = await Promise.all(
    MISTAKES.map(async ([args, says]) => ({ args, says, ended: await report(...args) })),
  );
  for (const { args, says, ended } of all) {
    expect(ended.code, args.join(' ')).toBe(2);
    expect(`${ended.out}${ended.err}`).toMatch(says);
    expectNoStack(ended);
  }
});

describe('a moment', () => {
  const before = Date.UTC(2026, 10, 23, 12);
  test.each([
    ['1h', Date.UTC(2026, 10, 23, 11)],
    ['2026-11-01', Date.UTC(2026, 10, 1)],
    ['2026-11-01T14:02', Date.UTC(2026, 10, 1, 14, 2)],
    ['2026-11-01 14:02:03Z', Date.UTC(2026, 10, 1, 14, 2, 3)],
    ['2026-11-01T14:02+02:00', Date.UTC(2026, 10, 1, 12, 2)],
  ])('%s', (given, ms) => expect(momentOf('--since', given, before)).toBe(ms));

  test.each(['', '2026-13-01', '2026-02-30T10:00Z', '2026-11-01T25:00', '-1h', '1h ago'])('not %j', given => {
    expect(() => momentOf('--since', given, before)).toThrow(/--since: expected how long ago/);
  });
});
