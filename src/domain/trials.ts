/**
 * Which canaries of a beat count in a detector's sequence, and how (DESIGN §6). Each is fed once, strictly by slot, when W
 * has passed its deadline; who counts is fixed by how it was sent and whether it was covered, never by whether it was seen.
 */
import { SENDINGS } from './canary.ts';
import { FLAG } from './settlement.ts';
import type { Deadlines } from './verdict.ts';
import { inGap, type Watch } from './watermark.ts';

/** `on_time`: visible by D. `delivered`: visible by L. `refused`: taken by the first hop. */
export const OBJECTIVES = ['on_time', 'delivered', 'refused'] as const;
export type Objective = (typeof OBJECTIVES)[number];

/** A row of canaries at one checkpoint, as the ledger holds it; see SettlementRow. */
export interface TrialRow {
  readonly slot: number;
  readonly due_ms: number;
  readonly restart_ms: number | null;
  readonly targets: readonly number[];
  readonly sendings: readonly number[] | null;
  readonly last_offs: readonly number[] | null;
  readonly next_due_ms: number | null;
  readonly seen_offs: readonly (number | null)[] | null;
  readonly seen_after_offs: readonly (number | null)[] | null;
  readonly flags: readonly number[] | null;
}

/** Numbers of targets. `losses` are among `targets`; `skipped` aren't. */
export interface Trials {
  readonly targets: readonly number[];
  readonly losses: readonly number[];
  readonly skipped: readonly number[];
}

export interface TrialContext {
  readonly watch: Pick<Watch, 'wMs' | 'gaps' | 'proven'>;
  readonly deadlines: Deadlines;
  /** Number of the pseudo-target: in no sequence. */
  readonly drill: number;
  /** What is missing at a checkpoint before this one is told there: it says nothing of the hop to here. */
  readonly missingBefore: (position: number) => boolean;
  /** Whether a canary that was out between these times is measured only. */
  readonly inMaintenance: (fromMs: number, toMs: number) => boolean;
}

type Trial = 'arrival' | 'loss' | 'skip' | 'wait';

/** What a row adds to a sequence; null: some canary of it can't be told yet, so everything waits. */
export function trialsOf(row: TrialRow, objective: Objective, context: TrialContext): Trials | null {
  const targets: number[] = [];
  const losses: number[] = [];
  const skipped: number[] = [];
  if (row.sendings === null) return null;
  for (const [i, target] of row.targets.entries()) {
    if (target === context.drill) continue;
    const trial = trialOf(row, i, objective, context);
    if (trial === 'wait') return null;
    if (trial === 'skip') {
      skipped.push(target);
      continue;
    }
    targets.push(target);
    if (trial === 'loss') losses.push(target);
  }
  return { targets, losses, skipped };
}

function trialOf(row: TrialRow, i: number, objective: Objective, context: TrialContext): Trial {
  const sending = SENDINGS[row.sendings?.[i] ?? -1];
  const lastMs = row.due_ms + (row.last_offs?.[i] ?? 0);
  const sentMs = row.restart_ms === null ? lastMs : Math.max(lastMs, row.restart_ms);
  if (objective === 'refused') {
    if (context.inMaintenance(lastMs, lastMs)) return 'skip';
    return sending === 'refused' ? 'loss' : sending === 'accepted' ? 'arrival' : 'skip';
  }
  if (sending !== 'accepted') return 'skip';
  const { onTimeWithinMs, lostAfterMs } = context.deadlines;
  const deadlineMs = sentMs + (objective === 'on_time' ? onTimeWithinMs : lostAfterMs);
  if (context.inMaintenance(sentMs, deadlineMs)) return 'skip';
  const flags = row.flags?.[i] ?? 0;
  const trial =
    objective === 'delivered' ? byLost(row, i, flags) : byOnTime(row, i, flags, sentMs, deadlineMs, context);
  // Seen further down it is our own look that missed it; missing further up it has been told.
  if (trial === 'loss' && ((flags & FLAG.downstream) !== 0 || context.missingBefore(i))) return 'skip';
  return trial;
}

/** Only a closed row says of all its canaries alike whether they were covered. */
function byLost(row: TrialRow, i: number, flags: number): Trial {
  if (row.next_due_ms !== null) return 'wait';
  if ((flags & FLAG.uncovered) !== 0) return 'skip';
  if ((flags & FLAG.absentAtL) !== 0) return 'loss';
  return (row.seen_offs?.[i] ?? null) === null ? 'skip' : 'arrival';
}

function byOnTime(
  row: TrialRow,
  i: number,
  flags: number,
  sentMs: number,
  deadlineMs: number,
  { watch }: TrialContext,
): Trial {
  if ((flags & FLAG.uncovered) !== 0) return 'skip';
  const closed = row.next_due_ms === null;
  const passed = watch.proven && watch.wMs !== null && watch.wMs >= deadlineMs;
  if (!passed && !closed) return 'wait';
  if (inGap(watch.gaps, sentMs, deadlineMs)) return 'skip';
  if ((flags & FLAG.absentAtD) !== 0) return 'loss';
  const seen = row.seen_offs?.[i] ?? null;
  if (seen === null) return closed ? 'skip' : 'wait';
  if (row.due_ms + seen <= deadlineMs) return 'arrival';
  const after = row.seen_after_offs?.[i] ?? null;
  // `delivered`: nobody knows whether it was in time. Left out, only those that are missing after a blindness would count.
  return after !== null && row.due_ms + after >= deadlineMs ? 'loss' : 'arrival';
}

/** Beats come in parts; a trial is the whole beat. */
export const joinTrials = (parts: readonly Trials[]): Trials => ({
  targets: parts.flatMap(p => p.targets),
  losses: parts.flatMap(p => p.losses),
  skipped: parts.flatMap(p => p.skipped),
});
