/** What processes cost, from /proc: CPU seconds and memory. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/** USER_HZ: fixed at 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  /** User and system, without children. */
  readonly own: number;
  /** Of children that ended and were waited for. */
  readonly ended: number;
}

function statOf(pid: number | string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const f = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const seconds = (i: number) => (f[i] ?? 0) / TICKS_PER_SECOND;
    return { parent: f[1] ?? 0, own: seconds(11) + seconds(12), ended: seconds(13) + seconds(14) };
  } catch {
    return undefined;
  }
}

const processes = (): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);

/** User and system seconds of a process, without its children. */
export const cpuOf = (pid: number): number => statOf(pid)?.own ?? 0;

/** User and system seconds of a server process with all its children, those that have ended too. */
export function treeCpuOf(pid: number): number {
  const server = statOf(pid);
  if (!server) return 0;
  let seconds = server.own + server.ended;
  for (const other of processes()) {
    const stat = statOf(other);
    if (stat?.parent === pid) seconds += stat.own + stat.ended;
  }
  return seconds;
}

const kib = (text: string, key: string): number =>
  Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;

/** Bytes of a process alone: resident, and with what it shares divided among the sharers. */
export const memoryOf = (pid: number): { readonly pssBytes: number; readonly rssBytes: number } => ({
  pssBytes: kib(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss'),
  rssBytes: kib(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS'),
});

/** Bytes of a server process with its workers, shared memory counted once. */
export function treeMemoryOf(pid: number): number {
  const workers = processes().filter(other => statOf(other)?.parent === pid);
  return [pid, ...workers].reduce((sum, of) => sum + memoryOf(of).pssBytes, 0);
}

/** What else the machine does: figures of a busy one are to be read as CPU seconds, not as rates. */
export const loadNow = (): number => Number((loadavg()[0] ?? 0).toFixed(2));
