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
  readonly seconds: number;
}

/** Bytes of plain text per second, medians of three interleaved rounds; throws where two ways disagree. */
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
      plainScan: () => timedAsync(() => scanFile(plain, keyring)),
      plainGrep: () => timed(() => count('LC_ALL=C grep -cF coalmine1 "$1"', plain)),
      gzipScan: () => timedAsync(() => scanFile(packed, keyring)),
      gzipGrep: () => timed(() => count('zcat "$1" | LC_ALL=C grep -cF coalmine1', packed)),
    };
    const speeds: Record<string, number[]> = {};
    for (let round = 0; round < ROUNDS; round++) {
      for (const [way, measure] of Object.entries(ways)) {
        const { found, seconds } = await measure();
        if (found !== written) throw new Error(`${way} found ${found} canaries of ${written}`);
        speeds[way] = [...(speeds[way] ?? []), statSync(plain).size / seconds];
      }
    }
    return summary(speeds, written, statSync(plain).size, statSync(packed).size);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function summary(
  speeds: Record<string, number[]>,
  canaries: number,
  plainBytes: number,
  gzipBytes: number,
): object {
  const median = (way: string) => Math.round(speeds[way]!.toSorted((a, b) => a - b)[ROUNDS >> 1]!);
  const bytesPerSecond = Object.fromEntries(Object.keys(speeds).map(way => [way, median(way)]));
  const ratio = (a: string, b: string) => Number((median(a) / median(b)).toFixed(2));
  return {
    plainBytes,
    gzipBytes,
    canaries,
    rounds: ROUNDS,
    bytesPerSecond,
    timesGrep: {
      plainFind: ratio('plainFind', 'plainGrep'),
      plainScan: ratio('plainScan', 'plainGrep'),
      gzipScan: ratio('gzipScan', 'gzipGrep'),
    },
  };
}

function timed(work: () => number): Round {
  const start = performance.now();
  return { found: work(), seconds: (performance.now() - start) / 1_000 };
}

async function timedAsync(work: () => Promise<number>): Promise<Round> {
  const start = performance.now();
  return { found: await work(), seconds: (performance.now() - start) / 1_000 };
}

const count = (command: string, path: string): number =>
  Number(execFileSync('sh', ['-c', command, 'sh', path], { encoding: 'utf8' }));

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
