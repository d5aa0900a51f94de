/** Incidents as whoever asks may read them, and what people say of them. */
import type { Incident, IncidentKind, IncidentNote } from '../domain/incident.ts';
import { BY_CHARS_MAX, NOTE_CHARS_MAX, NOTES_MAX, type Saying } from '../domain/incident-note.ts';
import { clip } from '../domain/saying.ts';
import { newWatch, type Sight, sightOf } from '../domain/watermark.ts';
import { addNote, readIncident } from '../store/incident.ts';
import type { Sql } from '../store/open.ts';
import { snapshot } from '../store/read.ts';
import { countOpenIncidents, readIncidentPage } from '../store/read-incidents.ts';
import { type NoticeRow, readNotices } from '../store/read-notices.ts';
import { readWatches } from '../store/register.ts';
import { incidentView } from './incident-view.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';

/** Who reads. */
export interface IncidentReader {
  /** Names of the pipelines that they may read. */
  readonly only: readonly string[];
  /** Without a key: incidents come after `public_incident_delay`, and without what is internal. */
  readonly isPublic: boolean;
}

export interface IncidentQuery {
  readonly kinds?: readonly IncidentKind[];
  readonly state?: 'open' | 'ended';
  /** Those that last, or ended since then. */
  readonly sinceMs?: number;
  /** `next` of the page before. */
  readonly before?: number;
  /** 1 or more. */
  readonly limit: number;
}

export interface IncidentPage {
  readonly asOfMs: number;
  /** Newest first. Of the notes they hold only the one that took it last. */
  readonly incidents: readonly Incident[];
  /** null: this is the last page. */
  readonly next: number | null;
}

export interface IncidentStory {
  readonly asOfMs: number;
  readonly incident: Incident;
  /** How far the checkpoint has been seen that it is told of; null: the checkpoint is gone. */
  readonly seen: {
    readonly checkpoint: string;
    readonly sight: Sight;
    readonly watermarkMs: number | null;
  } | null;
  /** What became of each notice, as they were written. Empty for who has no key. */
  readonly notices: readonly NoticeRow[];
}

const pipelinesOf = (engine: Engine, { only }: IncidentReader): LivePipeline[] =>
  engine.pipelines.filter(p => only.includes(p.config.name));

const detectedBy = (engine: Engine, { isPublic }: IncidentReader): number | null =>
  isPublic ? engine.ctx.clock.now() - engine.config.access.publicIncidentDelayMs : null;

/** A page of incidents of the pipelines that may be read. */
export async function incidentPage(
  engine: Engine,
  reader: IncidentReader,
  query: IncidentQuery,
): Promise<IncidentPage> {
  const pipelines = pipelinesOf(engine, reader);
  const asOfMs = engine.ctx.clock.now();
  const rows = await readIncidentPage(engine.sql, {
    pipelines: pipelines.map(p => p.number),
    kinds: query.kinds ?? null,
    state: query.state ?? null,
    sinceMs: query.sinceMs ?? null,
    detectedByMs: detectedBy(engine, reader),
    before: query.before ?? null,
    limit: query.limit + 1,
  });
  const incidents = rows.slice(0, query.limit).flatMap(row => {
    const pipeline = pipelines.find(p => p.number === row.pipeline);
    return pipeline ? [shownTo(reader, incidentView(pipeline, row))] : [];
  });
  return { asOfMs, incidents, next: rows.length > query.limit ? (incidents.at(-1)?.id ?? null) : null };
}

/** One incident in full; null: there is none that may be read. */
export async function incidentStory(
  engine: Engine,
  reader: IncidentReader,
  id: number,
): Promise<IncidentStory | null> {
  const byMs = detectedBy(engine, reader);
  return await snapshot(engine.sql, async tx => {
    const row = await readIncident(tx, id);
    const pipeline = pipelinesOf(engine, reader).find(p => p.number === row?.pipeline);
    if (!row || !pipeline || (byMs !== null && row.detected_ms > byMs)) return null;
    const asOfMs = engine.ctx.clock.now();
    const at = placeOf(pipeline, row.checkpoint);
    const watches = await readWatches(tx as unknown as Sql, [pipeline.number]);
    const known = watches.find(w => w.checkpoint === at?.key.checkpoint)?.watermark;
    const watch = { ...newWatch, ...known };
    return {
      asOfMs,
      incident: shownTo(reader, incidentView(pipeline, row)),
      seen: at
        ? { checkpoint: at.config.name, sight: sightOf(watch, at.rules, asOfMs), watermarkMs: watch.wMs }
        : null,
      notices: reader.isPublic ? [] : await readNotices(tx, id),
    };
  });
}

/** Where an incident's canaries are counted: at its checkpoint; of the pipeline as a whole, at the first. */
export const placeOf = (pipeline: LivePipeline, checkpoint: number): LiveCheckpoint | undefined =>
  checkpoint === 0
    ? pipeline.checkpoints[0]
    : pipeline.checkpoints.find(c => c.key.checkpoint === checkpoint);

/** Notes, samples and queries are internal; the rest is what a public pipeline's own page shows. */
function shownTo({ isPublic }: IncidentReader, incident: Incident): Incident {
  if (!isPublic) return incident;
  const { loss, condition } = incident;
  return {
    ...incident,
    notes: [],
    loss: loss && { ...loss, hunt: { ...loss.hunt, query: null } },
    condition: condition && { ...condition, sample: null },
  };
}

/** Open incidents by pipeline and kind. */
export async function openIncidents(
  engine: Engine,
  reader: IncidentReader,
): Promise<{ readonly pipeline: string; readonly kind: IncidentKind; readonly n: number }[]> {
  const pipelines = pipelinesOf(engine, reader);
  const rows = await countOpenIncidents(engine.sql, {
    pipelines: pipelines.map(p => p.number),
    detectedByMs: detectedBy(engine, reader),
  });
  return rows.map(r => ({
    pipeline: pipelines.find(p => p.number === r.pipeline)?.config.name ?? '',
    kind: r.kind,
    n: r.n,
  }));
}

/**
 * Writes down what somebody says. `full`: it has NOTES_MAX notes. Who has taken it already, and takes it again without a word,
 * changes nothing.
 */
export async function sayOf(
  engine: Engine,
  id: number,
  saying: Saying,
): Promise<IncidentNote | 'unknown' | 'full'> {
  const row = await readIncident(engine.sql, id);
  if (!row || !engine.pipelines.some(p => p.number === row.pipeline)) return 'unknown';
  const note: IncidentNote = {
    atMs: engine.ctx.clock.now(),
    by: clip(saying.by, BY_CHARS_MAX),
    kind: saying.kind,
    text: saying.text.trim().slice(0, NOTE_CHARS_MAX),
  };
  const taken = row.notes.findLast(n => n.kind === 'ack');
  if (note.kind === 'ack' && note.text === '' && taken?.by === note.by) return taken;
  if (row.notes.length >= NOTES_MAX) return 'full';
  return (await addNote(engine.sql, id, note)) ? note : 'unknown';
}
