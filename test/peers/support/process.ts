/** A peer's process: private to its test, started until it answers, and gone at the end whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';

export interface PeerProcess {
  readonly pid: number;
  /** Everything it has said, the last 64 KiB. */
  said(): string;
  signal(name: NodeJS.Signals): void;
  /** Asks it to end (SIGTERM), and kills it where it doesn't within ten seconds. */
  end(): Promise<void>;
  /** Kills it, with what it has started, and waits until it is gone. */
  kill(): Promise<void>;
  /** Resolves when it has ended by itself. */
  readonly ended: Promise<void>;
}

export interface PeerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Resolves true once it is ready. */
  readonly ready: (said: string) => Promise<boolean> | boolean;
  readonly readyWithinMs?: number;
}

const SAID_MAX = 65_536;
const END_WITHIN_MS = 10_000;
const running = new Set<ChildProcess>();

/** The whole group: a peer's helpers (a shell, curl) must not outlive it. */
const killGroup = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
};

process.once('exit', () => {
  for (const child of running) killGroup(child);
});

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** Polls until it holds; throws with `what` where it doesn't within the time. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  withinMs = 10_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`expected within ${withinMs} ms: ${what}`);
    await pause(50);
  }
}

export async function startPeer(given: PeerCommand): Promise<PeerProcess> {
  const child = spawn(given.command, given.args, {
    cwd: given.cwd,
    env: { PATH: process.env.PATH ?? '', ...given.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk).slice(-SAID_MAX);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  let over = false;
  const ended = new Promise<void>(resolve => {
    const gone = () => {
      over = true;
      running.delete(child);
      resolve();
    };
    child.once('exit', gone);
    child.once('error', error => {
      said += String(error);
      gone();
    });
  });
  const kill = async () => {
    killGroup(child);
    await ended;
  };
  const end = async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, pause(END_WITHIN_MS)]);
    await kill();
  };
  try {
    const isReady = async () => over || (await given.ready(said));
    await until(`${given.command} to be ready`, isReady, given.readyWithinMs ?? 15_000);
    if (over) throw new Error(`${given.command} ended at once`);
  } catch (error) {
    await kill();
    throw new Error(`${String(error)}; it said:\n${said}`);
  }
  return { pid: child.pid!, said: () => said, signal: name => void child.kill(name), end, kill, ended };
}

/** Ports that nobody listened on a moment ago, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      server =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

export const takesConnections = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Whether an HTTP service says yes, as one does that is ready. */
export const answersOk = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    answer => answer.ok,
    () => false,
  );
