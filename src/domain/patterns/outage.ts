/**
 * An outage: from one moment to another everything is missing, of all targets that it touches. A single agent that
 * is down is one too; which targets it touches is in the evidence. What came back in a burst isn't: that is a stall.
 */
import { followers, isAffected, longRuns, type Run, type Tally } from '../loss-runs.ts';
import { canaries, count, targets, utc, utcSpan } from '../saying.ts';
import type { Pattern, Span } from './span.ts';
import { enough, names, total } from './words.ts';

/** So much of what is affected lies in one run, and is missing. */
const WHOLE_MIN = 0.8;
const MISSING_MIN = 0.9;
/** So much of a beat is missing in an outage of all touched targets. */
const DARK_MIN = 0.9;
/** An outage shorter than three beats is told from chance by so many targets at once. */
const AT_ONCE_MIN = 3;

export function outage(span: Span): Pattern | null {
  const runs = mainRuns(span.tallies) ?? darkBeats(span.touched);
  if (runs === null) return null;
  const all = runs.flatMap(run => run.canaries);
  const missing = all.filter(c => c.fate === 'missing').length;
  if (missing < MISSING_MIN * all.length) return null;
  return { name: 'outage', evidence: words(runs, { n: all.length, missing }, span) };
}

/** One long run of each target that has any, if it is nearly all that the target has. */
function mainRuns(tallies: readonly Tally[]): readonly Run[] | null {
  const long = longRuns(tallies);
  if (long === null || !enough(followers(long))) return null;
  const longest = new Map<string, Run>();
  for (const run of long) {
    const known = longest.get(run.target);
    if (!known || run.canaries.length > known.canaries.length) longest.set(run.target, run);
  }
  const main = [...longest.values()];
  const inMain = total(main, run => run.canaries.length);
  return inMain >= WHOLE_MIN * total(long, run => run.canaries.length) ? main : null;
}

/** Successive beats in which nearly all touched targets miss theirs, if nearly all that is missing lies in them. */
function darkBeats(touched: readonly Tally[]): readonly Run[] | null {
  if (touched.length < AT_ONCE_MIN) return null;
  const bySlot = new Map<number, { n: number; affected: number }>();
  for (const canary of touched.flatMap(t => t.known)) {
    const beat = bySlot.get(canary.slotMs) ?? { n: 0, affected: 0 };
    beat.n++;
    if (isAffected(canary)) beat.affected++;
    bySlot.set(canary.slotMs, beat);
  }
  const beats = [...bySlot].sort((a, b) => a[0] - b[0]);
  const dark = beats.map(([, b]) => b.n >= AT_ONCE_MIN && b.affected >= DARK_MIN * b.n);
  const first = dark.indexOf(true);
  const last = dark.lastIndexOf(true);
  if (first < 0 || dark.slice(first, last).includes(false)) return null;
  const runs = touched.flatMap(t => {
    const of = t.known.filter(
      c => c.slotMs >= beats[first]![0] && c.slotMs <= beats[last]![0] && isAffected(c),
    );
    return of.length === 0 ? [] : [{ target: t.target, canaries: of, lasts: last === beats.length - 1 }];
  });
  const inRuns = total(runs, run => run.canaries.length);
  return enough(inRuns) && inRuns >= WHOLE_MIN * total(touched, t => t.affected) ? runs : null;
}

function words(runs: readonly Run[], of: { n: number; missing: number }, span: Span): string {
  const who = names(runs);
  const firstMs = Math.min(...runs.map(run => run.canaries[0]!.slotMs));
  const lastMs = Math.max(...runs.map(run => run.canaries.at(-1)!.slotMs));
  const lasts = span.context.open && runs.some(run => run.lasts);
  const when = lasts ? `since ${utc(firstMs)}` : utcSpan(firstMs, lastMs);
  const subject = who.n === 1 ? who.text : `${who.n === span.targets ? 'all' : 'each of'} ${targets(who.n)}`;
  const all = `${subject} missed everything, ${canaries(of.n)} ${who.n === 1 ? 'in a row' : 'in all'}, ${when}`;
  const back = of.n - of.missing;
  const returned = `${back === 0 ? 'none' : count(back)} had come back by ${utc(span.context.nowMs)}`;
  return `${all}; ${returned}${others(span.targets - who.n)}.`;
}

const others = (n: number): string =>
  n === 0 ? '' : `; the other ${n === 1 ? 'target' : targets(n)} had no such run`;
