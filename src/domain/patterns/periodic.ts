/**
 * Loss that recurs: loss periods (RFC 3357) begin at a stable distance from one another, such as every hour or every
 * tenth canary. Read from a chain of beginnings, each where the one before it foretold it.
 */
import type { Run } from '../loss-runs.ts';
import { canaries, count, plural, utcSpan } from '../saying.ts';
import type { Pattern, Span } from './span.ts';
import { duration, total } from './words.ts';

/** So many recurrences at least, so many of those foretold, and so much of all loss in them. */
const HITS_MIN = 5;
const KEPT_MIN = 0.7;
const MISSED_IN_A_ROW_MAX = 2;
/** By chance such a chain comes about less often than this. */
const CHANCE_MAX = 1e-4;
/** How far from its foretold beat a recurrence may begin: on it, or on a neighbour, as jitter puts it. */
const REACHES_BEATS = [0, 1] as const;
const DISTANCES_TRIED = 12;
const ANCHORS_TRIED = 4;
/** A beat is hot with this share of what the worst has: below is background. */
const HOT_MIN = 0.25;
const TARGETS_TRIED = 20;

/** A loss period: the beat it begins in, counted from 0, and how much it lost. */
interface Episode {
  readonly beat: number;
  readonly slotMs: number;
  readonly affected: number;
}

interface Chain {
  readonly hits: number;
  readonly cycles: number;
  readonly distanceBeats: number;
  readonly covered: number;
}

export function periodic(span: Span): Pattern | null {
  const chain = chainOf(episodesOfAll(span), span) ?? chainOfEach(span);
  if (chain === null) return null;
  const everyMs = chain.distanceBeats * beatMs(span);
  const nth = chain.distanceBeats < 60 ? ` (${plural(round(chain.distanceBeats), 'beat')})` : '';
  const [first, last] = [span.beats[0]!.slotMs, span.beats.at(-1)!.slotMs];
  const late = span.touched.some(t => t.runs.some(run => run.canaries.some(c => c.fate === 'late')));
  return {
    name: 'periodic',
    evidence: `${late ? 'trouble' : 'loss'} recurs every ${duration(everyMs)}${nth}: ${count(chain.hits)} of ${count(chain.cycles)} times that it was due, ${utcSpan(first, last)}; ${count(chain.covered)} of ${canaries(span.affected)} ${late ? 'that were late or missing' : 'missed'} fell on it.`,
  };
}

const round = (n: number): number => Math.round(n * 10) / 10;

/** Under a cron schedule, and under Poisson sampling, beats are told apart by what lies between them on average. */
const beatMs = ({ beats, context }: Span): number =>
  beats.length < 2 ? context.everyMs : (beats.at(-1)!.slotMs - beats[0]!.slotMs) / (beats.length - 1);

/** Successive hot beats are one episode. */
function episodesOfAll({ beats }: Span): Episode[] {
  const worst = Math.max(...beats.map(b => b.affected));
  const episodes: { beat: number; slotMs: number; affected: number }[] = [];
  let before = Number.NaN;
  for (const [beat, { slotMs, affected }] of beats.entries()) {
    if (affected === 0 || affected < HOT_MIN * worst) continue;
    if (before === beat - 1) episodes.at(-1)!.affected += affected;
    else episodes.push({ beat, slotMs, affected });
    before = beat;
  }
  return episodes;
}

/** Where targets keep a count of their own, each has its own phase: most of the worst must show the same distance. */
function chainOfEach(span: Span): Chain | null {
  const worst = span.touched.toSorted((a, b) => b.affected - a.affected).slice(0, TARGETS_TRIED);
  const beatOf = new Map(span.beats.map((b, i) => [b.slotMs, i]));
  const episode = ({ canaries: [first, ...rest] }: Run): Episode => ({
    beat: beatOf.get(first!.slotMs)!,
    slotMs: first!.slotMs,
    affected: 1 + rest.length,
  });
  const chains = worst.map(t => chainOf(t.runs.map(episode), span)).filter(c => c !== null);
  const distances = chains.map(c => c.distanceBeats).sort((a, b) => a - b);
  const distanceBeats = distances[Math.floor(distances.length / 2)];
  if (distanceBeats === undefined) return null;
  const same = chains.filter(c => Math.abs(c.distanceBeats - distanceBeats) <= 0.5);
  if (same.length < KEPT_MIN * worst.length) return null;
  const covered = total(same, c => c.covered);
  return { hits: total(same, c => c.hits), cycles: total(same, c => c.cycles), distanceBeats, covered };
}

