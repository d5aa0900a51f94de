/** Reads what each checkpoint's view is made of: a handful of statements for all checkpoints together. */
import { beats } from '../domain/schedule.ts';
import type { Watch } from '../domain/watermark.ts';
import { mergeSketches, parseSketch, type Sketch, sketchOf } from '../stats/sketch.ts';
import type { Tx } from '../store/open.ts';
import {
  type HourRow,
  readDrills,
  readHours,
  readWaiting,
  type Span,
  type Sum,
  sumMarks,
  type Waiting,
} from '../store/read.ts';
import type { Recent } from './health.ts';
import type { LiveCheckpoint, LivePipeline } from './live.ts';
import type { Counts } from './view.ts';
import { addTo, HOUR_MS, type Tally, type Window } from './window.ts';

/** A checkpoint with its watch. */
export interface Place {
  readonly pipeline: LivePipeline;
  readonly checkpoint: LiveCheckpoint;
  readonly watch: Watch;
}

/** What the store says of one checkpoint. */
export interface Account {
  readonly place: Place;
  readonly window: Window;
  readonly bars: Tally;
  readonly recent: Recent;
  readonly delays: { readonly arrived: Sketch; readonly waiting: Sketch };
  /** Newest first. */
  readonly drills: readonly { readonly dueMs: number; readonly bucket: string }[];
}

const RECENT_BEATS = 30;
const RECENT_MIN_MS = 2 * 60_000;
const RECENT_MAX_MS = 6 * HOUR_MS;
/** One step for a whole span: every slot is below it. */
const WHOLE_MS = Number.MAX_SAFE_INTEGER;

export async function readAccounts(
  tx: Tx,
  places: readonly Place[],
  window: Window,
  nowMs: number,
): Promise<Account[]> {
  const spans = (of: (place: Place) => Pick<Span, 'from_ms' | 'to_ms' | 'step_ms'>): Span[] =>
    places.map((place, span) => ({ span, ...place.checkpoint.key, ...of(place) }));
  const inWindow = spans(() => ({ from_ms: window.fromMs, to_ms: window.toMs, step_ms: window.barMs }));
  const inHours = spans(() => ({ from_ms: window.hourFromMs, to_ms: window.toMs, step_ms: HOUR_MS }));
  const sums = await sumMarks(tx, inWindow, window.fine ? 'all' : 'open');
  const marked = window.fine ? await sumMarks(tx, inHours, 'folded_unsent') : [];
  const hours = await readHours(tx, inHours);
  const stepMs = window.fine ? 1_000 : 60_000;
  const waiting = await readWaiting(
    tx,
    inHours.map(s => ({ ...s, step_ms: stepMs })),
  );
  const pastL = await sumMarks(
    tx,
    spans(p => recentSpan(p, p.checkpoint.config.lostAfterMs, nowMs)),
    'all',
  );
  const pastD = await sumMarks(
    tx,
    spans(p => recentSpan(p, p.checkpoint.config.onTimeWithinMs, nowMs)),
    'all',
  );
  const drills = await readDrills(
    tx,
    spans(p => drillSpan(p, nowMs)),
  );
  return places.map((place, span) => {
    const own = <T extends { readonly span: number }>(rows: readonly T[]) =>
      rows.filter(r => r.span === span);
    return {
      place,
      window,
      bars: barsOf(window, own(sums), own(hours), own(marked)),
      recent: {
        spanMs: recentMs(place.pipeline, nowMs),
        pastL: countsOf(own(pastL)),
        pastD: countsOf(own(pastD)),
      },
      delays: delaysOf(place, own(hours), own(waiting)),
      drills: own(drills).map(d => ({ dueMs: d.due_ms, bucket: d.bucket })),
    };
  });
}

/** Roughly how far apart beats are: of a cron schedule, the next two. */
export function periodMs({ schedule }: LivePipeline, nowMs: number): number {
  if (schedule.timing.kind === 'every') return schedule.timing.everyMs;
  const next = beats(schedule, { fromMs: nowMs, toMs: nowMs + 400 * 24 * HOUR_MS, limit: 2 }).beats;
  return (next[1]?.slotMs ?? nowMs + HOUR_MS) - (next[0]?.slotMs ?? nowMs);
}

const recentMs = (pipeline: LivePipeline, nowMs: number): number =>
  Math.min(RECENT_MAX_MS, Math.max(RECENT_MIN_MS, RECENT_BEATS * periodMs(pipeline, nowMs)));

/** The newest canaries whose deadline W has passed. */
function recentSpan({ pipeline, watch }: Place, deadlineMs: number, nowMs: number) {
  const toMs = (watch.wMs ?? 0) - deadlineMs;
  return {
    from_ms: Math.max(0, toMs - recentMs(pipeline, nowMs)),
    to_ms: Math.max(0, toMs),
    step_ms: WHOLE_MS,
  };
}

function drillSpan({ pipeline, checkpoint }: Place, nowMs: number) {
  const reachMs = 2 * checkpoint.config.lostAfterMs + 4 * pipeline.drillEveryMs + HOUR_MS;
  return { from_ms: nowMs - reachMs, to_ms: nowMs, step_ms: WHOLE_MS };
}

const countsOf = (sums: readonly Sum[]): Counts => Object.fromEntries(sums.map(s => [s.bucket, s.n]));

/**
 * A short window is summed from the marks. Canaries that were skipped have none: they are what the rollup's `unsent` has
 * beyond the folded marks', known to the hour, and stand where their hour begins.
 */
function barsOf(
  window: Window,
  sums: readonly Sum[],
  hours: readonly HourRow[],
  marked: readonly Sum[],
): Tally {
  const tally: Tally = new Map();
  for (const s of sums) addTo(tally, window, s.at_ms, { [s.bucket]: s.n });
  const known = new Map(marked.map(m => [m.at_ms, m.n]));
  for (const h of hours) {
    const skipped = { unsent: (h.counts.unsent ?? 0) - (known.get(h.hour_ms) ?? 0) };
    addTo(tally, window, h.hour_ms, window.fine ? skipped : h.counts);
  }
  return tally;
}

/** Delays of what arrived, and how long what hasn't has been proven to be out. */
function delaysOf(
  { watch, checkpoint }: Place,
  hours: readonly HourRow[],
  waiting: readonly Waiting[],
): Account['delays'] {
  const sketches = hours.filter(h => h.delays !== null).map(h => parseSketch(h.delays));
  const aged: [number, number][] = [];
  const put = (ageMs: number, weight: number) => {
    if (weight > 0) aged.push([Math.max(0, ageMs), weight]);
  };
  const wMs = watch.wMs ?? 0;
  const { lostAfterMs } = checkpoint.config;
  for (const w of waiting) {
    put(wMs - w.sent_ms, w.waiting);
    put(Math.max(lostAfterMs, wMs - w.sent_ms), w.lost);
  }
  for (const h of hours) put(Math.max(lostAfterMs, wMs - h.hour_ms - HOUR_MS), h.counts.lost ?? 0);
  return { arrived: mergeSketches(...sketches), waiting: sketchOf(aged) };
}
