/** Looks as they are planned, over a backend that holds every record, on a simulated clock: what they show and miss is known. */
import { absence } from '../../src/domain/settlement.ts';
import {
  advance,
  type LookRange,
  newWatch,
  type Watch,
  type WatchRules,
} from '../../src/domain/watermark.ts';
import type { LiveCheckpoint } from '../../src/engine/live.ts';
import { type Plan, planRound, questionOf, takeTurns } from '../../src/engine/plan.ts';
import type { DueSpan, OpenCanaries, OpenQuestion } from '../../src/store/look.ts';

export const T0 = Date.UTC(2024, 8, 2);
export const S = 1_000;
export const MINUTE = 60 * S;
export const ALLOWANCE = 15 * MINUTE;

export interface Scene {
  readonly kind: 'ingest' | 'both' | 'event';
  readonly onTimeS: number;
  readonly lostS: number;
  readonly lookS: number;
  readonly beatS: number;
  readonly keepsMin: number;
  readonly runMin: number;
  /** Nothing arrives before. */
  readonly deadUntilS: number;
  /** Of those that are sent later, one in so many is dropped. */
  readonly dropsIn: number;
  /** A sender's clock that loses so many microseconds a second. */
  readonly driftPpm: number;
  /** The backend's clock is set back by so much, at that time. */
  readonly stepBackS?: number;
  readonly stepAtS?: number;
  /** One round in so many fails, every so many rounds. */
  readonly failsIn: number;
}

export interface Canary {
  readonly slotMs: number;
  readonly sentMs: number;
  readonly eventMs: number;
  readonly ingestedMs: number;
  /** Infinity: dropped. */
  readonly visibleMs: number;
  isSeen: boolean;
  verdict: 'pending' | 'overdue' | 'lost' | 'unproven';
}

export interface Played {
  readonly wrong: string[];
  /** Ranges that no backend should be asked for. */
  readonly odd: string[];
  /** Canaries in question that no range of a round reached, though it was their turn. */
  readonly missed: string[];
  ranges: number;
  overdueLateMs: number;
  lostLateMs: number;
  readonly canaries: Canary[];
  /** What each round asked. */
  readonly rounds: { readonly atMs: number; readonly ranges: readonly LookRange[] }[];
}

const SECOND = { ingest: 'ingest', both: 'event', event: null } as const;

export const liveOf = (c: Scene): LiveCheckpoint =>
  ({
    key: { pipeline: 1, checkpoint: 1 },
    rules: {
      way: 'query',
      chained: c.kind !== 'event',
      secondLook: SECOND[c.kind],
      settleMs: S,
      keepsMs: c.keepsMin * MINUTE,
      lookEveryMs: c.lookS * S,
    } satisfies WatchRules,
    config: {
      onTimeWithinMs: c.onTimeS * S,
      lostAfterMs: c.lostS * S,
      lookBackMs: c.keepsMin * MINUTE,
    },
  }) as unknown as LiveCheckpoint;

const canariesOf = (c: Scene): Canary[] =>
  Array.from({ length: Math.floor((c.runMin * 60) / c.beatS) }, (_, i) => {
    const slotMs = T0 + i * c.beatS * S;
    const backMs = i * c.beatS >= (c.stepAtS ?? 0) ? (c.stepBackS ?? 0) * S : 0;
    const isDropped = i * c.beatS < c.deadUntilS || i % c.dropsIn === c.dropsIn - 1;
    return {
      slotMs,
      sentMs: slotMs + 50,
      eventMs: slotMs + 50 - Math.floor((c.driftPpm * i * c.beatS) / S),
      ingestedMs: slotMs + 500 - backMs,
      visibleMs: isDropped ? Number.POSITIVE_INFINITY : slotMs + 500,
      isSeen: false,
      verdict: 'pending',
    };
  });

/** The questions of `OpenQuestion`, answered from the list of canaries alone. */
function openAt(all: readonly Canary[], q: OpenQuestion, c: Scene): OpenCanaries {
  const dueMs = (x: Canary) => x.sentMs + (x.verdict === 'pending' ? c.onTimeS : c.lostS) * S;
  const open = all.filter(x => !x.isSeen && (x.verdict === 'pending' || x.verdict === 'overdue'));
  const spansOf = (those: readonly Canary[]): DueSpan[] => {
    const spans: DueSpan[] = [];
    for (const x of those) {
      const last = spans.at(-1);
      const isNear = last && x.slotMs - last.sent <= q.due_gap_ms;
      if (isNear) spans.pop();
      spans.push({ first: isNear ? last.first : x.slotMs, last: x.slotMs, sent: x.sentMs });
    }
    return spans;
  };
  // Of what was seen the row stays open until L.
  const waits = all.filter(x => x.verdict === 'pending' || x.verdict === 'overdue');
  const pending = waits.filter(
    x =>
      dueMs(x) > q.pending_from_ms &&
      dueMs(x) <= q.pending_until_ms &&
      (q.pending_buckets === null || (!x.isSeen && (q.pending_buckets as string[]).includes(x.verdict))),
  );
  const missing = all.filter(
    x =>
      !x.isSeen &&
      (['overdue', 'lost'].includes(x.verdict) || (x.verdict === 'pending' && dueMs(x) > q.due_by_ms)) &&
      q.search.some(s => s.from_ms <= x.slotMs && x.slotMs < s.to_ms),
  );
  return {
    pending_first: pending[0]?.slotMs ?? null,
    due: spansOf(open.filter(o => dueMs(o) <= q.due_by_ms)),
    missing: spansOf(missing),
    next_due: null,
    next_deadline: null,
  };
}

