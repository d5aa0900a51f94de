/**
 * Holds verdicts against the lab's ground truth, canary by canary. It shares no code with what it judges: it reads the store's
 * tables, and names out of tokens.
 */
import type { CanaryTruth } from '../lab/truth.ts';
import {
  ABSENT_AT_D,
  ABSENT_AT_L,
  type Fate,
  fateOf,
  type Judged,
  type Named,
  readJudged,
  Truths,
} from './oracle-rows.ts';
import { type Span, spansOf, touches } from './oracle-spans.ts';
import { type Between, type Times, timesOf } from './oracle-times.ts';
import type { SimWorld } from './world.ts';

/** Rounding of times. */
const SLACK_MS = 5;
/** A checkpoint proves itself within this: its first canary, and a look that finds it again. */
const FIRST_MS = 45_000;
/** What the calm has had time for. */
const settledMs = (calmMs: number): number => Math.min(100_000, calmMs * 0.6);
const ARRIVED = ['on_time', 'late', 'delivered', 'recovered'];

export interface Oracle {
  /** False words at this moment. */
  atStep(world: SimWorld): Promise<string[]>;
  atEnd(world: SimWorld): Promise<string[]>;
}

interface Case {
  readonly row: Judged;
  readonly fate: Fate;
  /** Its last attempt, or the restart of its deadlines. */
  readonly sent: Between;
  readonly spans: readonly Span[];
  readonly nowMs: number;
  /** Somebody's clock was stepped while it was out, or something restarted its deadlines. */
  readonly isTimeless: boolean;
  readonly hasClockTrouble: boolean;
  readonly settledMs: number;
  /** Whether any canary ever came to this checkpoint: where none did, nothing is said. */
  readonly isProven: boolean;
}

export function oracleOf(): Oracle {
  const truths = new Truths();
  /** Cases that were found wrong: told once. */
  const told = new Set<string>();
  const once = (c: Case, text: string | null): string[] => {
    if (text === null || told.has(`${c.row.key} ${text}`)) return [];
    told.add(`${c.row.key} ${text}`);
    return [`${text}: ${describe(c)}`];
  };
  const casesOf = async (world: SimWorld, only: 'all' | 'exceptional'): Promise<Case[]> => {
    const rows = await readJudged(world, only);
    const times = timesOf(world);
    const known = truths.of(world);
    const spans = spansOf(world.plan);
    const cases = rows.map(row =>
      caseOf({ world, row, times, spans, truth: truthOf(world, row, known, times) }),
    );
    const placeOf = ({ row }: Case) => `${row.pipeline}/${row.checkpoint}`;
    const proven = new Set(cases.filter(c => c.fate.visible !== null || c.fate.isDoubtful).map(placeOf));
    return cases.map(c => ({ ...c, isProven: proven.has(placeOf(c)) }));
  };
  return {
    async atStep(world) {
      return (await casesOf(world, 'exceptional')).flatMap(c => once(c, falseAbsence(c)));
    },
    async atEnd(world) {
      const cases = await casesOf(world, 'all');
      return cases.flatMap(c =>
        [falseAbsence(c), wrongSending(c), wrongVerdict(c), wrongCopies(c)].flatMap(t => once(c, t)),
      );
    },
  };
}

function truthOf(
  world: SimWorld,
  row: Judged,
  known: ReadonlyMap<string, readonly Named[]>,
  times: Times,
): CanaryTruth | undefined {
  const found = known.get(row.name) ?? [];
  const [restoredMs] = world.restores;
  const isLater = restoredMs !== undefined && times.ofReplicas(row.committedMs).lowMs > restoredMs;
  return (isLater ? found.at(-1) : found[0])?.truth;
}

function caseOf(of: {
  readonly world: SimWorld;
  readonly row: Judged;
  readonly truth: CanaryTruth | undefined;
  readonly times: Times;
  readonly spans: readonly Span[];
}): Case {
  const { world, row, truth, times, spans } = of;
  const sent = times.ofReplicas(row.sentMs);
  const steps = world.clockSteps.filter(s => s.whose !== 'database');
  return {
    row,
    fate: fateOf(row, truth, times),
    sent,
    spans,
    nowMs: world.nowMs,
    isTimeless:
      row.isRestarted ||
      steps.some(s => s.atMs > sent.lowMs - 30_000 && s.atMs < sent.highMs + row.lostAfterMs + 90_000),
    hasClockTrouble: spans.some(s => s.kind === 'clock'),
    settledMs: settledMs(world.plan.calmMs),
    isProven: true,
  };
}

/** Said to be absent at a deadline at which it was visible. */
function falseAbsence(c: Case): string | null {
  const { row, fate, sent } = c;
  if (row.sending !== 'accepted' || fate.visible === null || c.isTimeless || fate.truth?.truncated)
    return null;
  const { highMs } = fate.visible;
  if (touches(c.spans, ['lie'], highMs - 5_000, c.nowMs) && !isEnd(c)) return null;
  if ((row.flags & ABSENT_AT_L) !== 0 && highMs <= sent.lowMs + row.lostAfterMs - SLACK_MS) {
    if (touches(c.spans, ['lie'], highMs - 5_000, sent.highMs + row.lostAfterMs + 60_000)) return null;
    return 'said to be absent at L, and was visible';
  }
  if ((row.flags & ABSENT_AT_D) !== 0 && highMs <= sent.lowMs + row.onTimeWithinMs - SLACK_MS) {
    if (touches(c.spans, ['lie'], highMs - 5_000, sent.highMs + row.lostAfterMs + 60_000)) return null;
    return 'said to be absent at D, and was visible';
  }
  return null;
}

