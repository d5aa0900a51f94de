/**
 * A stall: a run is missing, then it comes back in a burst. Where the oldest of the run don't come back with the newer,
 * something that holds only so much had overwritten them.
 */
import { followers, longRuns, type Observed, type Run } from '../loss-runs.ts';
import { canaries, count, listed, plural, targets, utc, utcSpan } from '../saying.ts';
import type { Pattern, PatternContext, Span } from './span.ts';
import { duration, enough, names, total } from './words.ts';

/** Fewer returns can't be told from chance. */
const RETURNED_MIN = 3;
/** The returns take at most this much of the time that the sending took. A constant delay gives 1. */
const BURST_MAX = 0.75;
/** Of those behind the first that came back, so many have. */
const DENSE_MIN = 0.8;
/** So many may have come before the burst, on their own. */
const STRAY_MAX = 0.1;
/** Fewer at the old end may have been under way when the stall began. */
const OVERWRITTEN_MIN = 3;
/** A burst is over when nothing has come for D, and for so many beats. */
const QUIET_BEATS = 3;
const SHARE_MIN = 0.2;

/** How a stalled run came back. */
interface Burst {
  readonly run: Run;
  readonly fromMs: number;
  readonly toMs: number;
  readonly returned: number;
  /** Missing before the first that came in the burst. */
  readonly oldest: number;
  readonly over: boolean;
}

export function stall(span: Span): Pattern | null {
  const runs = longRuns(span.tallies);
  if (runs === null || !enough(followers(runs))) return null;
  const read = runs.map(run => burstOf(run, span.context) ?? (isOut(run) ? 'out' : 'other'));
  const mass = (which: (r: Burst | 'out' | 'other') => boolean): number =>
    total(runs, (run, i) => (which(read[i]!) ? run.canaries.length : 0));
  const all = mass(() => true);
  if (mass(r => typeof r === 'object') < SHARE_MIN * all) return null;
  if (mass(r => r === 'other') > (1 - DENSE_MIN) * all) return null;
  const bursts = read.filter(r => typeof r === 'object');
  const overwritten = bursts.filter(b => b.over && b.oldest >= OVERWRITTEN_MIN);
  const out = runs.filter((_, i) => read[i] === 'out');
  return overwritten.length > 0
    ? { name: 'stall and overwrite', evidence: overwriteWords(bursts, overwritten, out, span) }
    : { name: 'stall then burst', evidence: burstWords(bursts, out, span) };
}

const isOut = (run: Run): boolean =>
  run.canaries.filter(c => c.seenMs === null).length >= 0.9 * run.canaries.length;

function burstOf(run: Run, context: PatternContext): Burst | null {
  const back = run.canaries.filter(c => c.seenMs !== null).sort((a, b) => a.seenMs! - b.seenMs!);
  if (back.length < RETURNED_MIN) return null;
  return (
    readBurst(run, back, context) ?? readBurst(run, back.slice(Math.ceil(STRAY_MAX * back.length)), context)
  );
}

/** @param back those of the run that make up the burst, in the order in which they were seen. */
function readBurst(
  run: Run,
  back: readonly Observed[],
  { nowMs, everyMs, onTimeWithinMs }: PatternContext,
): Burst | null {
  if (back.length < RETURNED_MIN) return null;
  const [fromMs, toMs] = [back[0]!.seenMs!, back.at(-1)!.seenMs!];
  const placeOf = new Map(run.canaries.map((c, i) => [c, i]));
  const places = back.map(c => placeOf.get(c)!);
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const sentForMs = run.canaries[last]!.sentMs - run.canaries[first]!.sentMs;
  if (toMs - fromMs > BURST_MAX * sentForMs) return null;
  const over = nowMs - toMs >= Math.max(onTimeWithinMs, QUIET_BEATS * everyMs);
  // While it goes on, the newest may still be on their way.
  const due = over ? run.canaries.length : last + 1;
  if (back.length < DENSE_MIN * (due - first)) return null;
  const oldest = run.canaries.slice(0, first).filter(c => c.seenMs === null).length;
  return { run, fromMs, toMs, returned: run.canaries.filter(c => c.seenMs !== null).length, oldest, over };
}

const within = (b: Pick<Burst, 'fromMs' | 'toMs'>): string =>
  b.toMs - b.fromMs < 1000
    ? `at ${utc(b.fromMs)}`
    : `within ${duration(b.toMs - b.fromMs)} from ${utc(b.fromMs)}`;

/** `web-2 missed 41 canaries in a row from …`. */
function missed(bursts: readonly Burst[]): string {
  const runs = bursts.map(b => b.run);
  const n = total(runs, run => run.canaries.length);
  const firstMs = Math.min(...runs.map(run => run.canaries[0]!.slotMs));
  const who = names(runs);
  if (bursts.length === 1) return `${who.text} missed ${canaries(n)} in a row from ${utc(firstMs)}`;
  const each = who.n === 1 ? plural(runs.length, 'run') : 'a run each';
  return `${who.text} missed ${each}, ${canaries(n)} in all, the first from ${utc(firstMs)}`;
}

const extent = (bursts: readonly Burst[]) => ({
  fromMs: Math.min(...bursts.map(b => b.fromMs)),
  toMs: Math.max(...bursts.map(b => b.toMs)),
});

function overwriteWords(
  bursts: readonly Burst[],
  overwritten: readonly Burst[],
  out: readonly Run[],
  { context }: Span,
): string {
  const gone = total(overwritten, b => b.oldest);
  const back = total(bursts, b => b.returned);
  const many = bursts.length > 1;
  const came = many
    ? `in bursts, ${utcSpan(extent(bursts).fromMs, extent(bursts).toMs)}`
    : within(bursts[0]!);
  const of =
    many && overwritten.length < bursts.length
      ? ` (of ${listed([...new Set(overwritten.map(b => b.run.target))])})`
      : '';
  return `${missed(bursts)}; the newest ${count(back)} came back ${came}, the oldest ${count(gone)}${of} had not by ${utc(context.nowMs)}: what a full cache overwrites${stillOut(out)}.`;
}

function burstWords(bursts: readonly Burst[], out: readonly Run[], { context }: Span): string {
  const n = total(bursts, b => b.run.canaries.length);
  const back = total(bursts, b => b.returned);
  const many = bursts.length > 1;
  const came = many
    ? `in bursts, ${utcSpan(extent(bursts).fromMs, extent(bursts).toMs)}`
    : within(bursts[0]!);
  const rest = n - back;
  const how = rest === 0 ? `all ${count(n)} came back` : `${count(back)} came back`;
  const left = rest === 0 ? '' : `, ${count(rest)} had not by ${utc(context.nowMs)}`;
  return `${missed(bursts)}; ${how} ${came}${left}${stillOut(out)}.`;
}

const stillOut = (out: readonly Run[]): string => {
  const who = names(out);
  return out.length === 0
    ? ''
    : `; of ${who.n > 3 ? targets(who.n) : who.text} ${canaries(total(out, run => run.canaries.length))} in a row had not come back`;
};
