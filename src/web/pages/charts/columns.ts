/** The geometry of a column chart of verdicts: percentages across, pixels down. Pure, and without a document. */
import { scaleLinear, scaleUtc } from 'd3-scale';
import type { Bar, Counts } from '../../../engine/overview.ts';
import { STACK } from '../palette.ts';
import { when } from '../when.ts';

/** A rare thing among thousands is drawn this high, so that it can be seen. */
const LOUD_PX_MIN = 4;

/** Columns of a small chart, and of one that has a page to itself (the view model's own bound). */
const SMALL_MAX = 60;

/** Neighbours joined until no more than a small chart's columns are left. */
export function thinned(bars: readonly Bar[], max = SMALL_MAX): readonly Bar[] {
  const each = Math.ceil(bars.length / max);
  if (each <= 1) return bars;
  return Array.from({ length: Math.ceil(bars.length / each) }, (_, i) =>
    joined(bars.slice(i * each, (i + 1) * each)),
  );
}

function joined(bars: readonly Bar[]): Bar {
  const counts: Record<string, number> = {};
  for (const bar of bars)
    for (const [bucket, n] of Object.entries(bar.counts)) counts[bucket] = (counts[bucket] ?? 0) + n;
  return { fromMs: bars[0]?.fromMs ?? 0, toMs: bars.at(-1)?.toMs ?? 0, counts };
}

/** How many shapes a chart of these bars is made of. */
export const shapesOf = (bars: readonly Bar[]): number =>
  bars.reduce((sum, bar) => sum + STACK.filter(s => bar.counts[s.bucket]).length, 0);

export interface Segment {
  readonly bucket: string;
  readonly n: number;
  readonly y: number;
  readonly height: number;
}

export interface Column {
  readonly bar: Bar;
  /** Percent of the chart's width. */
  readonly x: number;
  readonly width: number;
  readonly segments: readonly Segment[];
}

/** Canaries in a bar, drills apart. */
export const totalOf = (counts: Counts): number => STACK.reduce((sum, s) => sum + (counts[s.bucket] ?? 0), 0);

export function columnsOf(bars: readonly Bar[], heightPx: number): Column[] {
  const first = bars[0];
  const last = bars.at(-1);
  if (!first || !last) return [];
  const across = scaleLinear([first.fromMs, last.toMs], [0, 100]);
  const most = Math.max(1, ...bars.map(b => totalOf(b.counts)));
  return bars.map(bar => {
    const x = across(bar.fromMs);
    const gap = Math.min(0.25, (across(bar.toMs) - x) * 0.18);
    return {
      bar,
      x: tidy(x + gap / 2),
      width: tidy(across(bar.toMs) - x - gap),
      segments: stack(bar.counts, heightPx, most),
    };
  });
}

function stack(counts: Counts, heightPx: number, most: number): Segment[] {
  const present = STACK.filter(s => (counts[s.bucket] ?? 0) > 0);
  const total = totalOf(counts);
  if (total === 0) return [];
  const full = Math.max((heightPx * total) / most, Math.min(heightPx, present.length * LOUD_PX_MIN));
  const fair = present.map(s => {
    const share = (full * (counts[s.bucket] ?? 0)) / total;
    return s.loud ? Math.max(LOUD_PX_MIN, share) : share;
  });
  // What the rare ones were given is taken from the largest.
  const excess = fair.reduce((a, b) => a + b, 0) - full;
  const largest = fair.indexOf(Math.max(...fair));
  fair[largest] = Math.max(LOUD_PX_MIN, (fair[largest] ?? 0) - excess);
  let bottom = heightPx;
  return present.map((s, i) => {
    const height = Math.max(1, Math.round(fair[i] ?? 0));
    bottom = Math.max(0, bottom - height);
    return { bucket: s.bucket, n: counts[s.bucket] ?? 0, y: bottom, height };
  });
}

export interface Tick {
  readonly x: number;
  readonly label: string;
}

/** Round times in UTC, far enough from the edges to be written out. */
export function ticksOf(fromMs: number, toMs: number, nowMs: number): Tick[] {
  const scale = scaleUtc([new Date(fromMs), new Date(toMs)], [0, 100]);
  const daily = toMs - fromMs > 2.5 * 86_400_000;
  const times = scale.ticks(4);
  const seconds = times.some(t => t.getTime() % 60_000 !== 0);
  const label = (t: Date): string => {
    const text = when(t.getTime(), daily ? 0 : nowMs, seconds);
    return daily ? text.replace(/ \d{4}/, '').replace(/ 00:00$/, '') : text;
  };
  return times.map(t => ({ x: tidy(scale(t)), label: label(t) })).filter(t => t.x > 4 && t.x < 90);
}

/** Part of [fromMs, toMs) as percentages of it; null where they don't meet. */
export function stretch(
  span: { readonly fromMs: number; readonly toMs: number },
  frame: { readonly fromMs: number; readonly toMs: number },
): { x: number; width: number } | null {
  const from = Math.max(span.fromMs, frame.fromMs);
  const to = Math.min(span.toMs, frame.toMs);
  if (to <= from) return null;
  const across = scaleLinear([frame.fromMs, frame.toMs], [0, 100]);
  return { x: tidy(across(from)), width: Math.max(0.4, tidy(across(to) - across(from))) };
}

const tidy = (n: number): number => Math.round(n * 100) / 100;
