/** Whoever is told: takes every request, keeps it with its headers, and says yes. */
import type { Actor } from './scheduler.ts';
import { newActor } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Peer } from './wire.ts';

/** A request that reached a host which is neither the lab nor a replica. */
export interface ReceivedNotice {
  /** Milliseconds after the start of the run. */
  readonly atMs: number;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class Receiver {
  readonly notices: ReceivedNotice[] = [];
  readonly #actor: Actor = newActor('receiver');
  readonly #nowMs: () => number;
  readonly #trace: Trace;

  constructor(nowMs: () => number, trace: Trace) {
    this.#nowMs = nowMs;
    this.#trace = trace;
  }

  at(host: string): Peer {
    return { actor: this.#actor, answer: request => this.#take(host, request) };
  }

  async #take(host: string, request: Request): Promise<Response> {
    const atMs = this.#nowMs();
    const body = await request.text();
    const { method, headers, url } = request;
    const path = new URL(url).pathname;
    this.notices.push({ atMs, host, method, path, headers: Object.fromEntries(headers), body });
    this.#trace.line(`  ${host} was told ${body.length} characters`);
    return Response.json({ ok: true });
  }
}
