/**
 * Conditions: everything that is told to people beside loss. A rule reads a state or counts events and gives a signal; what
 * becomes of an incident follows from its row, the signal and the clock alone. Pure.
 */
import type { ConditionFacts, IncidentKind } from './incident.ts';
import { type MaintenanceWindow, meetsMaintenance } from './maintenance.ts';

export type ConditionKind = Exclude<IncidentKind, 'loss' | 'refused'>;

/** What a rule says of one condition of a pipeline now. No signal: it isn't so. */
export interface Signal {
  readonly kind: ConditionKind;
  /** Where an incident of it would stand; 0: the pipeline as a whole. */
  readonly checkpoint: number;
  /** Checkpoints that share its cause: an incident at any of them is this one. */
  readonly places: readonly number[];
  /**
   * `lasts`: it is so now. `over`: it was so until `overMs`, and that is news. `unknown`: it can't be told now, so what is open
   * stays as it is, and nothing opens.
   */
  readonly state: 'lasts' | 'over' | 'unknown';
  /** Worth an incident, once it has lasted for `graceMs` before our eyes. */
  readonly opens: boolean;
  readonly graceMs: number;
  readonly beganMs: number;
  readonly overMs: number | null;
  /** Told already if an incident of this kind began since then; null: whatever was told. */
  readonly unlessSinceMs: number | null;
  readonly facts: ConditionFacts;
}

const MINUTE_MS = 60_000;

/**
 * How long a condition must have been gone for its incident to end: flapping is one incident. Events (0) count as gone only
 * after an hour without a new one; what is proven once (0) doesn't come back.
 */
const HOLD_MS: Readonly<Record<ConditionKind, number>> = {
  // A look that comes through between failing ones restores sight for three look periods already.
  blind: 2 * MINUTE_MS,
  vanished: 2 * MINUTE_MS,
  not_proven: 0,
  silent: 2 * MINUTE_MS,
  // The share is over many beats, and moves slowly.
  unsent: 2 * MINUTE_MS,
  drill_not_found: 2 * MINUTE_MS,
  scheduler_lag: 5 * MINUTE_MS,
  // Read from the newest canaries: with many targets those with the wrong clock come and go.
  skew: 60 * MINUTE_MS,
  notices_failing: 0,
  altered: 0,
  identity_used: 0,
  forged: 0,
  drill_seen: 0,
  orphans: 0,
  echoes: 0,
  duplicates: 0,
  reordering: 0,
  clock_step: 0,
  false_absence: 0,
};

/** The part of an incident's row that its course changes. */
export interface Course {
  readonly kind: IncidentKind;
  readonly began_ms: number;
  readonly ended_ms: number | null;
  readonly quiet_ms: number | null;
  readonly reopened: number;
  readonly facts: unknown;
}

/** An open incident as it stands by what is signalled now; null: nothing is. */
export function courseOf<Row extends Course>(row: Row, signal: Signal | null, nowMs: number): Row {
  if (signal?.state === 'unknown') return row;
  if (signal?.state === 'lasts')
    return {
      ...row,
      began_ms: Math.min(row.began_ms, signal.beganMs),
      quiet_ms: null,
      reopened: row.reopened + (row.quiet_ms === null ? 0 : 1),
      facts: signal.facts,
    };
  // A clock that was set back since must not keep it open.
  const quietMs = Math.min(nowMs, row.quiet_ms ?? signal?.overMs ?? nowMs);
  const over = nowMs - quietMs >= HOLD_MS[row.kind as ConditionKind];
  return { ...row, quiet_ms: quietMs, ended_ms: over ? Math.max(row.began_ms, quietMs) : null };
}

/** A pipeline's signal for an incident that is open. */
export const signalFor = (
  signals: readonly Signal[],
  row: { readonly kind: IncidentKind; readonly checkpoint: number },
): Signal | null => signals.find(s => s.kind === row.kind && s.places.includes(row.checkpoint)) ?? null;

const keyOf = (s: Signal): string => `${s.kind} ${s.places[0] ?? s.checkpoint}`;

/** Nobody watched for longer than this: what lasts now may not have lasted in between. */
const WATCHED_MS = MINUTE_MS;

/** Since when each condition lasts before our eyes, by the monotonic clock: neither a step of the clock nor a restart of ours ripens one. */
export interface Ripening {
  readonly monoMs: number;
  readonly since: ReadonlyMap<string, number>;
}

/** What ripens now, and of it what has lasted for its grace. Give only what may open: what is suppressed begins anew. */
export function ripen(
  before: Ripening | undefined,
  signals: readonly Signal[],
  monoMs: number,
): { readonly ripening: Ripening; readonly ripe: readonly Signal[] } {
  const watched = before !== undefined && monoMs - before.monoMs <= WATCHED_MS;
  const since = new Map<string, number>();
  const opening = signals.filter(s => s.opens && s.state !== 'unknown');
  for (const s of opening) since.set(keyOf(s), (watched ? before.since.get(keyOf(s)) : undefined) ?? monoMs);
  const ripe = opening.filter(s => monoMs - (since.get(keyOf(s)) ?? monoMs) >= s.graceMs);
  return { ripening: { monoMs, since }, ripe };
}

/** Told even in maintenance: an attacker may like the hour, and our own channels aren't what is being maintained. */
const NEVER_MUTED: readonly ConditionKind[] = ['identity_used', 'drill_seen', 'forged', 'notices_failing'];

/** Whether maintenance keeps it from opening. It never keeps an incident from ending. */
export function isMuted(signal: Signal, windows: readonly MaintenanceWindow[], nowMs: number): boolean {
  if (windows.length === 0 || NEVER_MUTED.includes(signal.kind)) return false;
  if (meetsMaintenance(windows, nowMs, nowMs)) return true;
  return signal.overMs !== null && meetsMaintenance(windows, signal.overMs, signal.overMs);
}

/** A signal of a state at one place, or of the pipeline as a whole (0). */
export const stateSignal = (
  kind: ConditionKind,
  checkpoint: number,
  what: Pick<Signal, 'beganMs' | 'facts'> & Partial<Signal>,
): Signal => ({
  kind,
  checkpoint,
  places: [checkpoint],
  state: 'lasts',
  opens: true,
  graceMs: 0,
  overMs: null,
  unlessSinceMs: null,
  ...what,
});

/** Says that nothing can be said of it. */
export const unknownSignal = (kind: ConditionKind, places: readonly number[]): Signal => ({
  ...stateSignal(kind, places[0] ?? 0, { beganMs: 0, facts: { reason: '', count: null, sample: null } }),
  places,
  state: 'unknown',
  opens: false,
});
