/** Loss without a shape in time: it falls on some targets and spares the others, or on all alike and at random. */
import { isAffected, type Tally, tallyOf } from '../loss-runs.ts';
import { canaries, count, listed, targets } from '../saying.ts';
import { formatPercent } from '../words.ts';
import { type Pattern, type Span, type Trials, unevenness } from './span.ts';
import { total } from './words.ts';

/** Standard deviations beyond which chance isn't believed. */
const CHANCE_MAX = 4;
/** Spared are targets that lose at most this share of what the others do. */
const SPARED_MAX = 0.2;
/** Who loses nearly everything loses nothing at random. */
const RANDOM_SHARE_MAX = 0.9;
const MISSING_MIN = 0.8;

const asTrials = (t: Tally): Trials => ({ affected: t.affected, n: t.known.length });

/** Losses concentrated on some targets beyond chance, and steady: what has a shape in time is told by that shape. */
export function byTarget(span: Span): Pattern | null {
  const unlisted = span.targets - span.tallies.length;
  const spared = { affected: 0, n: span.beats.length };
  const groups = [...span.tallies.map(asTrials), ...Array.from({ length: unlisted }, () => spared)];
  if (unevenness(groups) <= CHANCE_MAX) return null;
  const worstFirst = span.tallies.toSorted(
    (a, b) => b.affected / b.known.length - a.affected / a.known.length,
  );
  const hit = worstFirst.slice(0, bestSplit(worstFirst.map(asTrials), unlisted * spared.n));
  const of = pooled(hit.map(asTrials));
  const rest = pooled(worstFirst.slice(hit.length).map(asTrials));
  const restN = rest.n + unlisted * spared.n;
  if (restN === 0 || rest.affected / restN > (SPARED_MAX * of.affected) / of.n) return null;
  const others = span.targets - hit.length;
  return {
    name: 'by target',
    evidence: `${listed(hit.map(t => t.target))}: ${missedOf(of)}; the other ${others === 1 ? 'target' : targets(others)}: ${rest.affected === 0 ? 'none' : count(rest.affected)} of ${count(restN)}.`,
  };
}

const pooled = (all: readonly Trials[]): Trials => ({
  affected: total(all, t => t.affected),
  n: total(all, t => t.n),
});

const missedOf = ({ affected, n }: Trials): string =>
  `${count(affected)} of ${canaries(n)} late or missing (${formatPercent(affected / n)})`;

/** How many of the worst, told apart from the rest by one share each, make what was seen the likeliest. */
function bestSplit(worstFirst: readonly Trials[], sparedN: number): number {
  const all = pooled(worstFirst);
  let best = { hit: 0, logLikelihood: Number.NEGATIVE_INFINITY };
  let [affected, n] = [0, 0];
  for (const [i, one] of worstFirst.entries()) {
    affected += one.affected;
    n += one.n;
    const rest = { affected: all.affected - affected, n: all.n + sparedN - n };
    const logLikelihood = logBinomial({ affected, n }) + logBinomial(rest);
    if (rest.n > 0 && logLikelihood > best.logLikelihood) best = { hit: i + 1, logLikelihood };
  }
  return best.hit;
}

/** At its likeliest share, without the binomial coefficient. */
function logBinomial({ affected, n }: Trials): number {
  const part = (k: number): number => (k === 0 ? 0 : k * Math.log(k / n));
  return n === 0 ? 0 : part(affected) + part(n - affected);
}

/**
 * Losses scattered as independent ones are: as many runs as chance makes of them (Wald and Wolfowitz 1940, pooled over
 * targets), and no beat with more than its share. Only of what is missing: late ones are no drop.
 */
export function randomDrop(span: Span): Pattern | null {
  const { touched, beats } = withoutTails(span);
  const known = touched.flatMap(t => t.known);
  const affected = total(touched, t => t.affected);
  const missing = known.filter(c => c.fate === 'missing').length;
  if (missing < MISSING_MIN * affected || affected > RANDOM_SHARE_MAX * known.length) return null;
  const runs = expectedRuns(touched);
  const off = runs.variance > 0 ? (runs.seen - runs.expected) / Math.sqrt(runs.variance) : 0;
  if (Math.abs(off) > CHANCE_MAX || unevenness(beats) > CHANCE_MAX) return null;
  const longest = Math.max(...touched.flatMap(t => t.runs.map(run => run.canaries.length)));
  const of = `${count(missing)} of ${canaries(total(beats, b => b.n))} missing, on ${count(touched.length)} of ${targets(span.targets)}`;
  return {
    name: 'random drop',
    evidence: `${of}, in ${count(runs.seen)} runs where chance makes about ${count(Math.round(runs.expected))}; the longest is ${count(longest)}.`,
  };
}

/** The span between the first and the last fiftieth of what is affected: a few early or late losses are background. */
function withoutTails(span: Span): Pick<Span, 'touched' | 'beats'> {
  const slots = span.tallies
    .flatMap(t => t.known.filter(isAffected).map(c => c.slotMs))
    .sort((a, b) => a - b);
  const cut = Math.floor(slots.length / 50);
  const [fromMs, toMs] = [slots[cut]!, slots.at(-1 - cut)!];
  const inside = ({ slotMs }: { readonly slotMs: number }): boolean => slotMs >= fromMs && slotMs <= toMs;
  return {
    touched: span.touched
      .map(t => tallyOf({ target: t.target, canaries: t.known.filter(inside) }))
      .filter(t => t.affected > 0),
    beats: span.beats.filter(inside),
  };
}

/** Of n1 losses among n0 arrivals the number of loss periods is hypergeometric if every order is as likely. */
function expectedRuns(touched: readonly Tally[]) {
  let [seen, expected, variance] = [0, 0, 0];
  for (const { known, affected: n1, runs } of touched) {
    const n = known.length;
    const n0 = n - n1;
    seen += runs.length;
    expected += (n1 * (n0 + 1)) / n;
    if (n > 1) variance += (n1 * (n1 - 1) * (n0 + 1) * n0) / (n * n * (n - 1));
  }
  return { seen, expected, variance };
}
