/** One checkpoint's account as its view: counts, completeness, delays, coverage. Pure. */
import type { Bucket } from '../domain/verdict.ts';
import { sightOf } from '../domain/watermark.ts';
import { type CompletenessCounts, completeness, completenessSentence } from '../stats/completeness.ts';
import { type DelayCurve, delayCurveOfSketches, delayQuantile } from '../stats/kaplan-meier.ts';
import type { Account } from './accounts.ts';
import { checkpointState, coverageOf } from './health.ts';
import type { Bar, CheckpointView, Counts } from './view.ts';
import type { Tally, Window } from './window.ts';

export function checkpointView(
  account: Account,
  span: { readonly nowMs: number; readonly fromMs: number },
): CheckpointView {
  const { pipeline, checkpoint, watch } = account.place;
  const { config, rules } = checkpoint;
  const sight = sightOf(watch, rules, span.nowMs);
  const counts = totalOf(account.bars);
  const complete = completeness(completenessCounts(counts));
  const curve = delayCurveOfSketches(account.delays);
  return {
    name: config.name,
    after: config.after,
    way: rules.way,
    kind: config.observe.kind,
    ...checkpointState(sight, account.recent, pipeline.config.objective, span.nowMs),
    sight,
    watermarkMs: watch.wMs,
    coverage: coverageOf(sight, watch.gaps, span),
    onTimeWithinMs: config.onTimeWithinMs,
    lostAfterMs: config.lostAfterMs,
    holdsMs: config.holdsMs ?? null,
    counts,
    scheduled: scheduledOf(counts),
    completeness: complete,
    sentence: completenessSentence(complete),
    delays: {
      p50: quantile(curve, 0.5),
      p95: quantile(curve, 0.95),
      p99: quantile(curve, 0.99),
      n: curve.n,
      arrived: account.delays.arrived,
    },
    bars: barsOf(account.bars, account.window),
    lastLook: watch.lastLook,
    failures: watch.failures,
    gaps: watch.gaps.filter(g => g.toMs > span.fromMs && g.fromMs < span.nowMs),
  };
}

const quantile = (curve: DelayCurve, q: number) => (curve.n === 0 ? null : delayQuantile(curve, q));

const isDrill = (bucket: string): boolean => bucket.startsWith('drill_');

const scheduledOf = (counts: Counts): number =>
  Object.entries(counts).reduce((n, [bucket, count]) => (isDrill(bucket) ? n : n + count), 0);

function totalOf(bars: Tally): Counts {
  const total: Partial<Record<Bucket, number>> = {};
  for (const counts of bars.values())
    for (const [bucket, n] of Object.entries(counts) as [Bucket, number][])
      total[bucket] = (total[bucket] ?? 0) + n;
  return total;
}

function barsOf(bars: Tally, { fromMs, toMs, barMs }: Window): Bar[] {
  const out: Bar[] = [];
  for (let at = fromMs; at < toMs; at += barMs)
    out.push({ fromMs: at, toMs: at + barMs, counts: bars.get(at) ?? {} });
  return out;
}

/** Buckets as the three ways of completeness count them (DESIGN §3): `missed_here` arrived, by the evidence downstream. */
export function completenessCounts(counts: Counts): CompletenessCounts {
  const of = (bucket: Bucket): number => counts[bucket] ?? 0;
  return {
    delivered: of('on_time') + of('late') + of('delivered') + of('missed_here'),
    recovered: of('recovered'),
    lost: of('lost'),
    refused: of('refused'),
    unsent: of('unsent'),
    maybeSent: of('maybe_sent'),
    unproven: of('unproven'),
    pending: of('pending') + of('overdue'),
  };
}
