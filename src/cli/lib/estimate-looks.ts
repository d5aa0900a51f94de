/** What looking at a checkpoint costs its backend: the engine's own plan of looks, followed through a steady stretch without a loss. */

import { advance, newWatch, type Watch } from '../../domain/watermark.ts';
import { DAY_MS, HOUR_MS } from '../../domain/words.ts';
import type { LiveCheckpoint } from '../../engine/live.ts';
import { planRound, takeTurns } from '../../engine/plan.ts';
import type { DueSpan, OpenCanaries } from '../../store/look.ts';

export interface LookLoad {
  readonly everyMs: number;
  readonly targets: number;
  /** How far apart drills are: each wants a proof of absence, which looks further back. */
  readonly drillEveryMs: number;
  /** From a canary's sending until the backend shows it. */
  readonly delayMs: number;
}

/** Of one day. What isn't a query reads its log or is pushed to, and has neither rows nor reach. */
export interface LookCost {
  readonly looks: number;
  /** Canaries that the looks' answers hold. */
  readonly rows: number | null;
  /** The sum of the ranges that were asked: what a backend without an index has to search through. */
  readonly askedMs: number | null;
}

const STRETCH_MIN_MS = 2 * HOUR_MS;
const STRETCH_MAX_MS = 2 * DAY_MS;
const LOOKS_MAX = 10_000;
const SETTLING_IN = 4;
/** As the engine does with an answer of more records than this: it is read in vain, and asked for again in so many pieces. */
const RECORDS_MAX = 200_000;
const PIECES = 8;
/** A multiple of every period. */
const START_MS = 20_000 * DAY_MS;

/** A drill that waits for a proof of absence: first at D, then at L. */
interface Drill {
  readonly slotMs: number;
  readonly sentMs: number;
  dueMs: number;
}

export function lookCost(at: LiveCheckpoint, load: LookLoad): LookCost {
  const { rules, config } = at;
  if (rules.way !== 'query') return { looks: DAY_MS / rules.lookEveryMs, rows: null, askedMs: null };
  const wantedMs = Math.max(STRETCH_MIN_MS, 2 * load.drillEveryMs, config.lostAfterMs / 16);
  const stretchMs = Math.min(wantedMs, STRETCH_MAX_MS, LOOKS_MAX * rules.lookEveryMs);
  const drills: Drill[] = [];
  const drillAt = (slotMs: number, deadlineMs: number): Drill => {
    const sentMs = slotMs + load.everyMs / 2;
    return { slotMs, sentMs, dueMs: sentMs + deadlineMs };
  };
  let nextDrillMs = START_MS - Math.floor(config.lostAfterMs / load.drillEveryMs) * load.drillEveryMs;
  for (; nextDrillMs < START_MS; nextDrillMs += load.drillEveryMs)
    drills.push(drillAt(nextDrillMs, config.lostAfterMs));
  let watch: Watch = newWatch;
  const sum = { looks: 0, rows: 0, askedMs: 0 };
  const rounds = Math.max(1, Math.round(stretchMs / rules.lookEveryMs));
  for (let k = -SETTLING_IN; k < rounds; k++) {
    const nowMs = START_MS + k * rules.lookEveryMs;
    for (; nextDrillMs <= nowMs; nextDrillMs += load.drillEveryMs)
      drills.push(drillAt(nextDrillMs, config.onTimeWithinMs));
    const plan = planRound(at, openAt(at, load, drills, nowMs), watch, nowMs);
    const ranges = [plan.first, ...plan.searches, ...plan.seconds.map(s => s.range)];
    if (k >= 0) {
      sum.looks += ranges.length;
      for (const range of ranges) {
        const laterMs = range.by === 'ingest' ? load.delayMs : 0;
        const shownMs = Math.min(range.toMs, nowMs - load.delayMs + laterMs);
        const rows = beatsIn(range.fromMs - laterMs, shownMs - laterMs, load) * load.targets;
        const truncated = rows > RECORDS_MAX;
        sum.rows += rows + (truncated ? RECORDS_MAX : 0);
        sum.looks += truncated ? PIECES : 0;
        sum.askedMs += Math.max(0, Math.min(range.toMs, nowMs) - range.fromMs);
      }
    }
    prove(drills, plan, { nowMs, settleMs: rules.settleMs, config });
    const seen = looked(watch, at, load, nowMs, plan.first.fromMs);
    watch = takeTurns(seen, plan, at, { startedMs: nowMs, end: 'whole' });
  }
  const perDay = DAY_MS / (rounds * rules.lookEveryMs);
  return { looks: sum.looks * perDay, rows: sum.rows * perDay, askedMs: sum.askedMs * perDay };
}

