/** The command line as a user has it: the compiled program in a process of its own, in a directory of its own. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';

/** `npm run build` comes before `npm test`; a build elsewhere can be named. */
export const CLI = process.env.COALMINE_TEST_CLI ?? join(import.meta.dirname, '../../dist/cli/main.js');
if (!existsSync(CLI)) throw new Error(`there is no ${CLI}: run \`npm run build\` first`);

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; empty unless given. */
  readonly input?: string | Buffer;
  /** Node's own options. */
  readonly node?: readonly string[];
}

const RUN_WITHIN_MS = 60_000;

export function coalmine(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { COALMINE_LOG: _, ...env } = process.env;
  const child = spawn(process.execPath, [...(options.node ?? []), CLI, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const late = setTimeout(() => child.kill('SIGKILL'), RUN_WITHIN_MS);
  return new Promise(resolve => {
    child.once('close', code => {
      clearTimeout(late);
      resolve({ code, out, err });
    });
  });
}

/** Whatever a user does wrong, there is no stack trace. */
export function expectNoStack({ out, err }: Ended): void {
  expect(`${out}${err}`).not.toMatch(/\n\s+at |this is a bug/);
}

/**
 * A directory for a test file, gone after it, and what stores write beside it. Passable, so that an embedded store's own
 * user may live in it.
 */
export function useDirectory(): string {
  const around = mkdtempSync(join(tmpdir(), 'coalmine-cli-'));
  const dir = join(around, 'd');
  mkdirSync(dir);
  for (const each of [around, dir]) chmodSync(each, 0o755);
  afterAll(() => rmSync(around, { recursive: true, force: true, maxRetries: 10 }));
  return dir;
}

export const put = (dir: string, name: string, text: string | Buffer): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
