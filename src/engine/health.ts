/**
 * From counts and sight to a state and its reason in words. Pure. Blindness comes before everything that a checkpoint's
 * counts might say: what was counted before it is no news of now.
 */
import { canaries, count } from '../domain/saying.ts';
import type { Gap, Sight } from '../domain/watermark.ts';
import { formatDuration, formatPercent } from '../domain/words.ts';
import { clopperPearsonUpper } from '../stats/intervals.ts';
import type { CheckpointView, Counts, DrillState, PipelineState } from './view.ts';

/** What the newest canaries whose time is over became: of those past L, and of those past D. */
export interface Recent {
  readonly spanMs: number;
  readonly pastL: Counts;
  readonly pastD: Counts;
}

interface State<S> {
  readonly state: S;
  readonly stateReason: string;
}

const sum = (counts: Counts, ...buckets: (keyof Counts)[]): number =>
  buckets.reduce((n, b) => n + (counts[b] ?? 0), 0);

/** Whether x of n is more than a share allows, beyond chance: one-sided 95% Clopper–Pearson, pointwise. */
const exceeds = (x: number, n: number, allowed: number): boolean =>
  x > 0 && 1 - clopperPearsonUpper({ losses: n - x, n }) > allowed;

export function checkpointState(
  sight: Sight,
  recent: Recent,
  objective: { readonly onTime: number; readonly delivered: number },
  nowMs: number,
): State<CheckpointView['state']> {
  if (sight.state === 'not_yet_proven') return { state: 'not_yet_proven', stateReason: sight.reason };
  if (sight.state === 'blind')
    return {
      state: 'blind',
      stateReason: `nothing can be said of the last ${formatDuration(Math.max(0, nowMs - sight.sinceMs))}: ${sight.reason}`,
    };
  const { pastL, pastD } = recent;
  const within = `in ${formatDuration(recent.spanMs)}`;
  const lost = sum(pastL, 'lost', 'refused');
  const decided = lost + sum(pastL, 'on_time', 'late', 'delivered', 'recovered', 'missed_here');
  if (exceeds(lost, decided, 1 - objective.delivered)) {
    const refused = sum(pastL, 'refused');
    const ofThem = refused > 0 ? ` (${count(refused)} refused by the first hop)` : '';
    return {
      state: 'losing',
      stateReason: `${count(lost)} of ${canaries(decided)} lost${ofThem} ${within}; the objective is ${formatPercent(objective.delivered)} delivered`,
    };
  }
  const late = sum(pastD, 'late', 'overdue', 'lost', 'recovered');
  const timed = late + sum(pastD, 'on_time', 'delivered');
  if (exceeds(late, timed, 1 - objective.onTime))
    return {
      state: 'late',
      stateReason: `${count(late)} of ${canaries(timed)} late or overdue ${within}; the objective is ${formatPercent(objective.onTime)} on time`,
    };
  if (decided + timed === 0) {
    const ours = sum(pastD, 'unsent', 'maybe_sent');
    const why = ours > 0 ? `: ${count(ours)} were not sent, or nobody knows whether they were; ours` : '';
    return { state: 'not_yet_proven', stateReason: `no canary was decided ${within}${why}` };
  }
  return { state: 'healthy', stateReason: `${count(timed - late)} of ${canaries(timed)} on time ${within}` };
}

const WORST_FIRST = ['losing', 'silent', 'blind', 'late', 'not_yet_proven', 'healthy'] as const;

/** A pipeline is as its worst checkpoint; proven loss is worse than not knowing, and not knowing than being late. */
export function pipelineState(
  checkpoints: readonly Pick<CheckpointView, 'name' | 'state' | 'stateReason'>[],
  silent: string | null,
): State<PipelineState> {
  const states = checkpoints.map(c => c.state as PipelineState);
  if (silent !== null) states.push('silent');
  const state = WORST_FIRST.find(s => states.includes(s)) ?? 'not_yet_proven';
  if (state === 'silent') return { state, stateReason: silent ?? '' };
  const those = checkpoints.filter(c => c.state === state);
  const stateReason = those
    .slice(0, 3)
    .map(c => (checkpoints.length === 1 ? c.stateReason : `${c.name}: ${c.stateReason}`))
    .join('; ');
  return { state, stateReason };
}

/** Share of [fromMs, nowMs) that is neither in a gap nor in the blindness that lasts; 0 before anything was seen. */
export function coverageOf(
  sight: Sight,
  gaps: readonly Gap[],
  span: { readonly fromMs: number; readonly nowMs: number },
): number {
  const length = span.nowMs - span.fromMs;
  if (sight.state === 'not_yet_proven' || length <= 0) return 0;
  const untilMs = sight.state === 'blind' ? Math.min(sight.sinceMs, span.nowMs) : span.nowMs;
  let covered = Math.max(0, untilMs - span.fromMs);
  // Gaps don't overlap: the watermark merges them.
  for (const g of gaps) covered -= Math.max(0, Math.min(g.toMs, untilMs) - Math.max(g.fromMs, span.fromMs));
  return Math.max(0, covered) / length;
}

/** The drills of one checkpoint, newest first, and what should have become of them by now. */
export interface Drills {
  readonly drills: readonly { readonly dueMs: number; readonly bucket: string }[];
  readonly sight: Sight;
  readonly lostAfterMs: number;
  /** How long after W has passed a deadline the proof may still take. */
  readonly slackMs: number;
}

function drillAt({ drills, sight, lostAfterMs, slackMs }: Drills, nowMs: number): DrillState {
  if (drills.length === 0) return 'none';
  if (drills.some(d => d.bucket === 'drill_seen')) return 'seen';
  const deadline = (d: { readonly dueMs: number }) => d.dueMs + lostAfterMs;
  if (sight.state !== 'sees') return drills.some(d => deadline(d) + slackMs < nowMs) ? 'unproven' : 'open';
  const due = drills.filter(d => d.bucket !== 'drill_open' || deadline(d) + slackMs < sight.asOfMs)[0];
  if (!due) return 'open';
  if (due.bucket === 'drill_open') return 'not found';
  return due.bucket === 'drill_lost' ? 'found lost' : 'unproven';
}

const DRILLS_WORST_FIRST = ['seen', 'not found', 'unproven', 'open', 'none', 'found lost'] as const;

/** A pipeline's alarm is as sound as its worst checkpoint's. `lastMs`: when the newest one found lost was due. */
export function drillState(
  checkpoints: readonly Drills[],
  nowMs: number,
): { readonly state: DrillState; readonly lastMs: number | null } {
  const states = checkpoints.map(c => drillAt(c, nowMs));
  const found = checkpoints.flatMap(c => c.drills.filter(d => d.bucket === 'drill_lost').map(d => d.dueMs));
  return {
    state: DRILLS_WORST_FIRST.find(s => states.includes(s)) ?? 'none',
    lastMs: found.length > 0 ? Math.max(...found) : null,
  };
}
