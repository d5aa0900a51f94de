/** From views to the API's JSON. */
import type { z } from '@hono/zod-openapi';
import type { Sight } from '../../domain/watermark.ts';
import type { CanaryStory, CanaryView, OrphanStory } from '../../engine/canaries.ts';
import type {
  CheckpointView,
  DelayQuantile,
  FindingView,
  Overview,
  PipelineView,
} from '../../engine/view.ts';
import type { Completeness, Share } from '../../stats/completeness.ts';
import type * as schemas from './schemas.ts';

type Json<T extends keyof typeof schemas> = (typeof schemas)[T] extends z.ZodType<infer Out> ? Out : never;

const plain = (counts: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([k, n]) => [k, n ?? 0]));

const sightJson = (sight: Sight): Json<'sight'> => ({
  state: sight.state,
  reason: sight.state === 'sees' ? null : sight.reason,
  as_of_ms: sight.state === 'sees' ? sight.asOfMs : null,
  since_ms: sight.state === 'blind' ? sight.sinceMs : null,
});

const shareJson = ({ n, delivered, share }: Share) => ({ n, delivered, share: share ?? null });

const completenessJson = (c: Completeness, sentence: string): Json<'completeness'> => ({
  accepted: { ...shareJson(c.accepted), at_least: c.accepted.atLeast },
  scheduled: shareJson(c.scheduled),
  worst: shareJson(c.worst),
  recovered: c.recovered,
  pending: c.pending,
  sentence,
});

const quantileJson = (q: DelayQuantile | null) =>
  q === null ? null : typeof q === 'number' ? { ms: q, above_ms: null } : { ms: null, above_ms: q.above };

const checkpointJson = (c: CheckpointView): Json<'checkpoint'> => ({
  name: c.name,
  after: c.after,
  way: c.way,
  kind: c.kind,
  state: c.state,
  state_reason: c.stateReason,
  sight: sightJson(c.sight),
  watermark_ms: c.watermarkMs,
  coverage: c.coverage,
  on_time_within_ms: c.onTimeWithinMs,
  lost_after_ms: c.lostAfterMs,
  scheduled: c.scheduled,
  counts: plain(c.counts),
  completeness: completenessJson(c.completeness, c.sentence),
  delays: {
    n: c.delays.n,
    p50: quantileJson(c.delays.p50),
    p95: quantileJson(c.delays.p95),
    p99: quantileJson(c.delays.p99),
  },
  last_look: c.lastLook && {
    started_ms: c.lastLook.startedMs,
    ended_ms: c.lastLook.endedMs,
    end: c.lastLook.end,
    reason: c.lastLook.reason,
    records: c.lastLook.records,
    found: c.lastLook.found,
  },
  gaps: c.gaps.map(g => ({ from_ms: g.fromMs, to_ms: g.toMs, reason: g.reason })),
});

export const findingJson = (pipeline: string, f: FindingView): Json<'finding'> => ({
  pipeline,
  checkpoint: f.checkpoint,
  kind: f.kind,
  count: f.count,
  first_ms: f.firstMs,
  last_ms: f.lastMs,
  sample: f.sample,
});

export const pipelineJson = (o: Omit<Overview, 'pipelines'>, p: PipelineView): Json<'pipeline'> => ({
  name: p.name,
  title: p.title,
  state: p.state,
  state_reason: p.stateReason,
  as_of_ms: o.asOfMs,
  from_ms: o.fromMs,
  to_ms: o.toMs,
  every: p.every,
  targets: p.targets,
  last_beat_ms: p.lastBeatMs,
  superseded: p.superseded,
  objective: { on_time: p.objective.onTime, delivered: p.objective.delivered },
  drill: { state: p.drill.state, last_found_lost_ms: p.drill.lastMs },
  checkpoints: p.checkpoints.map(checkpointJson),
});

export const pipelineDetailJson = (
  o: Omit<Overview, 'pipelines'>,
  p: PipelineView,
): Json<'pipelineDetail'> => ({
  ...pipelineJson(o, p),
  bars: p.checkpoints.flatMap(c =>
    c.bars.map(b => ({ checkpoint: c.name, from_ms: b.fromMs, to_ms: b.toMs, counts: plain(b.counts) })),
  ),
  targets_from_ms: p.targetsFromMs,
  worst_targets: p.targetsView.map(t => ({
    name: t.name,
    state: t.state,
    checkpoints: t.checkpoints.map(c => ({
      name: c.name,
      verdicts: plain(c.verdicts),
      last_seen_ms: c.lastSeenMs,
    })),
  })),
  findings: p.findings.map(f => findingJson(p.name, f)),
});

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const canaryJson = (c: CanaryView): Json<'canary'> => ({
  name: c.name,
  pipeline: c.pipeline,
  checkpoint: c.checkpoint,
  target: c.target,
  slot: iso(c.slotMs),
  slot_ms: c.slotMs,
  kind: c.kind,
  sending: c.sending,
  verdict: c.verdict,
  bucket: c.bucket,
  seen_at: isoOrNull(c.seenMs),
  seen_after: isoOrNull(c.seenAfterMs),
  delay_ms: c.delayMs,
  copies: c.copies,
  integrity: c.integrity,
});

const UNKNOWN = {
  pipeline: null,
  target: null,
  kind: null,
  slot_ms: null,
  due_ms: null,
  committed_ms: null,
  sending: null,
  attempts: 0,
  first_attempt_ms: null,
  last_attempt_ms: null,
  reason: null,
  restart_ms: null,
  hops: [],
};

export function storyJson(s: CanaryStory | OrphanStory): Json<'story'> {
  if ('orphan' in s) {
    const seen_as_orphan = s.orphan.map(o => ({
      pipeline: o.pipeline,
      checkpoint: o.checkpoint,
      seen_ms: o.seenMs,
    }));
    return { name: s.name, known: false, ...UNKNOWN, seen_as_orphan };
  }
  return {
    name: s.name,
    known: true,
    pipeline: s.pipeline,
    target: s.target,
    kind: s.kind,
    slot_ms: s.slotMs,
    due_ms: s.dueMs,
    committed_ms: s.committedMs,
    sending: s.sending,
    attempts: s.attempts,
    first_attempt_ms: s.firstAttemptMs,
    last_attempt_ms: s.lastAttemptMs,
    reason: s.reason,
    restart_ms: s.restartMs,
    hops: s.hops.map(h => ({
      ...canaryJson(h),
      on_time_by_ms: h.onTimeByMs,
      lost_from_ms: h.lostFromMs,
      remarks: [...h.remarks],
      detail: h.detail,
      sight: h.sight && sightJson(h.sight),
    })),
    seen_as_orphan: [],
  };
}
