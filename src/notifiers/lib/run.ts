// Runs one program, bounded in time and in what of its output is kept. It has a process group of its own, which is killed
// as a whole when its time is over: what it has started must not outlive it.
import { type ChildProcess, spawn } from 'node:child_process';
import { within } from '../../adapters/within.ts';
import type { Clock } from '../../contracts/context.ts';

export interface Program {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input: string;
}

export interface Ran {
  /** `failed`: it never began; `code` says why. */
  readonly how: 'ended' | 'timeout' | 'aborted' | 'failed';
  readonly exit: number | null;
  readonly signal: string | null;
  readonly code: string;
  /** The last 4 KB of what it said. */
  readonly out: string;
  readonly err: string;
}

const OUTPUT_BYTES_MAX = 4096;
/** How long output may trail behind the end of the program: something else may hold its pipes. */
const TRAILING_MS = 200;

const tail = () => {
  let kept: Buffer = Buffer.alloc(0);
  return {
    add: (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk.subarray(-OUTPUT_BYTES_MAX)]).subarray(-OUTPUT_BYTES_MAX);
    },
    text: () => kept.toString(),
  };
};

const killGroup = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
};

interface Ending {
  readonly exit: number | null;
  readonly signal: string | null;
}

const start = (program: Program) => {
  const [command = '', ...args] = program.argv;
  const child = spawn(command, args, {
    cwd: program.cwd,
    env: program.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  });
  const out = tail();
  const err = tail();
  child.stdout.on('data', out.add);
  child.stderr.on('data', err.add);
  // A program that doesn't read what it is told is no fault.
  child.stdin.on('error', () => {});
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('exit', (exit, signal) => resolve({ exit, signal }));
    child.once('error', reject);
  });
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
  child.stdin.end(program.input);
  const letGo = () => {
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  };
  return { child, ended, closed, letGo, said: () => ({ out: out.text(), err: err.text() }) };
};

/** Never throws for what the program does. Returns at once when the signal aborts, after killing its group. */
export const run = async (
  program: Program,
  bound: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
): Promise<Ran> => {
  const nothing = { exit: null, signal: null, code: '', out: '', err: '' };
  if (bound.signal.aborted) return { ...nothing, how: 'aborted' };
  let going: ReturnType<typeof start> | undefined;
  try {
    going = start(program);
    const { child, ended, closed, letGo, said } = going;
    const done = await within(bound, () => ended);
    if (done.how !== 'done') {
      killGroup(child);
      return { ...nothing, how: done.how, ...said() };
    }
    await within({ ...bound, ms: TRAILING_MS }, () => closed);
    letGo();
    return { ...nothing, ...done.value, how: 'ended', ...said() };
  } catch (error) {
    return { ...nothing, how: 'failed', code: String((error as { code?: unknown }).code ?? 'unknown') };
  } finally {
    going?.letGo();
  }
};