function chainOf(episodes: readonly Episode[], span: Span): Chain | null {
  if (episodes.length < HITS_MIN) return null;
  const affected = total(episodes, e => e.affected);
  const distances = commonDistances(episodes);
  const density = densest(episodes);
  let best: Chain | null = null;
  for (const reach of REACHES_BEATS) {
    const tries = distances.length * ANCHORS_TRIED * REACHES_BEATS.length;
    for (const distance of distances) {
      for (const anchor of episodes.slice(0, ANCHORS_TRIED)) {
        const chain = follow(episodes, { anchor, distance, reach, lastBeat: span.beats.length - 1 });
        if (chain.hits < HITS_MIN || chain.hits < KEPT_MIN * chain.cycles) continue;
        if (chain.covered < KEPT_MIN * affected) continue;
        // Loss may be denser in one half: there, chance makes more chains.
        const byChance = Math.min(1, density * (2 * reach + 1));
        if (Math.log(tries) + logTail(chain.hits - 1, chain.cycles - 1, byChance) > Math.log(CHANCE_MAX))
          continue;
        if (best === null || chain.covered > best.covered) best = chain;
      }
    }
  }
  return best;
}

/** Episodes per beat where they are densest, read from halves of the episodes. */
function densest(episodes: readonly Episode[]): number {
  const half = Math.floor(episodes.length / 2);
  const of = (part: readonly Episode[]) => (part.length - 1) / Math.max(1, part.at(-1)!.beat - part[0]!.beat);
  return Math.max(of(episodes), of(episodes.slice(0, half + 1)), of(episodes.slice(half)));
}

/** The distances, in beats, that occur most often between an episode and the next three. */
function commonDistances(episodes: readonly Episode[]): number[] {
  const times = new Map<number, number>();
  for (const [i, { beat }] of episodes.entries())
    for (const later of episodes.slice(i + 1, i + 4))
      times.set(later.beat - beat, (times.get(later.beat - beat) ?? 0) + 1);
  return [...times]
    .filter(([beats]) => beats > 1)
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, DISTANCES_TRIED)
    .map(([beats]) => beats);
}

function follow(
  episodes: readonly Episode[],
  {
    anchor,
    distance,
    reach,
    lastBeat,
  }: { anchor: Episode; distance: number; reach: number; lastBeat: number },
): Chain {
  const at = new Map(episodes.map(e => [e.beat, e]));
  const near = (beat: number) =>
    at.get(beat) ?? (reach > 0 ? (at.get(beat - 1) ?? at.get(beat + 1)) : undefined);
  let [hits, cycles, covered, missed, lastHit, cyclesAtHit] = [1, 1, anchor.affected, 0, anchor.beat, 1];
  for (let due = anchor.beat + distance; due <= lastBeat; due += distance) {
    cycles++;
    const hit = near(due);
    if (hit === undefined) {
      if (++missed > MISSED_IN_A_ROW_MAX) break;
      continue;
    }
    missed = 0;
    hits++;
    covered += hit.affected;
    due = hit.beat;
    lastHit = hit.beat;
    cyclesAtHit = cycles;
  }
  const distanceBeats = cyclesAtHit > 1 ? (lastHit - anchor.beat) / (cyclesAtHit - 1) : distance;
  return { hits, cycles, distanceBeats, covered };
}

/** The logarithm of an upper bound of P(X ≥ hits) for X binomial (n, p): Chernoff's. */
function logTail(hits: number, n: number, p: number): number {
  const share = hits / n;
  if (share <= p) return 0;
  const rest = share === 1 ? 0 : (1 - share) * Math.log((1 - share) / (1 - p));
  return -n * (share * Math.log(share / p) + rest);
}
