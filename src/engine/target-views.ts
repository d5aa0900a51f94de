/** The worst targets of each pipeline, within what may be unnested for one overview. */
import { VERDICTS, type Verdict } from '../domain/verdict.ts';
import type { Tx } from '../store/open.ts';
import type { Span } from '../store/read.ts';
import { sumTargets, type TargetSum } from '../store/read-targets.ts';
import { type Place, periodMs } from './accounts.ts';
import type { TargetView } from './view.ts';

const TARGETS_MAX = 200;
/** Canaries times checkpoints of one overview: some 200 ms of the store's time. */
const BUDGET = 400_000;
const SPAN_MAX_MS = 3_600_000;
const BEATS_MIN = 3;

export interface TargetsOfPipeline {
  readonly fromMs: number;
  readonly views: readonly TargetView[];
}

export async function readTargetViews(
  tx: Tx,
  places: readonly Place[],
  { windowMs, nowMs }: { readonly windowMs: number; readonly nowMs: number },
): Promise<ReadonlyMap<number, TargetsOfPipeline>> {
  const share = BUDGET / Math.max(1, places.length);
  const fromOf = ({ pipeline }: Place): number => {
    const beats = Math.max(BEATS_MIN, share / Math.max(1, pipeline.targets.length));
    return Math.round(nowMs - Math.min(windowMs, SPAN_MAX_MS, beats * periodMs(pipeline, nowMs)));
  };
  const spans = places.map(
    (place, span): Span => ({
      span,
      ...place.checkpoint.key,
      from_ms: fromOf(place),
      to_ms: nowMs,
      step_ms: 1,
    }),
  );
  const sums = await sumTargets(tx, spans, TARGETS_MAX);
  const out = new Map<number, TargetsOfPipeline>();
  for (const [span, place] of places.entries()) {
    if (out.has(place.pipeline.number)) continue;
    const own = sums.filter(s => places[s.span]?.pipeline === place.pipeline);
    out.set(place.pipeline.number, { fromMs: spans[span]?.from_ms ?? nowMs, views: viewsOf(own, places) });
  }
  return out;
}

/** In the order of the sums: worst first. */
function viewsOf(sums: readonly TargetSum[], places: readonly Place[]): TargetView[] {
  const byTarget = grouped(sums, s => s.target);
  return [...byTarget.values()].map(own => {
    const bySpan = grouped(own, s => s.span);
    return {
      name: own[0]?.name ?? '',
      state: own[0]?.state ?? '',
      checkpoints: [...bySpan]
        .sort(([a], [b]) => a - b)
        .map(([span, rows]) => ({
          name: places[span]?.checkpoint.config.name ?? '',
          verdicts: Object.fromEntries(rows.map(r => [verdictOf(r), r.n])),
          lastSeenMs: rows.reduce<number | null>(
            (last, r) => (r.seen_ms === null ? last : Math.max(last ?? 0, r.seen_ms)),
            null,
          ),
        })),
    };
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => number): Map<number, T[]> {
  const out = new Map<number, T[]>();
  for (const item of items) {
    const group = out.get(keyOf(item));
    if (group) group.push(item);
    else out.set(keyOf(item), [item]);
  }
  return out;
}

const verdictOf = (row: TargetSum): Verdict => VERDICTS[row.verdict] ?? 'pending';
