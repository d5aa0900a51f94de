/** Asks a checkpoint for one range, and hands the pages of the answer to `sight`. */
import type { Found, Json, Look, SeenRecord } from '../contracts/observer.ts';
import { nameKey } from '../domain/canary.ts';
import { TOKEN_PREFIX } from '../domain/token.ts';
import {
  type Anchor,
  type LookFacts,
  type LookRange,
  SKEW_ALLOWANCE_MS,
  type Watch,
} from '../domain/watermark.ts';
import type { FindingRow } from '../store/finding.ts';
import type { Lease } from '../store/lease.ts';
import { commitSightings, type Evidence } from '../store/sight.ts';
import { park, siftMeeting } from './aliases.ts';
import type { Known } from './known.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import { untilCommitted } from './retry.ts';
import type { Sighting } from './sight.ts';
import { within } from './within.ts';

/** One range is asked for in at most this; a truncated answer is asked for again in pieces. */
const LIMITS = { records: 200_000, bytes: 256 * 1024 * 1024 };
const LOOK_MS_MAX = 120_000;
/** What was read of a truncated answer was read in vain, so the pieces are small: halves would be truncated again and again. */
const PIECES = 8;
const DEPTH_MAX = 8;

/** What a round of looking has found, up to now. */
export interface Tally {
  records: number;
  found: number;
  anchorFound: boolean;
  newest: Anchor[];
  skew: { low: number; high: number } | null;
  readonly findings: FindingRow[];
  gap: LookFacts['gap'];
  retryAfterMs: number | null;
  /** The last page: committed with what comes after it, the next page or the look's end. */
  held: {
    readonly evidence: Evidence;
    readonly sightings: readonly Sighting[];
  } | null;
  news: boolean;
  cursor: Json | undefined;
}

export const newTally = (cursor: Json | undefined): Tally => ({
  records: 0,
  found: 0,
  anchorFound: false,
  newest: [],
  skew: null,
  findings: [],
  gap: null,
  retryAfterMs: null,
  held: null,
  news: false,
  cursor,
});

export type End = { readonly end: 'exhausted' | 'truncated' | 'failed'; readonly reason: string | null };

export interface Ask {
  readonly at: {
    readonly pipeline: LivePipeline;
    readonly checkpoint: LiveCheckpoint;
    readonly lease: Lease;
    /** What the last look here found. */
    readonly known: Known;
  };
  readonly watch: Watch;
  readonly startedMs: number;
  readonly tally: Tally;
  /** It is the look that moves W, not one of those that are asked apart. */
  readonly carriesOn: boolean;
  /** Is told the slot of each canary that is found. */
  readonly onFound: (slotMs: number) => void;
}

/** Asks one range; a truncated answer is asked again in pieces, each of which must be whole. */
export async function askRange(
  engine: Engine,
  ask: Ask,
  range: LookRange,
  cursor: Json | undefined,
  depth: number,
): Promise<End> {
  const end = await askOnce(engine, ask, range, cursor);
  const spanMs = range.toMs - range.fromMs;
  if (end.end !== 'truncated' || range.by === 'follow' || spanMs < 2 || depth >= DEPTH_MAX) return end;
  const pieceMs = Math.ceil(spanMs / PIECES);
  for (let fromMs = range.fromMs; fromMs < range.toMs; fromMs += pieceMs) {
    const piece = { ...range, fromMs, toMs: Math.min(fromMs + pieceMs, range.toMs) };
    const ended = await askRange(engine, ask, piece, undefined, depth + 1);
    if (ended.end !== 'exhausted') return ended;
  }
  return { end: 'exhausted', reason: null };
}

