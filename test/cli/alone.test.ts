/** The verbs that need a store, on an embedded one that nobody else uses: from the first canary to a copy of the ledger. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const dir = useDirectory();
const data = useDirectory();
const other = useDirectory();
const inDir = (args: readonly string[]) => coalmine(args, { cwd: dir });

/** Nothing ever arrives at the far end of `dead`. */
const config = (dataDir: string, pipelines = ['hello']) =>
  [
    `store: { kind: embedded, data_dir: ${dataDir} }`,
    'listen: 127.0.0.1:1',
    'pipelines:',
    ...pipelines.flatMap(name => [
      `  ${name}:`,
      '    every: 10s',
      '    event: { format: sshd }',
      `    inject: { kind: file, path: ./${name}.log }`,
      '    checkpoints:',
      `      - { name: near, observe: { kind: file, path: ./${name}.log }, on_time_within: 5s, lost_after: 1m }`,
      ...(name === 'dead'
        ? [
            '      - { name: far, observe: { kind: file, path: ./far.log }, on_time_within: 5s, lost_after: 1m }',
          ]
        : []),
    ]),
    '',
  ].join('\n');

// One after the other: each stands on what the one before left.
test('before the first start there is nothing to tell', async () => {
  put(dir, 'coalmine.yaml', config(data, ['hello', 'dead']));
  for (const verb of [['status'], ['export'], ['migrate', '--check']]) {
    const ended = await inDir(verb);
    expect(ended).toMatchObject({ code: 3, err: expect.stringContaining('coalmine run') });
    expectNoStack(ended);
  }
});

test('test: delivered, hop by hop, by this process alone', async () => {
  put(dir, 'hello.log', '');
  const ended = await inDir(['test', 'hello']);
  expect(ended.out).toMatch(
    /^\* hello by this process.*\n> sending by file\n> sent \d+\.\d+\.\d+ to default\n< accepted[\s\S]* {2}near: seen after [\d.]+ m?s\ndelivered everywhere/,
  );
  expect(ended).toMatchObject({ code: 0, err: '' });
  // Nothing but the one canary.
  expect(readFileSync(join(dir, 'hello.log'), 'utf8').match(/coalmine1/g)).toHaveLength(1);
});

test('test: what has not arrived when time is up can’t be told', async () => {
  put(dir, 'far.log', '');
  const ended = await inDir(['test', 'dead', '--timeout', '8s', '--json']);
  const events = ended.out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  expect(events.map(e => e.event).slice(0, 3)).toEqual(['begin', 'sending', 'sent']);
  expect(events.at(-1)).toMatchObject({ event: 'end', result: { exit: 3, result: 'unsettled' } });
  const seen = events.filter(e => e.event === 'hop' && e.hop.seen_at !== null).map(e => e.hop.checkpoint);
  expect(seen).toEqual(['near']);
  expect(ended.code).toBe(3);
});

test('test: refused by the first hop', async () => {
  const refusing = config(data, ['hello', 'dead']).replace(
    'kind: file, path: ./hello.log',
    'kind: syslog, address: "tcp://127.0.0.1:1"',
  );
  const ended = await inDir(['test', 'hello', '-c', put(dir, 'refusing.yaml', refusing)]);
  expect(ended.out).toMatch(/< refused[\s\S]*ECONNREFUSED[\s\S]*\nrefused: the first hop refused it/);
  expect(ended.code).toBe(1);
});

test('test: what is pushed to us is taken for as long as it runs', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  const pushed = config(data, ['hello', 'dead'])
    .replace('127.0.0.1:1', `127.0.0.1:${port}`)
    .replace('kind: file, path: ./hello.log', `kind: http, url: "http://127.0.0.1:${port}/ingest/hello/near"`)
    .replace('kind: file, path: ./hello.log', 'kind: receive');
  const ended = await inDir(['test', 'hello', '-c', put(dir, 'pushed.yaml', pushed)]);
  expect(ended.out).toMatch(/> sending by http[\s\S]*near: seen after/);
  expect(ended).toMatchObject({ code: 0, err: '' });
});

