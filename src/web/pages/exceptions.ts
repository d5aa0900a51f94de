/** Bars with anything out of the ordinary, joined into spans: when, where, and what befell how many. */
import type { Bar, CheckpointView } from '../../engine/overview.ts';
import { STACK } from './palette.ts';

export interface ExceptionSpan {
  readonly checkpoint: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Buckets with their sums, the worst first. */
  readonly sums: readonly (readonly [bucket: string, n: number])[];
  readonly of: number;
}

const LOUD = STACK.filter(s => s.loud).reverse();

const isLoud = (bar: Bar): boolean => LOUD.some(s => (bar.counts[s.bucket] ?? 0) > 0);

/** Newest first, at most `max`; `more` says how many were left out. */
export function exceptionsOf(
  checkpoints: readonly CheckpointView[],
  max: number,
): { readonly spans: readonly ExceptionSpan[]; readonly more: number } {
  const all = checkpoints.flatMap(spansOf).sort((a, b) => b.toMs - a.toMs || b.fromMs - a.fromMs);
  return { spans: all.slice(0, max), more: Math.max(0, all.length - max) };
}

function spansOf(c: CheckpointView): ExceptionSpan[] {
  const runs: Bar[][] = [];
  let open: Bar[] | undefined;
  for (const bar of c.bars) {
    if (!isLoud(bar)) {
      open = undefined;
      continue;
    }
    if (!open) {
      open = [];
      runs.push(open);
    }
    open.push(bar);
  }
  return runs.map(run => ({
    checkpoint: c.name,
    fromMs: run[0]?.fromMs ?? 0,
    toMs: run.at(-1)?.toMs ?? 0,
    sums: LOUD.map(
      s => [s.bucket, run.reduce((sum, b) => sum + (b.counts[s.bucket] ?? 0), 0)] as const,
    ).filter(([, n]) => n > 0),
    of: run.reduce((sum, b) => sum + STACK.reduce((t, s) => t + (b.counts[s.bucket] ?? 0), 0), 0),
  }));
}