const isEnd = (c: Case): boolean => c.spans.every(s => s.kind === 'clock' || s.toMs < c.nowMs);

function wrongSending({ row, fate, nowMs, sent, settledMs }: Case): string | null {
  const met = fate.truth !== undefined;
  if (row.isDrill) return met ? 'a withheld canary was sent' : null;
  if (row.sending === 'unsent' && met) return 'said to be unsent, and the lab met it';
  if (row.sending === 'refused' && fate.copies > 0) return 'said to be refused, and it arrived';
  if (row.sending === null && sent.highMs < nowMs - settledMs) return 'its sending was never settled';
  return null;
}

function wrongVerdict(c: Case): string | null {
  const { row, fate, sent, nowMs } = c;
  if (row.sending !== 'accepted' && row.sending !== 'withheld') return null;
  const dueMs = sent.highMs + row.lostAfterMs;
  if (row.verdict === 'pending' || row.verdict === 'overdue')
    return dueMs < nowMs - c.settledMs && !c.hasClockTrouble && c.isProven
      ? `still ${row.verdict} long after its deadline`
      : null;
  if (row.verdict === 'unproven') return mayBeUnproven(c) ? null : 'unproven, though looks could see';
  if (row.verdict === 'missed_here')
    return touches(c.spans, ['lie', 'clock', 'ours'], sent.lowMs, dueMs + 60_000) ||
      fate.copies === 0 ||
      isFarLate(c)
      ? null
      : 'said to be missed here, and it was here';
  if (row.isDrill) return row.verdict === 'lost' || !c.isProven ? null : `a drill is ${row.verdict}`;
  const claimed = ARRIVED.includes(row.verdict);
  if (fate.visible === null)
    return claimed && !fate.isDoubtful ? `${row.verdict}, and it was never there` : null;
  if (claimed) return wrongDelay(c);
  // Lost, and in the store: found again in windows of growing rhythm.
  const lateByMs = fate.visible.highMs - sent.lowMs;
  const hadMs =
    nowMs -
    Math.max(
      fate.visible.highMs,
      c.spans.reduce((m, s) => (s.kind === 'clock' ? m : Math.max(m, s.toMs)), 0),
    );
  const isKept = (fate.truth?.places.store?.copies ?? 1) > 0 || row.observe === 'receive';
  if (fate.truth?.truncated || !isKept || hadMs < Math.max(30_000, lateByMs) || c.hasClockTrouble)
    return null;
  return 'lost, and it is there';
}

const isFarLate = ({ fate, sent, row }: Case): boolean =>
  fate.visible !== null && fate.visible.highMs > sent.lowMs + row.lostAfterMs;

/** Arrived, and so it did: in time, as said? */
function wrongDelay(c: Case): string | null {
  const { row, fate, sent } = c;
  if (fate.visible === null || c.isTimeless || row.observe === 'receive') return null;
  const isLied = touches(c.spans, ['lie'], sent.lowMs, sent.highMs + row.lostAfterMs + 90_000);
  const leastMs = fate.visible.lowMs - sent.highMs;
  const mostMs = fate.visible.highMs - sent.lowMs;
  if (row.verdict === 'on_time' && leastMs > row.onTimeWithinMs + SLACK_MS)
    return `on time after ${leastMs} ms`;
  if (isLied) return null;
  if (row.verdict === 'late' && mostMs <= row.onTimeWithinMs - SLACK_MS) return `late after ${mostMs} ms`;
  if (row.verdict === 'recovered' && mostMs <= row.lostAfterMs - SLACK_MS)
    return `recovered after ${mostMs} ms`;
  return null;
}

/** Whether nobody could have known. */
function mayBeUnproven({ row, sent, spans, fate, hasClockTrouble }: Case): boolean {
  if (row.isRetired || hasClockTrouble) return true;
  if (row.keepsMs < 600_000) return true;
  const [fromMs, toMs] = [sent.lowMs - 60_000, sent.highMs + row.lostAfterMs + 70_000];
  // A push that was turned away, or a replica that is away, is a gap.
  if (row.observe === 'receive')
    return sent.lowMs < FIRST_MS || touches(spans, ['ours', 'mute'], fromMs, toMs) || fate.isDoubtful;
  return sent.lowMs < 0 || spans.some(s => s.why === 'restore' || s.why === 'config');
}

/** More copies than there are: sightings counted twice. */
function wrongCopies({ row, fate }: Case): string | null {
  return row.copies > 1 && row.copies > fate.copies && !fate.isDoubtful && row.observe !== 'receive'
    ? `${row.copies} copies, of ${fate.copies}`
    : null;
}

function describe({ row, fate, sent }: Case): string {
  const seen = fate.visible ? `visible at ${ms(fate.visible)}` : 'never visible';
  const end = fate.truth
    ? Object.entries(fate.truth.places).map(([k, v]) => `${k} ${v.state}${v.why ? ` (${v.why})` : ''}`)
    : ['never met'];
  return `${row.key}, ${row.observe}, sending ${row.sending}, sent at ${ms(sent)}, D ${row.onTimeWithinMs}, L ${row.lostAfterMs}, verdict ${row.verdict}, flags ${row.flags}, lab: ${seen}; ${end.join(', ')}`;
}

const ms = ({ lowMs, highMs }: Between): string =>
  Math.round(lowMs) === Math.round(highMs)
    ? String(Math.round(lowMs))
    : `${Math.round(lowMs)}…${Math.round(highMs)}`;
