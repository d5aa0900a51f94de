/**
 * The network between the replicas and the rest of the world, in process: a request waits for its turn to arrive and its
 * answer for its turn to be heard, and each suffers what its host's faults say.
 */
import type { WireFault } from './plan.ts';
import { type Random, randomOf } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import { shortHash, type Trace } from './trace.ts';
import {
  cursorOf,
  cut,
  fewer,
  responseOf,
  type Taken,
  throttled,
  wireError,
  withCursor,
} from './wire-faults.ts';

/** Somebody who answers. */
export interface Peer {
  readonly actor: Actor;
  answer(request: Request): Promise<Response>;
  /** Resolves when it is gone: whoever waits for an answer then has none. */
  readonly gone?: Promise<void>;
}

export interface WireOptions {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  /** Who listens at a host; undefined: nobody. */
  readonly peerOf: (host: string) => Peer | undefined;
}

interface HostFault {
  readonly fault: WireFault;
  readonly chance: number;
}

export class Wire {
  readonly #o: WireOptions;
  readonly #random: Random;
  readonly #faults = new Map<string, HostFault>();
  /** The last answers, by what was asked. */
  readonly #answers = new Map<string, Taken>();
  /** How often each fault struck. */
  readonly struck: Partial<Record<WireFault, number>> = {};

  constructor(options: WireOptions) {
    this.#o = options;
    this.#random = randomOf(options.seed, 'wire');
  }

  set(host: string, fault: WireFault, chance: number): void {
    this.#faults.set(host, { fault, chance });
  }

  reset(): void {
    this.#faults.clear();
  }

  /** The fetch of somebody. */
  fetchOf(actor: Actor): typeof globalThis.fetch {
    return (input, init) => this.#fetch(actor, new Request(input, init), init?.signal ?? undefined);
  }

  async #fetch(actor: Actor, request: Request, signal: AbortSignal | undefined): Promise<Response> {
    signal?.throwIfAborted();
    const { hostname } = new URL(request.url);
    const fault = this.#draw(hostname);
    const peer = this.#o.peerOf(hostname);
    const label = `${request.method} ${pathOf(request)}`;
    if (fault !== 'none') this.#o.trace.line(`  wire ${hostname} ${fault}`);
    return await new Promise<Response>((resolve, reject) => {
      let forget: () => void = () => {};
      let isOver = false;
      const onAbort = () => {
        isOver = true;
        forget();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const hear = (what: string, end: () => void) => {
        if (isOver) return;
        isOver = true;
        forget();
        const go = () => {
          signal?.removeEventListener('abort', onAbort);
          end();
        };
        forget = this.#o.scheduler.park({ actor, label: `hears ${what} of ${label}`, go });
      };
      const fails = (code: 'ECONNREFUSED' | 'ECONNRESET') => hear(code, () => reject(wireError(code)));
      if (!peer || fault === 'refuse') return fails('ECONNREFUSED');
      if (fault === 'throttle') return hear('429', () => resolve(throttled()));
      void peer.gone?.then(() => fails('ECONNRESET'));
      const arrive = () =>
        void this.#exchange(peer, request, fault).then(
          response => response && hear(String(response.status), () => resolve(response)),
          error => hear('an error', () => reject(error)),
        );
      forget = this.#o.scheduler.park({ actor: peer.actor, label: `takes ${label}`, go: arrive });
    });
  }

  #draw(host: string): WireFault {
    const set = this.#faults.get(host);
    if (!set || set.chance <= 0 || set.fault === 'none' || this.#random() >= set.chance) return 'none';
    this.struck[set.fault] = (this.struck[set.fault] ?? 0) + 1;
    return set.fault;
  }

  /** undefined: no answer ever. */
  async #exchange(peer: Peer, request: Request, fault: WireFault): Promise<Response | undefined> {
    const question = fault === 'cursor_jumps' || fault === 'cursor_repeats' ? request.clone() : undefined;
    if (fault === 'twice') await take(await peer.answer(request.clone()));
    const key = questionOf(request);
    const taken = await take(await peer.answer(request));
    const before = this.#answers.get(key);
    if (taken.status === 200) this.#answers.set(key, taken);
    this.#o.trace.line(`  ${taken.status} ${shortHash(new TextDecoder().decode(taken.body))}`);
    switch (fault) {
      case 'timeout_after_acceptance':
        return undefined;
      case 'cut':
        return cut(taken);
      case 'half_page':
        return responseOf(fewer(taken, 'half'));
      case 'empty':
        return responseOf(fewer(taken, 'none'));
      case 'stale':
        return responseOf(before ?? taken);
      case 'cursor_repeats':
        return responseOf(withCursor(taken, question && (await cursorIn(question))));
      case 'cursor_jumps':
        return responseOf(withCursor(taken, question && (await further(peer, question, taken))));
      default:
        return responseOf(taken);
    }
  }
}

async function take(response: Response): Promise<Taken> {
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: new Headers(response.headers), body };
}

/** Where the page asked for begins. */
async function cursorIn(question: Request): Promise<unknown> {
  const body = bodyOf(await question.text());
  return body?.after ?? new URL(question.url).searchParams.get('after') ?? null;
}

/** Where the page after the next one begins. */
async function further(peer: Peer, question: Request, taken: Taken): Promise<unknown> {
  const cursor = cursorOf(taken);
  const body = bodyOf(await question.clone().text());
  if (cursor === undefined || cursor === null || body === undefined) return cursor ?? null;
  const asked = new Request(question.url, {
    method: question.method,
    headers: question.headers,
    body: JSON.stringify({ ...body, after: cursor }),
  });
  return cursorOf(await take(await peer.answer(asked))) ?? null;
}

function bodyOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The same question is one to the same place, whatever the times in it. */
const questionOf = (request: Request): string =>
  `${request.method} ${new URL(request.url).origin}${pathOf(request)}`;

const pathOf = (request: Request): string => new URL(request.url).pathname;
