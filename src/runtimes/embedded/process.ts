/** Telling processes apart although the system uses their numbers again, and ending them. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { runTool } from './tool.ts';

const ourselves = { uid: -1, gid: -1, switched: false };

/**
 * When a process began, in a form that only compares equal with itself; undefined where there is no such
 * process. A number and its beginning name one process for as long as the machine runs.
 */
export async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    // Field 22 (ticks since boot), counted after the name, which may hold blanks and parentheses itself.
    // A zombie is dead already: its parent just hasn't been told.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields && fields[0] !== 'Z' ? fields[19] : undefined;
  }
  const { output } = await runTool('ps', ['-o', 'lstart=', '-p', String(pid)], ourselves, {
    timeoutMs: 5_000,
  });
  return output.trim() || undefined;
}

/** Within what process numbers mean the same: this boot of this machine, in this container. */
export async function pidSpace(): Promise<string> {
  if (process.platform !== 'linux') return hostname();
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => hostname());
  return `${boot.trim()} ${await readlink('/proc/self/ns/pid').catch(() => '')}`;
}

/** The server's processes on one cluster, dead parents' children included. The path must be real (no links in it). */
export async function serversOn(pgdata: string, pidOfFile: number | undefined): Promise<number[]> {
  if (process.platform === 'linux') {
    const found: number[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      // All of them stand in their cluster's directory. Those of other users can't be read, and can't be ours.
      const cwd = await readlink(`/proc/${name}/cwd`).catch(() => undefined);
      if (cwd !== pgdata) continue;
      const comm = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '');
      if (comm.trim() === 'postgres') found.push(Number(name));
    }
    return found;
  }
  if (pidOfFile === undefined) return [];
  const { output } = await runTool('ps', ['-o', 'command=', '-p', String(pidOfFile)], ourselves, {
    timeoutMs: 5_000,
  });
  return output.includes('postgres') && output.includes(pgdata) ? [pidOfFile] : [];
}

/** Whether the number is taken at all, be it by a zombie or by another user's process. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Sends a signal; a process that has gone meanwhile is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Polls `done` every 10 ms for at most `ms`; what it last said. */
export async function within(ms: number, done: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + ms;
  for (;;) {
    if (await done()) return true;
    if (performance.now() >= end) return false;
    await sleep(10);
  }
}

/** How long each way of asking is given. */
const PATIENCE: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGINT', 10_000], // fast: ends sessions, writes everything out
  ['SIGQUIT', 5_000], // immediate: as after a crash, the log is replayed at the next start
  ['SIGKILL', 2_000], // a postmaster's children notice and go by themselves; the log is replayed as well
];

/** Ends a server, ever less politely. Resolves with the signal it took; undefined if it's still there. */
export async function shutDown(
  send: (name: NodeJS.Signals) => void,
  gone: (ms: number) => Promise<boolean>,
): Promise<NodeJS.Signals | undefined> {
  for (const [name, ms] of PATIENCE) {
    send(name);
    if (await gone(ms)) return name;
  }
  return undefined;
}
