/** Delays on a logarithmic scale, against the two deadlines. What isn't back yet is an arrow, never a number. */
import { scaleLog } from 'd3-scale';
import { formatDuration } from '../../../domain/words.ts';
import type { CheckpointView, DelayQuantile } from '../../../engine/overview.ts';
import { count } from '../when.ts';

const QUANTILES = [
  ['p50', 'half'],
  ['p95', '95\u202f%'],
  ['p99', '99\u202f%'],
] as const;

const HEIGHT_PX = 46;
const LINE_Y = 22;

export const delayWords = (q: DelayQuantile | null): string => {
  if (q === null) return 'not known';
  return typeof q === 'number' ? formatDuration(q) : `> ${formatDuration(q.above)}`;
};

type View = Pick<CheckpointView, 'name' | 'delays' | 'onTimeWithinMs' | 'lostAfterMs'>;

/** `half within 0.4 s, 95 % within 1.2 s, 99 % > 15 min`: the chart in words. */
export const delaySummary = (view: View): string =>
  view.delays.n === 0
    ? 'No delay was measured in this window.'
    : `One-way delay to ${view.name}: ${QUANTILES.map(
        ([key, word]) =>
          `${word} ${typeof view.delays[key] === 'number' ? 'within ' : ''}${delayWords(view.delays[key])}`,
      ).join(
        ', ',
      )}. Deadlines: on time within ${formatDuration(view.onTimeWithinMs)}, lost after ${formatDuration(
        view.lostAfterMs,
      )}.`;

export const Delays = ({ view }: { view: View }) => {
  const lowMs = 10;
  const highMs = Math.max(view.lostAfterMs * 2, 10_000);
  const across = scaleLog([lowMs, highMs], [1, 99]).clamp(true);
  const at = (ms: number): string => `${Math.round(across(Math.max(lowMs, ms)) * 10) / 10}%`;
  const decades = [100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000].filter(
    ms => ms < highMs * 0.9,
  );
  return (
    <div class="delays">
      <svg width="100%" height={HEIGHT_PX} role="img" aria-label={delaySummary(view)} focusable="false">
        <rect class="in-time" x="0" y={LINE_Y - 4} width={at(view.onTimeWithinMs)} height="8" />
        <line class="base" x1="0" x2="100%" y1={LINE_Y} y2={LINE_Y} />
        {decades.map(ms => (
          <line class="tick" x1={at(ms)} x2={at(ms)} y1={LINE_Y} y2={LINE_Y + 4} />
        ))}
        <Deadline
          x={at(view.onTimeWithinMs)}
          y={LINE_Y + 22}
          label={`on time \u2264 ${formatDuration(view.onTimeWithinMs)}`}
        />
        <Deadline x={at(view.lostAfterMs)} y={9} label={`lost > ${formatDuration(view.lostAfterMs)}`} />
        <text x="0" y={LINE_Y + 22}>
          {formatDuration(lowMs)}
        </text>
        {QUANTILES.map(([key], i) => (
          <Quantile q={view.delays[key]} at={at} shape={i} />
        ))}
      </svg>
      <dl class="quantiles">
        {QUANTILES.map(([key, word], i) => (
          <div>
            <dt>
              <svg width="12" height="12" aria-hidden="true" focusable="false">
                <svg class="q" x="6" y="6" overflow="visible" aria-hidden="true">
                  <path d={MARKERS[i] ?? ''} />
                </svg>
              </svg>
              {word}
            </dt>
            <dd>{delayWords(view.delays[key])}</dd>
          </div>
        ))}
        <div>
          <dt>n</dt>
          <dd>{count(view.delays.n)}</dd>
        </div>
      </dl>
    </div>
  );
};

const MARKERS = ['M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z', 'M0-5 5 0 0 5-5 0Z', 'M-4-4h8v8h-8Z'] as const;

const Quantile = ({
  q,
  at,
  shape,
}: {
  q: DelayQuantile | null;
  at: (ms: number) => string;
  shape: number;
}) => {
  if (q === null) return null;
  const beyond = typeof q !== 'number';
  return (
    <svg
      class={beyond ? 'q beyond' : 'q'}
      x={at(beyond ? q.above : q)}
      y={LINE_Y}
      overflow="visible"
      aria-hidden="true"
    >
      <path d={MARKERS[shape] ?? ''} />
      {beyond ? <path class="arrow" d="M5 0h9M11-3l3 3-3 3" /> : null}
    </svg>
  );
};

const Deadline = ({ x, y, label }: { x: string; y: number; label: string }) => (
  <>
    <line class="deadline" x1={x} x2={x} y1={LINE_Y - 9} y2={LINE_Y + 9} />
    <text x={x} y={y} text-anchor="end">
      {label}
    </text>
  </>
);
