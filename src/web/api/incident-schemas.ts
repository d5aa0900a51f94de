/** What the answers of `/api/v1/incidents` are made of. Times are Unix milliseconds, shares fractions. */
import { z } from '@hono/zod-openapi';
import { INCIDENT_KINDS, type IncidentKind } from '../../domain/incident.ts';
import { BY_CHARS_MAX, NOTE_CHARS_MAX } from '../../domain/incident-note.ts';
import { PATTERNS } from '../../domain/pattern.ts';

const ms = z.int();
const share = z.number().min(0).max(1);
const n = z.int();

export const incidentKind = z.enum(Object.keys(INCIDENT_KINDS) as [IncidentKind, ...IncidentKind[]]);

const counts = z
  .object({
    scheduled: n,
    overdue: n.openapi({ description: 'Absent at the deadline, not lost yet.' }),
    lost: n.openapi({ description: 'Proven absent. "Not back by now", never "never".' }),
    recovered: n.openapi({ description: 'Declared lost, and back since.' }),
    late: n,
    arrived: n,
    refused: n,
    pending: n,
    unknown: n.openapi({ description: 'Nobody can tell any more.' }),
  })
  .openapi('IncidentCounts', {
    description: 'Canaries of the span by what became of them; they sum to `scheduled`.',
  });

const loss = z
  .object({
    phase: z.enum(['overdue', 'lost', 'refused']),
    counts,
    hop: z.object({ after: z.string().nullable(), checkpoint: z.string() }).openapi({
      description:
        'The last place that saw what is missing (null: straight after injection), and the first that doesn’t.',
    }),
    checkpoints: z.array(z.string()).openapi({ description: 'All that miss the same canaries.' }),
    targets: z.object({
      touched: z.array(z.string()).openapi({ description: 'Worst first, at most 100.' }),
      n,
      of: n,
    }),
    first_ms: ms,
    last_ms: ms,
    rate: z.object({ share, low: share, high: share, n }).openapi({
      description:
        'Of the touched targets’ canaries after the first missing one of each, with a 95% confidence sequence: it holds whenever it is read. n 0: nothing came after them, and the share is of all.',
    }),
    real_events: z.object({ n: z.number(), low: z.number(), high: z.number() }).nullable().openapi({
      description: 'Missing by now, if they fared like the canaries; null: no `volume` is given.',
    }),
    held_until_ms: ms
      .nullable()
      .openapi({ description: 'Until then the hop keeps its copy of the first missing one.' }),
    holds_ms: ms.nullable(),
    hunt: z
      .object({
        event_from_ms: ms,
        event_to_ms: ms,
        ingest_from_ms: ms,
        ingest_to_ms: ms,
        query: z.string().nullable(),
      })
      .openapi({ description: 'Where to search the real events again.' }),
    pattern: z.object({ name: z.enum(PATTERNS), evidence: z.string() }).nullable(),
    objective: z.object({ on_time: share, delivered: share }),
    on_time_within_ms: ms,
    lost_after_ms: ms,
  })
  .openapi('LossFacts');

export const incident = z
  .object({
    id: n,
    kind: incidentKind,
    concerns: z
      .enum(['loss', 'ours'])
      .openapi({ description: '`ours`: coalmine’s own troubles, never loss.' }),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    title: z.string().openapi({ description: 'What is wrong, where and since when, in one line.' }),
    pipeline: z.object({ name: z.string(), title: z.string() }),
    checkpoint: z.string().nullable().openapi({ description: 'null: the pipeline as a whole.' }),
    state: z.enum(['open', 'ended']),
    acknowledged: z.boolean().openapi({
      description: 'Somebody has taken it: reminders stop. To readers without a key always false.',
    }),
    began_ms: ms,
    detected_ms: ms,
    ended_ms: ms.nullable(),
    reopened: n.openapi({ description: 'How often it ended and came back.' }),
    loss: loss.nullable().openapi({ description: 'null for kinds other than `loss` and `refused`.' }),
    condition: z
      .object({
        reason: z.string(),
        count: n.nullable(),
        sample: z.unknown().openapi({ description: 'For a person; never holds a whole token.' }),
      })
      .nullable(),
  })
  .openapi('Incident');

export const note = z
  .object({ at_ms: ms, by: z.string(), kind: z.enum(['ack', 'note']), text: z.string() })
  .openapi('IncidentNote');

const notice = z
  .object({
    notifier: z.string(),
    sequence: n,
    event: z.enum(['opened', 'worsened', 'reminder', 'resolved', 'summary', 'test']),
    state: z.enum(['waiting', 'sent', 'failed', 'merged']).openapi({
      description: '`failed`: given up. `merged`: told in the summary that came after it.',
    }),
    created_ms: ms,
    next_ms: ms.nullable().openapi({ description: 'Not tried before then; null unless it waits.' }),
    done_ms: ms.nullable(),
    attempts: n.openapi({ description: 'Failed ones.' }),
    error: z.string().nullable(),
    instead_of: z.string().nullable().openapi({ description: 'The notifier that could not be told.' }),
  })
  .openapi('IncidentNotice');

export const incidentDetail = incident
  .extend({
    as_of_ms: ms,
    seen: z
      .object({
        checkpoint: z.string(),
        state: z.enum(['sees', 'blind', 'not_yet_proven']),
        watermark_ms: ms
          .nullable()
          .openapi({ description: 'Everything visible there until then is in the counts.' }),
      })
      .nullable(),
    text: z.string().openapi({ description: 'A few short lines: what a colleague would tell you.' }),
    facts: z.array(z.object({ label: z.string(), value: z.string() })),
    notices: z.array(notice).openapi({
      description: 'Whom people were told through, and what became of it. Not for readers without a key.',
    }),
    notes: z.array(note).openapi({ description: 'Newest last. Not for readers without a key.' }),
  })
  .openapi('IncidentDetail');

const by = z.string().max(BY_CHARS_MAX).optional().openapi({
  description: 'Who says it. The name of the key stands beside it, or alone.',
});

export const noteBody = z
  .object({ text: z.string().trim().min(1).max(NOTE_CHARS_MAX), by })
  .openapi('NewIncidentNote');
export const ackBody = z
  .object({ text: z.string().max(NOTE_CHARS_MAX).optional(), by })
  .openapi('NewIncidentAck');
