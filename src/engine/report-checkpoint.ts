/** One checkpoint's account of a period as a report tells it. Pure. */
import type { BlindFacts, CheckpointFacts, ObjectiveFacts } from '../domain/report/data.ts';
import { addGap, type Gap, sightOf } from '../domain/watermark.ts';
import { clopperPearsonUpper, zeroLossSampleSize } from '../stats/intervals.ts';
import type { IncidentWithNotes } from '../store/incident.ts';
import type { Account } from './accounts.ts';
import { checkpointView } from './checkpoint-view.ts';
import type { Counts } from './view.ts';

/** Half open, whole hours. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

const SPANS_MAX = 20;
/** Kinds of incidents that say: nothing could be proven. */
const BLIND_KINDS = new Set(['blind', 'vanished', 'not_proven']);

export function checkpointFacts(
  account: Account,
  beside: {
    readonly period: Period;
    readonly nowMs: number;
    readonly incidents: readonly IncidentWithNotes[];
  },
): CheckpointFacts {
  const { period, nowMs } = beside;
  const view = checkpointView(account, { nowMs, fromMs: period.fromMs });
  const { accepted, scheduled, worst } = view.completeness;
  const of = (bucket: keyof Counts): number => view.counts[bucket] ?? 0;
  const counted = [...account.bars].filter(([, counts]) => Object.values(counts).some(n => n > 0));
  const { p50, p95, p99, n } = view.delays;
  return {
    name: view.name,
    after: view.after,
    kind: view.kind,
    onTimeWithinMs: view.onTimeWithinMs,
    lostAfterMs: view.lostAfterMs,
    countedFromMs: counted.length > 0 ? Math.min(...counted.map(([at]) => at)) : null,
    watermarkMs: view.watermarkMs,
    counts: view.counts as Record<string, number>,
    scheduled: view.scheduled,
    sentence: view.sentence,
    accepted: { n: accepted.n, delivered: accepted.delivered, atLeast: accepted.atLeast },
    ofScheduled: { n: scheduled.n, delivered: scheduled.delivered },
    worst: { n: worst.n, delivered: worst.delivered },
    objectives: objectivesOf(view.counts, account.place.pipeline.config.objective),
    blind: { ...blindOf(account, beside), unproven: of('unproven') },
    delays: { n, p50, p95, p99 },
    drills: {
      tested: of('drill_lost') + of('drill_seen') + of('drill_unproven'),
      found: of('drill_lost'),
      seen: of('drill_seen'),
      unproven: of('drill_unproven'),
      open: of('drill_open'),
    },
  };
}

/**
 * Of what was scheduled and can be told: `on_time` by the deadline D, `delivered` in the end. What the first hop refused is the
 * path's fault; what we didn't send, or couldn't look for, is not, and is in neither.
 */
export function objectivesOf(
  counts: Counts,
  wanted: { readonly onTime: number; readonly delivered: number },
): ObjectiveFacts[] {
  const sum = (...buckets: (keyof Counts)[]): number => buckets.reduce((n, b) => n + (counts[b] ?? 0), 0);
  const ours = ['unproven', 'maybe_sent'] as const;
  return [
    objective('on_time', wanted.onTime, {
      made: sum('on_time'),
      missing: sum('late', 'overdue', 'lost', 'recovered', 'refused'),
      unknown: sum('pending', 'delivered', 'missed_here', ...ours),
    }),
    objective('delivered', wanted.delivered, {
      made: sum('on_time', 'late', 'delivered', 'recovered', 'missed_here'),
      missing: sum('lost', 'refused'),
      unknown: sum('pending', 'overdue', ...ours),
    }),
  ];
}

function objective(
  of: ObjectiveFacts['of'],
  wanted: number,
  { made, missing, unknown }: { readonly made: number; readonly missing: number; readonly unknown: number },
): ObjectiveFacts {
  const n = made + missing;
  const atLeast = n === 0 ? 0 : 1 - clopperPearsonUpper({ losses: missing, n });
  const atMost = n === 0 ? 1 : clopperPearsonUpper({ losses: made, n });
  const is = n === 0 ? 'open' : atLeast >= wanted ? 'met' : atMost < wanted ? 'not met' : 'open';
  const needed = wanted >= 1 ? null : zeroLossSampleSize({ loss: 1 - wanted, confidence: 0.95 });
  return { of, wanted, n, missing, atLeast, atMost, needed, unknown, is };
}

/** Spans of the period that incidents, gaps and present blindness tell of, merged where they touch. */
function blindOf(
  { place }: Account,
  {
    period,
    nowMs,
    incidents,
  }: { readonly period: Period; readonly nowMs: number; readonly incidents: readonly IncidentWithNotes[] },
): Omit<BlindFacts, 'unproven'> {
  const { watch, checkpoint } = place;
  const toMs = Math.min(period.toMs, nowMs);
  const sight = sightOf(watch, checkpoint.rules, nowMs);
  const known: Gap[] = [
    ...incidents
      .filter(i => BLIND_KINDS.has(i.kind) && i.checkpoint === checkpoint.key.checkpoint)
      .map(i => ({ fromMs: i.began_ms, toMs: i.ended_ms ?? nowMs, reason: i.kind.replaceAll('_', ' ') })),
    ...watch.gaps,
    ...(sight.state === 'blind' ? [{ fromMs: sight.sinceMs, toMs: nowMs, reason: sight.reason }] : []),
  ];
  const spans = known
    .map(g => ({ ...g, fromMs: Math.max(g.fromMs, period.fromMs), toMs: Math.min(g.toMs, toMs) }))
    .reduce<Gap[]>((merged, g) => addGap(merged, g), []);
  return {
    ms: spans.reduce((ms, g) => ms + g.toMs - g.fromMs, 0),
    spans: spans.slice(0, SPANS_MAX),
    more: Math.max(0, spans.length - SPANS_MAX),
  };
}
