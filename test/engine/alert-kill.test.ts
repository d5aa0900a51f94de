/** Law 9 and the outbox's promise under `kill -9`: no notice lost, none out of order, and what comes twice has the same id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Notice, Receipt } from '../../src/contracts/notifier.ts';
import { Bench, draft } from '../support/alerting.ts';
import { useDatabase } from '../support/database.ts';
import { seeded } from '../support/world.ts';

const KILLS = 20;
const CLAIM_MS = 250;
const NAMES = ['security', 'platform'];
const child = resolve(import.meta.dirname, '../support/alert-child.mjs');

interface Arrival {
  readonly notifier: string;
  readonly notice: Notice;
  readonly previous: Receipt | null;
}

const random = seeded(11);
const arrivals: Arrival[] = [];
let onArrival: () => void = () => {};
/** Some answers come late, some never, some say no: what was posted has arrived all the same. */
const far = createServer((request, response) => {
  let body = '';
  request.on('data', chunk => {
    body += chunk;
  });
  request.on('end', () => {
    arrivals.push({ notifier: (request.url ?? '').slice(1), ...JSON.parse(body) });
    onArrival();
    const dice = random();
    setTimeout(() => response.writeHead(dice < 0.05 ? 503 : 204).end(), dice * 20);
  });
});
const db = useDatabase();
let url = '';
let b: Bench;
beforeAll(async () => {
  await new Promise<void>(done => far.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(far.address() as AddressInfo).port}`;
  b = new Bench(db.options);
  await b.empty();
});
afterAll(async () => {
  far.close();
  far.closeAllConnections();
  await b.close();
});

const wait = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

interface Child {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  output: string;
}

/** Whatever became of the test, nobody goes on using the database. */
const children = new Set<Child>();
afterEach(async () => {
  for (const c of children) c.process.kill('SIGKILL');
  await Promise.all([...children].map(c => c.ended));
  children.clear();
});

function start(): Child {
  const args = [child, JSON.stringify(db.options), url, NAMES.join(','), String(CLAIM_MS)];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>(done => process_.on('exit', () => done()));
  const c: Child = { process: process_, ended, ready: ended, output: '' };
  children.add(c);
  const ready = new Promise<void>(done => {
    for (const stream of [process_.stdout, process_.stderr])
      stream?.on('data', (chunk: Buffer) => {
        c.output += chunk;
        if (c.output.includes('READY')) done();
      });
  });
  return Object.assign(c, { ready: Promise.race([ready, ended]) });
}

/** Each incident's events so far. `end` makes it over; until then it grows. */
const told = new Map<number, string[]>();
async function tellSomething(isEnd: boolean): Promise<void> {
  const incident = isEnd
    ? [...told].find(([, events]) => events.at(-1) !== 'resolved')?.[0]
    : random() < 0.5
      ? undefined
      : [...told].findLast(([, events]) => events.at(-1) !== 'resolved')?.[0];
  if (incident === undefined && isEnd) return;
  const number = incident ?? (await b.incident('loss', told.size));
  const events = told.get(number) ?? [];
  const event = events.length === 0 ? 'opened' : isEnd || random() < 0.3 ? 'resolved' : 'worsened';
  told.set(number, [...events, event]);
  await b.tell(number, NAMES, event, draft(event, Date.now()));
}

const waiting = async (): Promise<number> => {
  // Those that failed are due now rather than in minutes: time isn't what is tried here.
  await b.sql`update outbox set next_ms = 0 where state = 'waiting' and claimed_by is null`;
  return (await b.sql`select from outbox where state = 'waiting'`).length;
};

test(`${KILLS} kills in a row over one outbox`, { timeout: 120_000 }, async () => {
  let next = start();
  for (let i = 0; i < KILLS; i++) {
    const c = next;
    await c.ready;
    expect(c.output).toContain('READY');
    for (let n = 0; n < 3; n++) await tellSomething(false);
    await waiting();
    next = start();
    // Every other one dies between a delivery and its commit.
    const arrived = new Promise<void>(done => {
      onArrival = done;
    });
    await Promise.race([wait(random() * 120), ...(i % 2 ? [arrived] : [])]);
    c.process.kill('SIGKILL');
    await c.ended;
    expect(c.output).not.toContain('ERROR');
  }
  await next.ready;
  while ([...told.values()].some(events => events.at(-1) !== 'resolved')) await tellSomething(true);
  for (let i = 0; i < 500 && (await waiting()) > 0; i++) await wait(20);
  expect(await waiting()).toBe(0);
  next.process.kill('SIGTERM');
  await next.ended;
  expect(next.output).toContain('CLOSED');
  expect(next.output).not.toContain('ERROR');

  const ids = new Map<string, string>();
  for (const { notice } of arrivals) {
    const content = JSON.stringify(notice);
    expect(ids.get(notice.id) ?? content, 'what comes twice is the same').toBe(content);
    ids.set(notice.id, content);
  }
  for (const [incident, events] of told) {
    for (const notifier of NAMES) {
      const got = arrivals.filter(a => a.notifier === notifier && a.notice.incident === `store-${incident}`);
      const sequences = got.map(a => a.notice.sequence);
      expect(sequences, `${incident} at ${notifier}: in order`).toEqual([...sequences].sort((a, z) => a - z));
      const last = got.at(-1)?.notice;
      expect(last?.sequence, `${incident} at ${notifier}: told to its end`).toBe(events.length);
      // Nothing is left out but what a summary tells.
      const whole = events.map((_, i) => i + 1).every(s => sequences.includes(s));
      expect(whole || last?.event === 'summary', `${incident} at ${notifier}: ${sequences}`).toBe(true);
      if (last?.event === 'summary') expect(new Set(sequences).size).toBeLessThanOrEqual(2);
      else expect(got.map(a => a.notice.event)).toEqual(sequences.map(s => events[s - 1]));
    }
  }
  const twice = arrivals.length - ids.size;
  expect(twice, 'kills that hit a delivery').toBeGreaterThan(0);
  expect(ids.size).toBeGreaterThan(50);
  console.info(`kills ${KILLS}, incidents ${told.size}, notices ${ids.size}, delivered twice ${twice}`);
});