async function askOnce(engine: Engine, ask: Ask, range: LookRange, cursor: Json | undefined): Promise<End> {
  const { observer } = ask.at.checkpoint;
  const { observe } = observer;
  if (!observe) return { end: 'failed', reason: 'this kind of observer is pushed to, not asked' };
  const asked: Look = {
    ...range,
    prefix: TOKEN_PREFIX,
    limits: LIMITS,
    ...(ask.at.pipeline.tripwire ? { also: ask.at.pipeline.tripwire.needles } : {}),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const { clock } = engine.ctx;
  const reason = `no end within ${LOOK_MS_MAX / 1000} s`;
  try {
    return await within({ clock, ms: LOOK_MS_MAX, reason, stop: engine.stop }, async signal => {
      for await (const found of observe.call(observer, asked, signal)) {
        if (!('page' in found)) return endOf(found, ask.tally);
        await takePage(engine, ask, found.page, found.cursor);
      }
      return { end: 'failed', reason: 'the observer stopped without saying how it ended' };
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'LeaseLostError') throw error;
    return { end: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

function endOf(found: Extract<Found, { end: string }>, tally: Tally): End {
  if (found.gap) tally.gap = found.gap;
  if (found.retryAfterMs !== undefined) tally.retryAfterMs = found.retryAfterMs;
  return { end: found.end, reason: found.reason ?? null };
}

async function takePage(
  engine: Engine,
  ask: Ask,
  page: readonly SeenRecord[],
  cursor: Json | undefined,
): Promise<void> {
  const { at, tally, watch } = ask;
  tally.records += page.length;
  engine.instruments.add('records_read', page.length);
  const seeing = { absentMs: watch.wMs, seenMs: engine.ctx.clock.now(), look: ask.startedMs };
  const { again, rest } = at.known.part(page);
  const sifted = await siftMeeting(engine, at, rest, seeing);
  // The earlier looks may have begun after this record's time: then they say nothing of its absence.
  const wasCovered = at.checkpoint.rules.chained
    ? inChain(ask)
    : (t: Times) => coveredBefore(watch, t.eventMs);
  const absentMs = (times: Times): number | null => (wasCovered(times) ? watch.wMs : null);
  const rows = sifted.sightings.map(({ row, eventMs, ingestedMs, name }) => {
    const earliestMs = eventMs ?? name.slot + watch.skewLowMs - SKEW_ALLOWANCE_MS;
    return { ...row, seen_after_ms: absentMs({ eventMs: earliestMs, ingestedMs }) };
  });
  const parked = park(at.pipeline, sifted, ({ row, eventMs }) =>
    absentMs({ eventMs, ingestedMs: row.ingested_ms }),
  );
  for (const s of [...again, ...sifted.sightings]) noteSighting(ask, s, seeing.seenMs);
  const evidence = {
    rows: [...rows, ...parked.rows],
    findings: [...sifted.findings, ...parked.findings],
    identities: parked.identities,
    ...(cursor === undefined ? {} : { cursor }),
  };
  const { findings, identities } = evidence;
  if (cursor === undefined && [evidence.rows, findings, identities].every(list => list.length === 0)) return;
  const { held } = tally;
  if (held) {
    await untilCommitted(engine, 'look.page', () => commitSightings(engine.sql, at.lease, held.evidence));
    at.known.add(held.sightings);
  }
  tally.held = { evidence, sightings: sifted.sightings };
  if (cursor !== undefined) tally.cursor = cursor;
  tally.news = true;
}

/** When a record says that it was, and when its backend says that it took it in. */
type Times = Pick<Sighting, 'eventMs' | 'ingestedMs'>;

/** What a chain didn't show but a second look does wasn't absent; nor what a clock that was set back stamped with what had passed. */
const inChain =
  ({ carriesOn, watch }: Ask) =>
  ({ ingestedMs }: Times): boolean =>
    carriesOn && (ingestedMs === null || (watch.lookedFromMs ?? 0) <= ingestedMs);

/** Whether the looks that set W would have shown a record of this time; null: it has none. */
const coveredBefore = (watch: Watch, timeMs: number | null): boolean =>
  watch.coveredFromMs !== null && timeMs !== null && watch.coveredFromMs <= timeMs;

const ANCHORS = 3;

function noteSighting({ tally, watch, onFound }: Ask, s: Sighting, seenMs: number): void {
  tally.found++;
  onFound(s.name.slot);
  const key = nameKey(s.name);
  tally.anchorFound ||= watch.anchors.some(a => a.key === key);
  noteNewest(tally, { key, seenMs, eventMs: s.eventMs, ingestedMs: s.ingestedMs });
  if (s.eventMs === null) return;
  const skewMs = s.eventMs - s.name.slot;
  tally.skew = {
    low: Math.min(tally.skew?.low ?? skewMs, skewMs),
    high: Math.max(tally.skew?.high ?? skewMs, skewMs),
  };
}

const orderOf = (a: Anchor): number => a.ingestedMs ?? a.eventMs ?? a.seenMs;

function noteNewest(tally: Tally, anchor: Anchor): void {
  const { newest } = tally;
  const oldest = newest[ANCHORS - 1];
  if (oldest && orderOf(oldest) >= orderOf(anchor)) return;
  tally.newest = [...newest.filter(a => a.key !== anchor.key), anchor]
    .sort((a, b) => orderOf(b) - orderOf(a))
    .slice(0, ANCHORS);
}
