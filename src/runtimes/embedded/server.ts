/** One run of the server: started, known to be ready, ended with us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Account, spawnAs } from './account.ts';
import { shutDown } from './process.ts';
import type { ServerLog } from './server-log.ts';
import { SETTINGS, type Settings, settingArgs } from './settings.ts';
import { SERVER_ENV } from './tool.ts';

export interface ServerPlan {
  readonly bin: string;
  readonly pgdata: string;
  readonly socketDir: string;
  readonly account: Account;
  readonly settings: Settings;
  readonly log: ServerLog;
}

export interface Server {
  readonly pid: number;
  /** Resolves when the server has ended, for whatever reason, with how. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** Long enough to replay half a gigabyte of log from a slow disk after a crash. */
const READY_WITHIN_MS = 300_000;

/** How long the end of the log is waited for once the server has ended. */
const DRAIN_MS = 100;

/**
 * Becomes the server, having left behind a watcher that ends it should we die without a word: the watcher
 * reads a pipe whose other end only we hold. A line says that all is done, the mere end that we are gone.
 * Where there is no shell a leftover server runs on until the next start finds it.
 */
const SHELL = '/bin/sh';
const WATCHED = '( (read -r line <&3 || kill -INT "$$") >/dev/null 2>&1 & ); exec "$@" 3<&-';

/** Throws with the end of the server's log, or what starting a process throws. */
export async function launch(plan: ServerPlan): Promise<Server> {
  const postgres = [
    join(plan.bin, 'postgres'),
    ...['-D', plan.pgdata, '-k', plan.socketDir],
    ...settingArgs(SETTINGS, plan.settings),
  ];
  const [program, ...args] = existsSync(SHELL) ? [SHELL, '-c', WATCHED, 'coalmine', ...postgres] : postgres;
  const child = spawn(program!, args, {
    ...spawnAs(plan.account),
    cwd: '/',
    env: SERVER_ENV,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in a terminal is for us, who have things to finish before the store goes.
    detached: true,
  });
  const server = follow(child);
  plan.log.clearTail();
  await ready(child, server, plan.log);
  unref(child);
  return server;
}

function follow(child: ChildProcess): Server {
  const watcher = child.stdio[3] as Socket;
  watcher.on('error', () => {});
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('exit', (code, signal) => {
      watcher.end('\n');
      const how = signal ? `signal ${signal}` : `exit code ${code}`;
      // The end of its log is still in the pipe; orphans of a killed postmaster may keep that open.
      child.once('close', () => resolve(how));
      setTimeout(resolve, DRAIN_MS, how).unref();
    });
  });
  const send = (name: NodeJS.Signals) => void child.kill(name);
  const gone = (ms: number) => {
    let timer: NodeJS.Timeout;
    const waited = new Promise<boolean>(resolve => {
      timer = setTimeout(resolve, ms, false);
    });
    return Promise.race([ended.then(() => true), waited]).finally(() => clearTimeout(timer));
  };
  const stop = async () => {
    if (!(await shutDown(send, gone))) {
      throw new Error(`the store's server (process ${child.pid}) could not be ended`);
    }
  };
  return { pid: child.pid ?? 0, ended, stop };
}

async function ready(child: ChildProcess, server: Server, log: ServerLog): Promise<void> {
  const stderr = (child.stdio[2] as Readable).setEncoding('utf8');
  const says = new Promise<'ready'>(resolve => {
    stderr.on('data', (chunk: string) => {
      if (log.write(chunk).some(line => line.endsWith('database system is ready to accept connections'))) {
        resolve('ready');
      }
    });
  });
  let timer: NodeJS.Timeout;
  const late = new Promise<string>(resolve => {
    timer = setTimeout(resolve, READY_WITHIN_MS, `not ready after ${READY_WITHIN_MS / 1000} s`);
  });
  const how = await Promise.race([says, server.ended, late]).finally(() => clearTimeout(timer));
  if (how === 'ready') return;
  await server.stop();
  throw new Error(`the server didn't start (${how}). Its log ends:\n${log.tail}`);
}

/** The server must not keep a process alive that has nothing else to do: the watcher ends it then. */
function unref(child: ChildProcess): void {
  child.unref();
  (child.stdio[2] as Socket).unref();
  (child.stdio[3] as Socket).unref();
}
