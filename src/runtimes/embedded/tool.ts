/** Runs one of PostgreSQL's programs to its end. */
import { spawn } from 'node:child_process';
import { type Account, spawnAs } from './account.ts';

export interface ToolResult {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  /** What it printed on both streams; the last 64 kB. */
  readonly output: string;
}

const OUTPUT_CHARS_MAX = 65_536;

/**
 * The environment of every server program: ours may hold PG* variables that would change what it does, and
 * secrets that are none of its business. Messages must be in English, since they are read.
 */
export const SERVER_ENV: NodeJS.ProcessEnv = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };

/** Rejects with the system's error if the program can't be started at all. */
export function runTool(
  program: string,
  args: readonly string[],
  account: Account,
  options: { readonly input?: string; readonly timeoutMs: number },
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    // The root as working directory: an unprivileged account may not be able to stand where we stand.
    const child = spawn(program, args, {
      ...spawnAs(account),
      cwd: '/',
      env: SERVER_ENV,
      stdio: 'pipe',
    });
    // Not spawn's own: it outlives a program that could not be started, and keeps us from ending.
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
    let output = '';
    const take = (chunk: string) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    // It may exit without reading its input; its exit code says why.
    child.stdin.on('error', () => {}).end(options.input ?? '');
    child.once('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', code => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
