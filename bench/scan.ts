/**
 * How fast canaries are found in log files, beside `grep` doing less on the same files: it only counts the lines
 * that hold the prefix in lower case, while here every token is found in either case and its signature checked.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFinder } from '../src/domain/finder.ts';
import { createKeyring, type Keyring } from '../src/domain/token.ts';
import { scanStream } from '../src/engine/scan.ts';
import { unpack } from '../src/engine/unpack.ts';

const FILE_BYTES = 256 * 2 ** 20;
const LINES_PER_CANARY = 10_000;
const BLOCK_LINES = 20_000;
/** Fits the second-level cache: bytes are searched where the read has just put them. */
const READ_BYTES = 256 * 1024;
const ROUNDS = 3;
const START_MS = Date.UTC(2025, 0, 1);

interface Round {
  readonly found: number;
  readonly wallSeconds: number;
  /** User and system, all threads and children: what holds on a busy machine. */
  readonly cpuSeconds: number;
}

/**
 * Bytes of plain text per second, medians of three interleaved rounds after one that warms caches and compiler;
 * throws where a way doesn't find every canary.
 */
export async function run(): Promise<object> {
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-bench-'));
  try {
    const keyring = createKeyring({
      signingKeys: ['a key for this bench only'],
      storeId: 'bench',
      epochs: [1],
    });
    const plain = join(dir, 'plain.log');
    const packed = join(dir, 'plain.log.gz');
    const written = writeLog(plain, keyring);
    execFileSync('sh', ['-c', 'gzip -1 -c "$1" > "$2"', 'sh', plain, packed]);
    const ways: Record<string, () => Round | Promise<Round>> = {
      plainFind: () => timed(() => findInFile(plain)),
      plainScan: () => timed(() => scanFile(plain, keyring)),
      plainGrep: () => timedShell('LC_ALL=C grep -cF coalmine1 "$1"', plain),
      gzipScan: () => timed(() => scanFile(packed, keyring)),
      gzipGrep: () => timedShell('zcat "$1" | LC_ALL=C grep -cF coalmine1', packed),
    };
    const rounds: Record<string, Round[]> = Object.fromEntries(Object.keys(ways).map(way => [way, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [way, measure] of Object.entries(ways)) {
        const result = await measure();
        if (result.found !== written) throw new Error(`${way} found ${result.found} canaries of ${written}`);
        if (round > 0) rounds[way]!.push(result);
      }
    }
    const plainBytes = statSync(plain).size;
    return {
      plainBytes,
      gzipBytes: statSync(packed).size,
      canaries: written,
      rounds: ROUNDS,
      wall: summary(rounds, plainBytes, r => r.wallSeconds),
      cpu: summary(rounds, plainBytes, r => r.cpuSeconds),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function summary(rounds: Record<string, Round[]>, bytes: number, seconds: (round: Round) => number): object {
  const speed = (way: string) => bytes / rounds[way]!.map(seconds).toSorted((a, b) => a - b)[ROUNDS >> 1]!;
  const ratio = (a: string, b: string) => Number((speed(a) / speed(b)).toFixed(2));
  return {
    bytesPerSecond: Object.fromEntries(Object.keys(rounds).map(way => [way, Math.round(speed(way))])),
    timesGrep: {
      plainFind: ratio('plainFind', 'plainGrep'),
      plainScan: ratio('plainScan', 'plainGrep'),
      gzipScan: ratio('gzipScan', 'gzipGrep'),
    },
  };
}

async function timed(work: () => number | Promise<number>): Promise<Round> {
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const found = await work();
  const { user, system } = process.cpuUsage(startCpu);
  return { found, wallSeconds: (performance.now() - startMs) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

/** Runs a command that prints a count; `times` tells what it cost. */
function timedShell(command: string, path: string): Round {
  const startMs = performance.now();
  const output = execFileSync('sh', ['-c', `${command}; times`, 'sh', path], { encoding: 'utf8' });
  const wallSeconds = (performance.now() - startMs) / 1_000;
  const [count, , children = ''] = output.split('\n');
  const cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, m) => sum + Number(m[1]) * 60 + Number(m[2]),
    0,
  );
  return { found: Number(count), wallSeconds, cpuSeconds };
}

function findInFile(path: string): number {
  const finder = createFinder();
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const file = openSync(path, 'r');
  let found = 0;
  try {
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
      found += finder.push(buffer.subarray(0, length)).length;
    }
  } finally {
    closeSync(file);
  }
  return found + finder.end().length;
}

async function scanFile(path: string, keyring: Keyring): Promise<number> {
  const file = createReadStream(path, { highWaterMark: 4 * READ_BYTES });
  return (await scanStream(unpack(file, { bytesMax: 2 * FILE_BYTES }), keyring)).counts.valid;
}

/** A mixture of JSON, syslog and CSV, the same with each run. Returns how many canaries it holds. */
function writeLog(path: string, keyring: Keyring): number {
  const random = mulberry32(20_240_902);
  const file = openSync(path, 'w');
  let canaries = 0;
  let bytes = 0;
  try {
    for (let line = 0; bytes < FILE_BYTES; line += BLOCK_LINES) {
      const lines: string[] = [];
      for (let i = line; i < line + BLOCK_LINES; i++) {
        const isCanary = i % LINES_PER_CANARY === LINES_PER_CANARY >> 1;
        const { token } = isCanary
          ? keyring.sign({ target: 1, slot: START_MS + i, index: 0 })
          : { token: undefined };
        if (isCanary) canaries++;
        lines.push(logLine(random, START_MS + i * 7, token));
      }
      bytes += writeSync(file, `${lines.join('\n')}\n`);
    }
  } finally {
    closeSync(file);
  }
  return canaries;
}

const USERS = ['alice', 'bob', 'svc-backup', 'carol.m', 'deploy', 'root', 'j.smith@example.com', 'canary'];
const AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

function logLine(random: () => number, timeMs: number, token: string | undefined): string {
  const below = (n: number) => Math.floor(random() * n);
  const id =
    token ??
    Array.from({ length: 4 }, () =>
      below(2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
  const time = new Date(timeMs).toISOString();
  const user = USERS[below(USERS.length)]!;
  const ip = `10.${below(256)}.${below(256)}.${below(256)}`;
  const result = below(10) > 0 ? 'success' : 'failure';
  const kind = below(3);
  if (kind === 0) {
    const actor = { user, ip, session: below(1e9).toString(36), agent: AGENT };
    return JSON.stringify({
      time,
      id,
      category: 'SignInLogs',
      result,
      durationMs: below(900),
      actor,
      app: 'portal',
      risk: 'none',
    });
  }
  if (kind === 1) {
    const what = result === 'success' ? 'Accepted publickey' : 'Failed password';
    const key = `ssh2: ED25519 SHA256:${below(2 ** 32).toString(36)}${below(2 ** 32).toString(36)}`;
    const host = `web-${below(40)}`;
    return `<86>1 ${time} ${host} sshd ${below(60_000)} - [origin software="rsyslogd" swVersion="8.2302.0" host="${host}.eu-west.example.com"] ${what} for ${user} from ${ip} port ${below(65_536)} ${key} id=${id}`;
  }
  return `${time},${id},${user},${ip},${result},"${AGENT}",${below(1e6)},${below(1e3)},eu-west-1,portal,interactive,mfa`;
}

/** A seeded generator (T. Ettinger), so that each run searches the same bytes. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