const rangesOf = ({ first, searches, seconds }: Plan): LookRange[] => [
  first,
  ...searches,
  ...seconds.map(s => s.range),
];

const show = ({ by, fromMs, toMs }: LookRange): string => `${by} [${fromMs - T0}, ${toMs - T0})`;

function noteRanges(played: Played, ranges: readonly LookRange[], floorMs: number): void {
  played.ranges = Math.max(played.ranges, ranges.length);
  for (const r of ranges) if (r.fromMs < floorMs || r.fromMs >= r.toMs) played.odd.push(show(r));
}

/** Looks from beginning to end, judged as `settle` judges them. */
export function play(c: Scene): Played {
  const live = liveOf(c);
  const { rules } = live;
  const canaries = canariesOf(c);
  const played: Played = {
    wrong: [],
    odd: [],
    missed: [],
    ranges: 0,
    overdueLateMs: 0,
    lostLateMs: 0,
    canaries,
    rounds: [],
  };
  let watch: Watch = newWatch;
  const endMs = T0 + c.runMin * MINUTE + 2 * c.lostS * S;
  for (let nowMs = T0, k = 1; nowMs < endMs; nowMs += c.lookS * S, k++) {
    const sent = canaries.filter(x => x.sentMs <= nowMs);
    const open = openAt(sent, questionOf(live, watch, nowMs), c);
    const plan = planRound(live, open, watch, nowMs);
    noteRanges(played, rangesOf(plan), nowMs - rules.keepsMs - ALLOWANCE + watch.skewLowMs);
    played.rounds.push({ atMs: nowMs, ranges: rangesOf(plan) });
    const isWhole = k % c.failsIn !== 0;
    const shownBy = ({ by, fromMs, toMs }: LookRange) => {
      const timeOf = (x: Canary) => (by === 'ingest' ? x.ingestedMs : x.eventMs);
      return sent.filter(x => x.visibleMs <= nowMs && fromMs <= timeOf(x) && timeOf(x) < toMs);
    };
    const firstFound = isWhole ? shownBy(plan.first) : [];
    const found = isWhole ? rangesOf(plan).flatMap(shownBy) : [];
    const anchors = new Set(watch.anchors.map(a => a.key));
    const newest = [...new Set(found)].sort((a, b) => b.slotMs - a.slotMs);
    const skews = newest.map(x => x.eventMs - x.slotMs);
    watch = takeTurns(
      advance(
        watch,
        {
          startedMs: nowMs,
          endedMs: nowMs,
          end: isWhole ? 'exhausted' : 'failed',
          reason: null,
          records: newest.length,
          found: newest.length,
          anchorFound: firstFound.some(x => anchors.has(`${x.slotMs}`)),
          newest: newest
            .slice(0, 3)
            .map(x => ({ key: `${x.slotMs}`, seenMs: nowMs, eventMs: x.eventMs, ingestedMs: x.ingestedMs })),
          skewMs: skews.length > 0 ? { low: Math.min(...skews), high: Math.max(...skews) } : null,
          fromMs: plan.first.fromMs,
          oldestMs: firstFound[0]?.slotMs ?? null,
          forgets: null,
          gap: null,
          retryAfterMs: null,
        },
        rules,
      ),
      plan,
      live,
      { startedMs: nowMs, end: isWhole ? 'whole' : 'failed' },
    );
    for (const x of found) x.isSeen = true;
    const seconds = isWhole
      ? [...plan.seconds, ...plan.within.map(s => ({ ...s, range: plan.first }))].map(({ range, span }) => ({
          ...range,
          span,
          asOfMs: nowMs - rules.settleMs,
        }))
      : [];
    for (const x of sent) judge(x, nowMs);

    function judge(x: Canary, atMs: number): void {
      if (x.isSeen || x.verdict === 'lost' || x.verdict === 'unproven') return;
      const second = seconds.find(s => s.span.first <= x.slotMs && x.slotMs <= s.span.last) ?? null;
      const proof = { ...rules, watch, nowMs: atMs, second };
      const dueD = x.sentMs + c.onTimeS * S;
      const dueL = x.sentMs + c.lostS * S;
      const [atD, atL] = [absence(x, dueD, proof), absence(x, dueL, proof)];
      if (atL === 'never') x.verdict = 'unproven';
      for (const [told, due, verdict] of [
        [atD, dueD, 'overdue'],
        [atL, dueL, 'lost'],
      ] as const) {
        if (told !== 'proven' || x.verdict === verdict) continue;
        x.verdict = verdict;
        if (x.visibleMs <= due) played.wrong.push(`${x.slotMs - T0} is ${verdict}`);
        const lateMs = atMs - due;
        if (verdict === 'overdue') played.overdueLateMs = Math.max(played.overdueLateMs, lateMs);
        else played.lostLateMs = Math.max(played.lostLateMs, lateMs);
      }
    }
  }
  return played;
}
