/** Verdicts over time: a stacked column a span, hatched where nothing could be seen, a shape above what was lost. */
import type { Bar } from '../../../engine/overview.ts';
import { STACK, wordOf } from '../palette.ts';
import { count, when } from '../when.ts';
import { type Column, columnsOf, stretch, ticksOf, totalOf } from './columns.ts';
import { fillOf } from './patterns.tsx';

export const MARKS_PX = 12;
const LANE_PX = 6;
export const AXIS_PX = 18 + LANE_PX;

export interface BarsProps {
  readonly bars: readonly Bar[];
  /** Spans in which nothing can be said. */
  readonly blind: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly nowMs: number;
  readonly heightPx: number;
  /** Whether each column says its numbers when pointed at. */
  readonly titles: boolean;
  /** What the chart says, in words. */
  readonly label: string;
}

export const Bars = ({ bars, blind, nowMs, heightPx, titles, label }: BarsProps) => {
  const first = bars[0];
  const last = bars.at(-1);
  if (!first || !last) return null;
  const frame = { fromMs: first.fromMs, toMs: last.toMs };
  const bottom = MARKS_PX + heightPx;
  return (
    <svg class="bars" width="100%" height={bottom + AXIS_PX} role="img" aria-label={label} focusable="false">
      {blind.map(span => (
        <Unseen at={stretch(span, frame)} heightPx={heightPx} />
      ))}
      <line class="base" x1="0" x2="100%" y1={bottom + 0.5} y2={bottom + 0.5} />
      <svg y={MARKS_PX} width="100%" height={heightPx} aria-hidden="true">
        {columnsOf(bars, heightPx).map(column => (
          <ColumnShape column={column} nowMs={nowMs} titles={titles} />
        ))}
      </svg>
      {columnsOf(bars, heightPx).map(column => (
        <LossMark column={column} />
      ))}
      <Axis frame={frame} nowMs={nowMs} bottom={bottom} end="now" />
    </svg>
  );
};

export interface AxisProps {
  readonly frame: { readonly fromMs: number; readonly toMs: number };
  readonly nowMs: number;
  readonly bottom: number;
  /** What stands at the right end. */
  readonly end: string | null;
}

/** Round times beneath the columns. */
export const Axis = ({ frame, nowMs, bottom, end }: AxisProps) => (
  <>
    {ticksOf(frame.fromMs, frame.toMs, nowMs).map(tick => (
      <>
        <line class="tick" x1={`${tick.x}%`} x2={`${tick.x}%`} y1={bottom} y2={bottom + LANE_PX} />
        <text x={`${tick.x}%`} y={bottom + LANE_PX + 13} text-anchor="middle">
          {tick.label}
        </text>
      </>
    ))}
    {end === null ? null : (
      <text x="100%" y={bottom + LANE_PX + 13} text-anchor="end">
        {end}
      </text>
    )}
  </>
);

/** Hatched behind the columns, and in a lane of its own beneath them, where no column can hide it. */
export const Unseen = ({ at, heightPx }: { at: ReturnType<typeof stretch>; heightPx: number }) => {
  if (!at) return null;
  const common = { x: `${at.x}%`, width: `${at.width}%`, fill: fillOf('blind') };
  return (
    <>
      <rect {...common} y={MARKS_PX} height={heightPx} />
      <rect {...common} class="lane" y={MARKS_PX + heightPx + 1} height={LANE_PX} />
    </>
  );
};

export const ColumnShape = ({
  column,
  nowMs,
  titles,
}: {
  column: Column;
  nowMs: number;
  titles: boolean;
}) => {
  const shapes = column.segments.map(s => (
    <rect
      class={s.bucket === 'pending' || s.bucket === 'unsent' ? 'hollow' : undefined}
      x={`${column.x}%`}
      y={s.y}
      width={`${column.width}%`}
      height={s.height}
      fill={fillOf(s.bucket)}
    />
  ));
  if (!titles || shapes.length === 0) return <>{shapes}</>;
  return (
    <g>
      <title>{columnWords(column.bar, nowMs)}</title>
      {shapes}
    </g>
  );
};

/** A triangle above a column in which canaries were lost, a cross where they were refused. */
export const LossMark = ({ column: { bar, x, width } }: { column: Column }) => {
  const lost = (bar.counts.lost ?? 0) > 0;
  if (!lost && (bar.counts.refused ?? 0) === 0) return null;
  return (
    <svg
      class={lost ? 'm-lost' : 'm-refused'}
      x={`${x + width / 2}%`}
      y="1"
      overflow="visible"
      aria-hidden="true"
    >
      <path d={lost ? 'M-4 0h8L0 8Z' : 'M-3.5 1l7 7M3.5 1l-7 7'} />
    </svg>
  );
};

const columnWords = (bar: Bar, nowMs: number): string => {
  const seconds = bar.toMs - bar.fromMs < 60_000;
  const parts = STACK.filter(s => bar.counts[s.bucket]).map(
    s => `${count(bar.counts[s.bucket] ?? 0)} ${wordOf(s.bucket)}`,
  );
  const span = `${when(bar.fromMs, nowMs, seconds)}–${when(bar.toMs, nowMs, seconds)}`;
  return `${span}: ${parts.join(', ') || 'nothing scheduled'}`;
};

/** The chart in a sentence: what a screen reader says, and print keeps. */
export function barsSummary(name: string, bars: readonly Bar[], nowMs: number): string {
  const first = bars[0];
  const last = bars.at(-1);
  if (!first || !last) return `${name}: no canary in this window.`;
  const total = bars.reduce((sum, b) => sum + totalOf(b.counts), 0);
  const sums = STACK.map(s => [s.word, bars.reduce((sum, b) => sum + (b.counts[s.bucket] ?? 0), 0)] as const)
    .filter(([, n]) => n > 0)
    .map(([word, n]) => `${count(n)} ${word}`);
  const losing = bars.filter(b => (b.counts.lost ?? 0) > 0);
  const from = losing[0];
  const to = losing.at(-1);
  const lost =
    from && to ? ` Lost ones were sent between ${when(from.fromMs, nowMs)} and ${when(to.toMs, nowMs)}.` : '';
  return `${name}, ${when(first.fromMs, nowMs)} to ${when(last.toMs, nowMs)} UTC: ${count(total)} canaries: ${
    sums.join(', ') || 'none'
  }.${lost}`;
}
