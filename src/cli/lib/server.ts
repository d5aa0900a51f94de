/** A coalmine that runs already, asked over HTTP: at `listen`, then at `base_url`. */
import type { Config } from '../../config/config.ts';
import { CliError, EXIT } from './exit.ts';
import { VERSION } from './version.ts';

export type Scope = Config['access']['keys'][number]['scopes'][number];

export interface Server {
  readonly url: string;
  /** The JSON it answers. Throws CliError with what it said, where it refused. */
  ask(path: string, options: AskOptions): Promise<unknown>;
}

export interface AskOptions {
  readonly method?: 'GET' | 'POST';
  readonly scope: Scope;
  readonly withinMs: number;
  readonly signal?: AbortSignal;
  /** Sent as JSON. */
  readonly body?: unknown;
}

const FIND_WITHIN_MS = 1_500;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** How this machine reaches `listen`. */
export const listenUrl = ({ listen }: Config): string => {
  const anywhere = listen.host === '0.0.0.0' || listen.host === '::';
  const host = anywhere ? '127.0.0.1' : listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `http://${host}:${listen.port}`;
};

/** The running coalmine of this configuration; undefined: nobody answers, or somebody else does. */
export async function findServer(config: Config): Promise<Server | undefined> {
  for (const url of new Set([listenUrl(config), config.baseUrl])) {
    if (await isCoalmine(url)) return serverAt(url, config);
  }
  return undefined;
}

/** Whether a coalmine answers there: its errors are of a kind that nobody else's are. */
export async function isCoalmine(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/v1/-`, {
      signal: AbortSignal.timeout(FIND_WITHIN_MS),
      redirect: 'error',
    });
    return (await bodyOf(response)).includes('urn:coalmine:problem:');
  } catch {
    return false;
  }
}

function serverAt(url: string, config: Config): Server {
  return {
    url,
    async ask(path, { method = 'GET', scope, withinMs, signal, body: sent }) {
      const key = config.access.keys.find(k => k.scopes.includes(scope))?.key;
      const limit = AbortSignal.timeout(withinMs);
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: 'error',
        ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        headers: {
          accept: 'application/json',
          'user-agent': `coalmine/${VERSION}`,
          ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
      }).catch(error => {
        throw new CliError(EXIT.unknown, `${url} gave no answer: ${reasonOf(error)}`);
      });
      const body = parsed(await bodyOf(response));
      if (response.ok && body !== undefined) return body;
      const detail = (body as { detail?: unknown } | undefined)?.detail;
      const exit = response.status === 404 || response.status === 400 ? EXIT.usage : EXIT.unknown;
      throw new CliError(
        exit,
        `${url} answered ${response.status}: ${typeof detail === 'string' ? detail : 'no reason given'}`,
      );
    },
  };
}

async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > ANSWER_BYTES_MAX) break;
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What fetch hides in `cause`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
