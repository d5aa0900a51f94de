/** The fills of the bars, once a page. Each differs from the others by its pattern as well as by its colour. */
import type { Bucket } from '../../../domain/verdict.ts';

/** A tile of ink on a ground; `null`: the ground alone. */
const TILES: Readonly<Partial<Record<Bucket | 'blind', readonly [sizePx: number, ink: string | null]>>> = {
  on_time: [8, null],
  delivered: [5, 'M2.5 0v5'],
  late: [6, 'M-1 7 7-1M-1 1 1-1M5 7 7 5'],
  recovered: [6, 'M1.5 1.5h1.6v1.6H1.5ZM4.5 4.5h1.6v1.6H4.5Z'],
  missed_here: [4, 'M0 2h4'],
  pending: [6, 'M3 2.4h.1'],
  unproven: [5, 'M2.5 1.2v2.6M1.2 2.5h2.6'],
  maybe_sent: [5, 'M2.5 2.5h.1'],
  unsent: [6, 'M0 0 6 6M6 0 0 6'],
  overdue: [4, 'M0 1h4M0 3h4'],
  refused: [4, 'M0 0 4 4M4 0 0 4'],
  lost: [8, null],
  blind: [7, 'M-1 8 8-1M-1 1 1-1M6 8 8 6'],
};

export const fillOf = (bucket: string): string => `url(#f-${bucket})`;

export const Patterns = () => (
  <svg class="defs" width="0" height="0" aria-hidden="true" focusable="false">
    <defs>
      {Object.entries(TILES).map(([bucket, [size, ink]]) => (
        <pattern id={`f-${bucket}`} width={size} height={size} patternUnits="userSpaceOnUse">
          <rect class={`g-${bucket}`} width={size} height={size} />
          {ink === null ? null : <path class={`i i-${bucket}`} d={ink} />}
        </pattern>
      ))}
    </defs>
  </svg>
);

/** One swatch, for a legend. */
export const Swatch = ({ bucket }: { bucket: string }) => (
  <svg class="swatch" width="14" height="14" aria-hidden="true" focusable="false">
    <rect class="frame" x=".5" y=".5" width="13" height="13" fill={fillOf(bucket)} />
  </svg>
);
