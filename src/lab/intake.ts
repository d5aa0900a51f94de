/**
 * An intake that fans out: each record goes to the log store and, on a branch of its own, by webhook to whoever
 * is told. One branch in trouble doesn't hold up the other.
 */
import { post } from './hop.ts';
import type { Place } from './ledger.ts';
import { type Push, pushToLoki } from './loki-push.ts';
import { Meter } from './meter.ts';
import { Outbox } from './outbox.ts';
import { tokensIn } from './tokens.ts';
import { happens, type World } from './world.ts';

export interface ExportTarget {
  readonly url: string | (() => string);
  /** Sent as a bearer key. */
  readonly key?: string;
}

export interface IntakeOptions {
  readonly queueRecords: number;
  readonly batchRecords: number;
  readonly attemptsMax: number;
  readonly lokiUrl: () => string;
  readonly tenant: string | undefined;
  readonly exportTo: ExportTarget | undefined;
}

interface Leaving {
  readonly line: string;
  readonly tokens: readonly string[];
  readonly dueMono: number;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #world: World;
  readonly #push: Outbox<Push>;
  readonly #export: Outbox<Leaving>;
  readonly #received: Meter;
  readonly #exported: Meter;

  constructor(options: IntakeOptions, world: World) {
    this.#options = options;
    this.#world = world;
    this.#received = new Meter(world.clock);
    this.#exported = new Meter(world.clock);
    const { queueRecords: capacity, batchRecords, attemptsMax } = options;
    const bounds = { clock: world.clock, capacity, batchRecords, attemptsMax };
    this.#push = new Outbox({
      ...bounds,
      send: batch => pushToLoki(world, { url: options.lokiUrl(), tenant: options.tenant }, batch),
      sent: batch => this.#arrived(batch, 'store'),
      gaveUp: (batch, why) => this.#gaveUp(batch, 'store', 'intake', why),
    });
    this.#export = new Outbox({
      ...bounds,
      send: batch => this.#post(batch),
      sent: batch => {
        this.#exported.add(batch.length);
        this.#arrived(batch, 'export');
      },
      gaveUp: (batch, why) => this.#gaveUp(batch, 'export', 'export', why),
    });
  }

  /** Takes all lines or none: false where the queue to the log store is full. */
  receive(route: string, lines: readonly string[]): boolean {
    const { clock, ledger } = this.#world;
    const places: readonly Place[] = this.#options.exportTo ? ['store', 'export'] : ['store'];
    const via = `intake:${route}`;
    const nowMs = clock.now();
    if (this.#push.room < lines.length) {
      const end = { where: 'intake', why: 'its queue is full', atMs: nowMs };
      for (const line of lines) ledger.refuse(tokensIn(line), places, via, end);
      return false;
    }
    for (const line of lines) {
      const tokens = tokensIn(line);
      ledger.open(tokens, places, via, nowMs);
      ledger.mark(tokens, 'received', nowMs);
      const ns = String(BigInt(Math.floor(nowMs)) * 1_000_000n);
      this.#push.offer({ labels: { job: route }, ns, line, tokens, dueMono: clock.mono() });
      if (this.#options.exportTo) this.#branch(line, tokens, via);
    }
    this.#received.add(lines.length);
    return true;
  }

  stepPush(): Promise<void> {
    return this.#push.step();
  }

  async stepExport(): Promise<void> {
    if (!this.#world.faults.get().export.down) await this.#export.step();
  }

  status() {
    return {
      received: this.#received.read(),
      push: this.#push.status(),
      export: this.#options.exportTo
        ? { ...this.#export.status(), url: this.#exportUrl(), exported: this.#exported.read() }
        : null,
    };
  }

  #branch(line: string, tokens: readonly string[], via: string): void {
    const { clock, faults, ledger } = this.#world;
    const knobs = faults.get().export;
    const leaving = { line, tokens, dueMono: clock.mono() + knobs.delayMs };
    if (happens(this.#world, knobs.drop)) {
      this.#gaveUp([leaving], 'export', 'export', 'dropped');
      return;
    }
    this.#leave(leaving);
    if (!happens(this.#world, knobs.duplicate)) return;
    ledger.open(tokens, ['export'], via, clock.now());
    this.#leave(leaving);
  }

  #leave(leaving: Leaving): void {
    if (!this.#export.offer(leaving)) this.#gaveUp([leaving], 'export', 'export', 'its queue was full');
  }

  #post(batch: readonly Leaving[]) {
    const { key } = this.#options.exportTo!;
    return post(this.#world, {
      url: this.#exportUrl(),
      headers: {
        'content-type': 'application/x-ndjson',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: batch.map(({ line }) => `${line}\n`).join(''),
    });
  }

  #exportUrl(): string {
    const { url } = this.#options.exportTo!;
    return typeof url === 'string' ? url : url();
  }

  #arrived(batch: readonly { readonly tokens: readonly string[] }[], place: 'store' | 'export'): void {
    const { clock, ledger } = this.#world;
    for (const { tokens } of batch) {
      ledger.mark(tokens, place === 'store' ? 'pushed' : 'exported', clock.now());
      ledger.arrive(tokens, place, place === 'store' ? 'handed' : 'stored', clock.now());
    }
  }

  #gaveUp(
    batch: readonly { readonly tokens: readonly string[] }[],
    place: Place,
    where: string,
    why: string,
  ): void {
    const end = { where, why, atMs: this.#world.clock.now() };
    for (const { tokens } of batch) this.#world.ledger.lose(tokens, [place], 'dropped', end);
  }
}
