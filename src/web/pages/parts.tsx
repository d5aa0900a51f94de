/** Small pieces that every page uses: times, counts with their swatches, tables that scroll by themselves. */
import type { Child } from 'hono/jsx';
import type { Counts } from '../../engine/overview.ts';
import { Swatch } from './charts/patterns.tsx';
import { STACK } from './palette.ts';
import { ago, count, isoTime, when } from './when.ts';

export const At = ({ ms, nowMs, seconds = false }: { ms: number; nowMs: number; seconds?: boolean }) => (
  <time datetime={isoTime(ms)}>{when(ms, nowMs, seconds)}</time>
);

/** `12:03:20, 4 s ago`. */
export const Fresh = ({ ms, nowMs }: { ms: number; nowMs: number }) => (
  <span class="fresh">
    <At ms={ms} nowMs={nowMs} seconds />, {ago(ms, nowMs)}
  </span>
);

/** Each bucket's sum beside its pattern: the numbers of a chart and its legend in one. */
export const CountsLegend = ({ counts }: { counts: Counts }) => {
  const present = STACK.filter(s => (counts[s.bucket] ?? 0) > 0);
  if (present.length === 0) return <span>No canary was scheduled in this window.</span>;
  return (
    <ul class="counts" aria-label="Canaries by verdict">
      {present.map(s => (
        <li title={s.meaning} class={s.bucket === 'lost' ? 'is-lost' : undefined}>
          <Swatch bucket={s.bucket} />
          <b>{count(counts[s.bucket] ?? 0)}</b> {s.word}
        </li>
      ))}
    </ul>
  );
};

/** A table wider than a phone scrolls in its own box, which the keyboard can reach. */
export const Scroll = ({ label, children }: { label: string; children: Child }) => (
  <section class="scroll" tabindex={0} aria-label={label}>
    {children}
  </section>
);

/** `inner`: within a panel, rather than one of its own. */
export const Section = ({
  id,
  title,
  inner = false,
  children,
}: {
  id: string;
  title: string;
  inner?: boolean;
  children: Child;
}) => (
  <section class={inner ? 'inner' : 'block'} aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    {children}
  </section>
);

/** A reason of the engine's as a sentence. */
export const sentence = (words: string): string => {
  const text = words.trim();
  return text === '' ? '' : `${text[0]?.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
};
