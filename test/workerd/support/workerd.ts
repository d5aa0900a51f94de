/** The Worker as wrangler.toml has it, in workerd on 127.0.0.1: a process group that can be killed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const READY_WITHIN_MS = 30_000;
const OUTPUT_CHARS_MAX = 200_000;

/** wrangler's own JavaScript: a SIGINT to npx would leave its child. */
const wranglerScript = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js');

/** What is missing for workerd to run here; undefined: nothing. */
export function missing(): string | undefined {
  try {
    const wrangler = createRequire(wranglerScript());
    const workerd = (wrangler('workerd') as { default: string }).default;
    execFileSync(workerd, ['--version'], { stdio: 'pipe', timeout: 10_000 });
    return undefined;
  } catch (error) {
    return `wrangler with a workerd that runs here (${(error as Error).message.split('\n')[0]})`;
  }
}

const ENV = {
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CI: '1',
  NO_COLOR: '1',
};

/** Bundles what would be deployed into `dir`; returns its main module. What is edited meanwhile restarts nothing then. */
export function bundle(dir: string): string {
  const args = [wranglerScript(), 'deploy', '--dry-run', '--outdir', dir];
  execFileSync(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...ENV },
    stdio: 'pipe',
    timeout: 30_000,
  });
  return join(dir, 'worker.js');
}

export interface Workerd {
  readonly url: string;
  /** What it printed; the last of it. */
  output(): string;
  /** As a crash: the whole group at once. */
  kill(): Promise<void>;
}

export interface WorkerdOptions {
  /** As `bundle` returns it. */
  readonly main: string;
  readonly port: number;
  readonly postgresUrl: string;
  /** Keeps the Durable Object's storage. */
  readonly stateDir: string;
  readonly config: unknown;
  readonly vars?: Readonly<Record<string, string>>;
}

export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const vars = { COALMINE_CONFIG: JSON.stringify(options.config), ...options.vars };
  const args = [
    ...[wranglerScript(), 'dev', options.main, '--no-bundle', '--config', join(ROOT, 'wrangler.toml')],
    ...[
      '--test-scheduled',
      '--local',
      '--inspector-port',
      '0',
      '--show-interactive-dev-session=false',
      '--ip',
      '127.0.0.1',
      '--port',
      String(options.port),
    ],
    ...['--persist-to', options.stateDir],
    ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
  ];
  // It is killed, so it can't clean up after itself: what it leaves goes with the state.
  const temporary = join(dirname(options.stateDir), 'tmp');
  mkdirSync(temporary, { recursive: true });
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      ...ENV,
      TMPDIR: temporary,
      CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE: options.postgresUrl,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
    });
  }
  const leave = () => killGroup(child);
  process.once('exit', leave);
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  const workerd: Workerd = {
    url: `http://127.0.0.1:${options.port}`,
    output: () => output,
    async kill() {
      process.off('exit', leave);
      killGroup(child);
      await ended;
    },
  };
  try {
    await Promise.race([listening(() => output), ended.then(() => Promise.reject(new Error('it ended')))]);
    return workerd;
  } catch (error) {
    await workerd.kill();
    throw new Error(`workerd didn't start (${(error as Error).message}). It said:\n${output.slice(-4_000)}`);
  }
}

async function listening(output: () => string): Promise<void> {
  for (const end = Date.now() + READY_WITHIN_MS; !output().includes('Ready on '); ) {
    if (Date.now() > end) throw new Error(`not ready within ${READY_WITHIN_MS / 1000} s`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
}
