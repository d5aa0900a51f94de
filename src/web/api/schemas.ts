/** What the API's answers are made of. Units end a name; times are Unix milliseconds, in canaries ISO 8601 too. */
import { z } from '@hono/zod-openapi';
import { VERDICTS } from '../../domain/verdict.ts';

const ms = z.int();
const share = z.number().min(0).max(1);
const counts = z.record(z.string(), z.int()).openapi({
  description: 'Canaries by bucket; those without any are absent. Drills stand apart as `drill_…`.',
  example: { on_time: 358, late: 1, pending: 1 },
});

export const problem = z
  .object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() })
  .openapi('Problem', { description: 'RFC 9457' });

export const sight = z
  .object({
    state: z.enum(['sees', 'blind', 'not_yet_proven']),
    reason: z.string().nullable(),
    as_of_ms: ms.nullable().openapi({ description: 'The watermark, while it sees.' }),
    since_ms: ms.nullable().openapi({ description: 'Since when it is blind.' }),
  })
  .openapi('Sight');

const of = z.object({
  n: z.int().openapi({ description: 'What the share is of.' }),
  delivered: z.int(),
  share: share.nullable().openapi({ description: 'null when n is 0.' }),
});

export const completeness = z
  .object({
    accepted: of.extend({
      at_least: share.openapi({
        description:
          'One-sided 95% Clopper–Pearson bound; pointwise: it holds for one window looked at once.',
      }),
    }),
    scheduled: of,
    worst: of,
    recovered: z.int(),
    pending: z.int(),
    sentence: z.string(),
  })
  .openapi('Completeness');

const quantile = z
  .object({ ms: z.number().nullable(), above_ms: z.number().nullable() })
  .nullable()
  .openapi({ description: '`above_ms`: not back by then; nothing more is known. null: no canary.' });

export const checkpoint = z
  .object({
    name: z.string(),
    after: z.string().nullable(),
    way: z.enum(['query', 'follow', 'receive']),
    kind: z.string(),
    state: z.enum(['healthy', 'late', 'losing', 'blind', 'not_yet_proven']),
    state_reason: z.string(),
    sight,
    watermark_ms: ms.nullable(),
    coverage: share.openapi({ description: 'Share of the window in which absence could be proven.' }),
    on_time_within_ms: ms,
    lost_after_ms: ms,
    scheduled: z.int().openapi({ description: 'The sum of `counts` without drills.' }),
    counts,
    completeness,
    delays: z.object({ n: z.int(), p50: quantile, p95: quantile, p99: quantile }).openapi({
      description: 'Kaplan–Meier over the whole hours that the window touches: what is still out counts.',
    }),
    last_look: z
      .object({
        started_ms: ms,
        ended_ms: ms,
        end: z.enum(['exhausted', 'truncated', 'failed']),
        reason: z.string().nullable(),
        records: z.int(),
        found: z.int(),
      })
      .nullable(),
    gaps: z.array(z.object({ from_ms: ms, to_ms: ms, reason: z.string() })),
  })
  .openapi('Checkpoint');

export const finding = z
  .object({
    pipeline: z.string(),
    checkpoint: z.string().nullable().openapi({ description: 'null: of the pipeline as a whole.' }),
    kind: z.string().openapi({ example: 'echo' }),
    count: z.int(),
    first_ms: ms,
    last_ms: ms,
    sample: z.unknown().openapi({ description: 'The newest, for a person; never holds a whole token.' }),
  })
  .openapi('Finding');

export const pipeline = z
  .object({
    name: z.string(),
    title: z.string(),
    state: z.enum(['healthy', 'late', 'losing', 'blind', 'not_yet_proven', 'silent']),
    state_reason: z.string(),
    as_of_ms: ms,
    from_ms: ms.openapi({ description: 'The window, by slot, made whole to its bars: [from_ms, to_ms).' }),
    to_ms: ms,
    every: z.string().openapi({ example: 'every 10s' }),
    targets: z.object({ n: z.int(), quiet: z.int() }),
    last_beat_ms: ms.nullable(),
    superseded: z.boolean(),
    objective: z.object({ on_time: share, delivered: share }),
    drill: z.object({
      state: z.enum(['found lost', 'open', 'not found', 'unproven', 'seen', 'none']),
      last_found_lost_ms: ms.nullable(),
    }),
    checkpoints: z.array(checkpoint),
  })
  .openapi('Pipeline');

export const pipelineDetail = pipeline
  .extend({
    bars: z
      .array(
        z.object({
          checkpoint: z.string(),
          from_ms: ms,
          to_ms: ms,
          counts,
        }),
      )
      .openapi({ description: 'Per checkpoint at most 120, oldest first; they sum to `counts`.' }),
    targets_from_ms: ms.openapi({ description: '`worst_targets` counts the canaries since then.' }),
    worst_targets: z.array(
      z.object({
        name: z.string(),
        state: z.string(),
        checkpoints: z.array(
          z.object({
            name: z.string(),
            verdicts: z.record(z.string(), z.int()),
            last_seen_ms: ms.nullable(),
          }),
        ),
      }),
    ),
    findings: z.array(finding),
  })
  .openapi('PipelineDetail');

export const verdict = z.enum(VERDICTS);
const iso = z.iso.datetime();

export const canary = z
  .object({
    name: z
      .string()
      .openapi({ description: 'target.slot.index; no secret, and no proof.', example: '3.1760000000000.0' }),
    pipeline: z.string(),
    checkpoint: z.string(),
    target: z.string(),
    slot: iso,
    slot_ms: ms,
    kind: z.string().openapi({ description: '`planned`, `emit` or `test`.' }),
    sending: z.string().nullable().openapi({ description: 'null: still being sent.' }),
    verdict,
    bucket: z.string().openapi({ description: 'Where it is counted.' }),
    seen_at: iso.nullable(),
    seen_after: iso.nullable().openapi({ description: 'It became visible after this, if that is known.' }),
    delay_ms: z.number().nullable().openapi({ description: 'From the first attempt until seen, at most.' }),
    copies: z.int(),
    integrity: z.enum(['intact', 'altered', 'truncated', 'missing']).nullable(),
  })
  .openapi('Canary');

export const story = z
  .object({
    name: z.string(),
    known: z.boolean().openapi({ description: 'false: an orphan, seen and registered by nobody.' }),
    pipeline: z.string().nullable(),
    target: z.string().nullable(),
    kind: z.string().nullable(),
    slot_ms: ms.nullable(),
    due_ms: ms.nullable(),
    committed_ms: ms.nullable(),
    sending: z.string().nullable(),
    attempts: z.int(),
    first_attempt_ms: ms.nullable(),
    last_attempt_ms: ms.nullable(),
    reason: z.string().nullable(),
    restart_ms: ms.nullable(),
    hops: z.array(
      canary.extend({
        on_time_by_ms: ms.nullable(),
        lost_from_ms: ms.nullable(),
        remarks: z.array(z.string()),
        detail: z.unknown(),
        sight: sight.nullable(),
      }),
    ),
    seen_as_orphan: z.array(z.object({ pipeline: z.string(), checkpoint: z.string(), seen_ms: ms })),
  })
  .openapi('CanaryStory');

export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({
    data: z.array(item),
    next: z
      .string()
      .nullable()
      .openapi({ description: 'The cursor of the next page; null: this is the last.' }),
  });