test('status and doctor on a store at rest', async () => {
  const status = await inDir(['status', '--json']);
  expect(JSON.parse(status.out).data.map((p: { name: string }) => p.name)).toEqual(['hello', 'dead']);
  expect(status.code).toBe(3);
  const text = await inDir(['status', 'hello']);
  expect(text.out).toMatch(/^hello: (silent|blind|not yet proven)/);
  const doctor = await inDir(['doctor', '--json']);
  const { findings } = JSON.parse(doctor.out);
  expect(
    findings.filter((f: { level: string }) => f.level === 'ok').map((f: { check: string }) => f.check),
  ).toEqual(
    expect.arrayContaining(['node', 'store', 'clock', 'tables', 'checkpoint hello/near', 'inject hello']),
  );
});

test('keys: the one that the store drew verifies its tokens', async () => {
  const token = /coalmine1[a-z2-7]{40}/.exec(readFileSync(join(dir, 'hello.log'), 'utf8'))?.[0] ?? '';
  const list = JSON.parse((await inDir(['keys', 'list', '--json'])).out);
  expect(list).toMatchObject({
    from: join(data, 'signing-key'),
    keys: [{ signs: true }],
    store: { epochs: [1] },
  });
  const key = readFileSync(join(data, 'signing-key'), 'utf8').trim();
  const verified = await inDir(['keys', 'verify', token, '--json']);
  expect(JSON.parse(verified.out)).toMatchObject([
    { verdict: 'valid', epoch: 1, key: list.keys[0].fingerprint },
  ]);
  expect(`${JSON.stringify(list)}${verified.out}`).not.toContain(key);
  expect(list.keys[0].fingerprint).toBe(
    createHash('sha256').update(`coalmine key fingerprint\0${key}`).digest('hex').slice(0, 12),
  );
  expect(
    (await inDir(['keys', 'verify', `${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`])).code,
  ).toBe(1);
  expect((await inDir(['scan', 'hello.log'])).code).toBe(0);
});

test('export: whole, compressed by its name, never over another', async () => {
  const done = await inDir(['export', '--out', 'ledger.ndjson.gz', '--json']);
  expect(done.code).toBe(0);
  const lines = gunzipSync(readFileSync(join(dir, 'ledger.ndjson.gz')))
    .toString()
    .trimEnd()
    .split('\n');
  expect(JSON.parse(done.out)).toMatchObject({ file: 'ledger.ndjson.gz', rows: lines.length - 2 });
  expect((await inDir(['export', '--out', 'ledger.ndjson.gz'])).code).toBe(2);
  const noWay = await inDir(['export', '--out', 'no/such/folder/l.ndjson']);
  expect(noWay.code).toBe(1);
  expectNoStack(noWay);
});

test('import: a spoiled file changes nothing, a whole one begins a new epoch', async () => {
  writeFileSync(join(dir, 'copy.yaml'), config(other, ['hello', 'dead']));
  const store = useCopy();
  const whole = gunzipSync(readFileSync(join(dir, 'ledger.ndjson.gz')));
  put(dir, 'cut.gz', gzipSync(whole.subarray(0, whole.length - 100)));
  const cut = await inDir(['import', 'cut.gz', '-c', store]);
  expect(cut).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was imported') });
  expectNoStack(cut);
  const done = await inDir(['import', 'ledger.ndjson.gz', '-c', store, '--json']);
  expect(JSON.parse(done.out)).toMatchObject({ epochs: [1, 2] });
  expect(done.code).toBe(0);
  const again = await inDir(['import', 'ledger.ndjson.gz', '-c', store]);
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining('empty store') });
});

const third = useDirectory();
function useCopy(): string {
  put(dir, 'copy.yaml', config(third, ['hello', 'dead']));
  return 'copy.yaml';
}

test('migrate: nothing to do, and a declared restore', async () => {
  expect(await inDir(['migrate', '--check'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('nothing to do'),
  });
  const declared = await inDir(['migrate', '--new-epoch', '--json']);
  expect(JSON.parse(declared.out)).toMatchObject({ epochs: [1, 2] });
  // What the life before signed still verifies.
  appendFileSync(join(dir, 'hello.log'), '\n');
  expect((await inDir(['scan', 'hello.log'])).code).toBe(0);
});
