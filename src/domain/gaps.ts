/** Spans of time in which a checkpoint's seeing had a hole. */

/** A span in which absence can't be proven. Half open. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
}

const GAPS_MAX = 100;
const REASON_CHARS_MAX = 300;

/** Gaps merged where they touch, oldest dropped into one that starts with them: never fewer milliseconds of gap. */
export function addGap(gaps: readonly Gap[], gap: Gap): Gap[] {
  const sorted = [...gaps, gap].filter(g => g.toMs > g.fromMs).sort((a, b) => a.fromMs - b.fromMs);
  const merged: Gap[] = [];
  for (const g of sorted) {
    const last = merged.at(-1);
    if (last && g.fromMs <= last.toMs)
      merged[merged.length - 1] = {
        ...last,
        toMs: Math.max(last.toMs, g.toMs),
        reason: both(last.reason, g.reason),
      };
    else merged.push(g);
  }
  while (merged.length > GAPS_MAX) {
    const [a, b] = merged.splice(0, 2);
    if (a && b) merged.unshift({ fromMs: a.fromMs, toMs: b.toMs, reason: 'several, merged at the bound' });
  }
  return merged;
}

/** Each reason once, in the order of their gaps; bounded, since a gap may grow for days. */
function both(a: string, b: string): string {
  const joined = `${a}; ${b}`;
  return a.split('; ').includes(b) || joined.length > REASON_CHARS_MAX ? a : joined;
}

export const inGap = (gaps: readonly Gap[], fromMs: number, toMs: number): boolean =>
  gaps.some(g => g.fromMs <= toMs && g.toMs > fromMs);