/** Beats leave in the middle of their slots: how many did in [fromMs, toMs). */
const beatsIn = (fromMs: number, toMs: number, { everyMs }: LookLoad): number =>
  Math.max(0, beatsBefore(toMs, everyMs) - beatsBefore(fromMs, everyMs));

const beatsBefore = (ms: number, everyMs: number): number => Math.ceil(ms / everyMs - 0.5);

/** The slot of the newest beat that left by then. */
const newestSlot = (ms: number, everyMs: number): number => Math.floor(ms / everyMs - 0.5) * everyMs;

/** What the ledger would say is open: what the last look couldn't show yet, and drills past a deadline. */
function openAt(at: LiveCheckpoint, load: LookLoad, drills: readonly Drill[], nowMs: number): OpenCanaries {
  const { rules } = at;
  const oldestMs = newestSlot(nowMs - rules.lookEveryMs - load.delayMs, load.everyMs) + load.everyMs;
  const due: DueSpan[] = [];
  for (const { slotMs, sentMs, dueMs } of drills) {
    if (dueMs > nowMs - rules.settleMs) continue;
    const last = due.at(-1);
    if (last && slotMs - last.sent <= 2 * rules.lookEveryMs)
      due[due.length - 1] = { ...last, last: slotMs, sent: sentMs };
    else due.push({ first: slotMs, last: slotMs, sent: sentMs });
  }
  const isPending = oldestMs + load.everyMs / 2 <= nowMs;
  return {
    pending_first: isPending ? oldestMs : null,
    due,
    missing: isPending ? [{ first: oldestMs, last: nowMs, sent: nowMs }] : [],
    next_due: null,
    next_deadline: null,
  };
}

/** A drill that a round covered is proven absent at its deadline: next comes L, then nothing. */
function prove(
  drills: Drill[],
  { seconds, within }: ReturnType<typeof planRound>,
  of: {
    readonly nowMs: number;
    readonly settleMs: number;
    readonly config: Pick<LiveCheckpoint['config'], 'lostAfterMs'>;
  },
): void {
  for (const [i, drill] of [...drills.entries()].reverse()) {
    const { slotMs, sentMs, dueMs } = drill;
    if (dueMs > of.nowMs - of.settleMs) continue;
    const covered = [...seconds, ...within].some(({ span }) => span.first <= slotMs && slotMs <= span.last);
    if (!covered) continue;
    const lostMs = sentMs + of.config.lostAfterMs;
    if (dueMs < lostMs) drill.dueMs = lostMs;
    else drills.splice(i, 1);
  }
}

/** The watch after a look that found the newest canary there is. */
function looked(
  watch: Watch,
  at: LiveCheckpoint,
  load: LookLoad,
  nowMs: number,
  fromMs: number | null,
): Watch {
  const eventMs = newestSlot(nowMs - load.delayMs, load.everyMs) + load.everyMs / 2;
  const ingestedMs = at.rules.chained ? eventMs + load.delayMs : null;
  return advance(
    watch,
    {
      startedMs: nowMs,
      endedMs: nowMs,
      end: 'exhausted',
      reason: null,
      records: 1,
      found: 1,
      anchorFound: true,
      newest: [{ key: String(eventMs), seenMs: nowMs, eventMs, ingestedMs }],
      skewMs: null,
      fromMs,
      oldestMs: eventMs,
      forgets: false,
      gap: null,
      retryAfterMs: null,
    },
    at.rules,
  );
}
