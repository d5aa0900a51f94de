/**
 * Whether the store takes what we must write. Told once when it stops and once when it does again; `/readyz` tells it
 * meanwhile. Nothing is sent that can't be committed, so a fault of the store is never a loss.
 */
import type { Context } from '../contracts/context.ts';

export interface StoreFault {
  /** Notes an error of any step. True: it is the store's, and has been told already. */
  met(error: unknown): boolean;
  /** Something was written. */
  worked(): void;
  /** For people, without names of hosts and users; null: it takes what we write. */
  current(): { readonly reason: string; readonly sinceMs: number } | null;
}

/** A full disk still takes small writes now and then: only so long without a failure ends a fault. */
const CALM_MS = 2_000;

/** SQLSTATE (classes) and codes of connections, and what to say of them. What our statements do wrong is no fault of the store. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^53100$/, 'the store’s disk is full: free some space; it goes on by itself'],
  [/^53/, 'the store is out of memory or connections'],
  [/^25006$/, 'the store is read-only: a standby, or told to be'],
  [/^58/, 'the store’s server can’t read or write its files'],
  [/^(08|57P)/, 'the store is starting or shutting down'],
  [/^(28|3D|42501)/, 'the store doesn’t let us in any more'],
  [/^(E[A-Z]{3,}|CONNECT_TIMEOUT|CONNECTION_[A-Z]+)$/, 'the store can’t be reached'],
];

export function createStoreFault({ clock, log }: Pick<Context, 'clock' | 'log'>): StoreFault {
  let fault: { reason: string; readonly sinceMs: number; readonly sinceMono: number } | null = null;
  let lastMono = 0;
  return {
    met(error) {
      const code = String((error as { code?: unknown } | null)?.code ?? '');
      const reason = REASONS.find(([pattern]) => pattern.test(code))?.[1];
      if (reason === undefined) return false;
      lastMono = clock.mono();
      if (fault) {
        // Unreachable is what a full disk makes of a server too: the first reason says more.
        if (fault.reason !== reason && code === '53100') fault.reason = reason;
        return true;
      }
      fault = { reason, sinceMs: clock.now(), sinceMono: lastMono };
      log('error', 'store.unusable', {
        reason,
        found: error instanceof Error ? error.message : String(error),
        means: 'nothing is sent or judged until it works again, and nothing counts as lost by that',
      });
      return true;
    },
    worked() {
      if (!fault || clock.mono() - lastMono < CALM_MS) return;
      log('info', 'store.usable', { afterMs: Math.round(clock.mono() - fault.sinceMono) });
      fault = null;
    },
    current: () => fault && { reason: fault.reason, sinceMs: fault.sinceMs },
  };
}
