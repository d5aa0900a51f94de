/** The small signs: a shape for every state, so that no state is told by colour alone, and the canary. All decoration. */
import type { PipelineState } from '../../../engine/overview.ts';

const SHAPES: Readonly<Record<PipelineState, string>> = {
  healthy: 'M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17ZM5.6 10.2l1.5-1.5 2 2 4-4.3 1.5 1.4-5.4 5.9Z',
  late: 'M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17ZM9 5h2v4.6l3.2 2.6-1.2 1.6-4-3.2Z',
  losing: 'M1 2.5h18L10 19ZM9 6h2l-.3 5H9.3ZM9.1 12.3h1.8v1.9H9.1Z',
  blind: 'M2 2h16v16H2ZM4 4v3.2L7.2 4ZM10 4 4 10v3.2L13.2 4ZM16 4 4 16h3.2L16 7.2ZM16 10l-6 6h3.2l2.8-2.8Z',
  not_yet_proven: 'M10 1l9 9-9 9-9-9ZM10 3.9 3.9 10l6.1 6.1 6.1-6.1Z',
  silent: 'M3 2h5v16H3ZM12 2h5v16h-5Z',
};

export const StateGlyph = ({ state, size = 20 }: { state: PipelineState; size?: number }) => (
  <svg
    class={`glyph s-${state}`}
    width={size}
    height={size}
    viewBox="0 0 20 20"
    aria-hidden="true"
    focusable="false"
  >
    <path fill="currentColor" fill-rule="evenodd" d={SHAPES[state]} />
  </svg>
);

const BIRD = {
  body: 'M4 21.5C9.5 20.6 12 18 13 14.2C13.8 9.6 16.6 6 21 6c3.6 0 6 2.4 6.4 5.4L30.5 13l-3.3 1.3C27 20.5 23 25.5 16.5 25.5c-3 0-5.3-.7-7-2Z',
  wing: 'M12 19.8c4.6.8 8.4-1 9.6-5.6c-4.6-1.4-8.4 1-9.6 5.6Z',
  legs: 'M16.5 25v4.5M20 24.6v4.9',
} as const;

/** The mark: a canary on its perch. */
export const Canary = ({ size = 32 }: { size?: number }) => (
  <svg class="canary" width={size} height={size} viewBox="0 0 34 34" aria-hidden="true" focusable="false">
    <path class="perch" d="M3 30.5h28" />
    <path class="legs" d={BIRD.legs} />
    <path class="bird" d={BIRD.body} />
    <path class="wing" d={BIRD.wing} />
    <circle class="eye" cx="22.4" cy="10.6" r="1.25" />
  </svg>
);

/** The same as a file of its own, for the browser's tab. */
export const favicon = (): string =>
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 34 34"><rect width="34" height="34" rx="7" fill="#1b2328"/>' +
  `<path d="M4 30h26M${BIRD.legs.slice(1)}" stroke="#cfd6da" stroke-width="1.6" stroke-linecap="round" fill="none"/>` +
  `<path d="${BIRD.body}" fill="#f7cf1d"/><path d="${BIRD.wing}" fill="#b98600"/>` +
  '<circle cx="22.4" cy="10.6" r="1.4" fill="#1b2328"/></svg>';
