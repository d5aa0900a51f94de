/** Loss that spreads: the affected share rises over the span, in many steps and not in one. September 2024 was this. */
import { isAffected } from '../loss-runs.ts';
import { canaries, count, targets, utcSpan } from '../saying.ts';
import { formatPercent } from '../words.ts';
import type { Pattern, Span, Trials } from './span.ts';
import { total } from './words.ts';

const BINS = 10;
const AFFECTED_MIN = 30;
/** Standard deviations of the trend (Cochran 1954, Armitage 1955); canaries of one target aren't independent. */
const TREND_MIN = 4;
/** Rank correlation of share and time. */
const ORDER_MIN = 0.8;
/** The last three of ten parts have at least so much more than the first three. */
const RISE_MIN = 2;
/** A single step may span two parts: one that makes up more of the rise than this isn't growth. */
const STEP_MAX = 0.45;

export function growing(span: Span): Pattern | null {
  const upTo = span.beats.slice(0, span.beats.findLastIndex(b => b.affected > 0) + 1);
  const bins = binned(upTo.slice(upTo.findIndex(b => b.affected > 0)));
  if (span.affected < AFFECTED_MIN || bins.length < BINS) return null;
  const shares = bins.map(b => b.affected / b.n);
  const [early, late] = [pooled(bins.slice(0, 3)), pooled(bins.slice(-3))];
  const rise = late.affected / late.n - early.affected / early.n;
  const steps = shares.slice(2).map((share, i) => share - shares[i]!);
  if (late.affected / late.n < (RISE_MIN * early.affected) / early.n) return null;
  if (Math.max(...steps) > STEP_MAX * (Math.max(...shares) - Math.min(...shares))) return null;
  if (rise <= 0 || rankCorrelation(shares) < ORDER_MIN || trend(bins) < TREND_MIN) return null;
  return { name: 'growing', evidence: words(bins, { early, late }, span) };
}

interface Bin extends Trials {
  readonly fromMs: number;
  readonly toMs: number;
}

const pooled = (bins: readonly Trials[]): Trials => ({
  affected: total(bins, b => b.affected),
  n: total(bins, b => b.n),
});

/** Ten parts with equally many beats; fewer where there are fewer beats. */
function binned(beats: Span['beats']): Bin[] {
  const edge = (i: number) => Math.round((i * beats.length) / BINS);
  return Array.from({ length: BINS }, (_, i) => beats.slice(edge(i), edge(i + 1)))
    .filter(part => part.length > 0)
    .map(part => ({ ...pooled(part), fromMs: part[0]!.slotMs, toMs: part.at(-1)!.slotMs }));
}

function trend(bins: readonly Trials[]): number {
  const all = pooled(bins);
  const p = all.affected / all.n;
  const middle = total(bins, (b, i) => b.n * i) / all.n;
  const score = total(bins, (b, i) => (i - middle) * b.affected);
  const variance = p * (1 - p) * total(bins, (b, i) => b.n * (i - middle) ** 2);
  return variance > 0 ? score / Math.sqrt(variance) : 0;
}

/** Spearman's, against the order given; ties share their mean rank. */
function rankCorrelation(values: readonly number[]): number {
  const ranks = values.map(
    v => values.filter(w => w < v).length + (values.filter(w => w === v).length - 1) / 2,
  );
  const middle = (values.length - 1) / 2;
  const covariance = total(ranks, (rank, i) => (rank - middle) * (i - middle));
  const [own, order] = [total(ranks, r => (r - middle) ** 2), total(ranks, (_, i) => (i - middle) ** 2)];
  return own > 0 ? covariance / Math.sqrt(own * order) : 0;
}

function words(
  bins: readonly Bin[],
  { early, late }: { readonly early: Trials; readonly late: Trials },
  { tallies }: Span,
): string {
  const third = (first: Bin, last: Bin, of: Trials): string => {
    const touched = tallies.filter(t =>
      t.known.some(c => c.slotMs >= first.fromMs && c.slotMs <= last.toMs && isAffected(c)),
    );
    return `${count(of.affected)} of ${canaries(of.n)} (${formatPercent(of.affected / of.n)}) on ${targets(touched.length)}, ${utcSpan(first.fromMs, last.toMs)}`;
  };
  return `late or missing were at first ${third(bins[0]!, bins[2]!, early)}; of late ${third(bins.at(-3)!, bins.at(-1)!, late)}.`;
}
