/**
 * A path for canaries that is broken on purpose, and what a canary ledger would know of it. Knows nothing of patterns: what
 * each scenario is called is said by the test.
 */
import type { Observed, PatternContext, TargetSeries } from '../../src/domain/pattern.ts';

export type Random = () => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let a = (seed * 2654435761) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const T0 = Date.UTC(2026, 10, 23, 14, 0, 0);

export interface Setting {
  readonly targets: number;
  readonly beats: number;
  readonly everyMs: number;
  readonly dMs: number;
  readonly lMs: number;
  readonly lookEveryMs: number;
  readonly nowMs: number;
  readonly open: boolean;
  /** Chance of a loss, and of a late arrival, that have nothing to do with the incident. */
  readonly noise: number;
}

/** When one canary gets through; null: it doesn't. `sentMs` after T0. */
export type Path = (canary: { target: number; beat: number; sentMs: number }) => number | null;

export function world(s: Setting, path: Path, random: Random) {
  const series: TargetSeries[] = Array.from({ length: s.targets }, (_, target) => ({
    target: `web-${target + 1}`,
    canaries: Array.from({ length: s.beats }, (_, beat): Observed => {
      const slotMs = T0 + beat * s.everyMs;
      // Uniform sampling: anywhere in its slot.
      const sentMs = slotMs + random() * s.everyMs;
      let through = path({ target, beat, sentMs: sentMs - T0 });
      if (through !== null) through += T0 - 0.05 * s.dMs * Math.log(1 - random() * 0.99);
      if (through !== null && random() < s.noise)
        through = random() < 0.5 ? null : through + s.dMs * (1 + random());
      const seenMs = through === null ? null : Math.ceil(through / s.lookEveryMs) * s.lookEveryMs;
      return { slotMs, sentMs, ...fateOf({ through, seenMs, sentMs }, s) };
    }),
  }));
  const context: PatternContext = {
    targets: s.targets,
    open: s.open,
    everyMs: s.everyMs,
    onTimeWithinMs: s.dMs,
    nowMs: s.nowMs,
  };
  return { series, context };
}

function fateOf(
  c: { through: number | null; seenMs: number | null; sentMs: number },
  s: Setting,
): Pick<Observed, 'fate' | 'seenMs'> {
  if (c.through === null || c.seenMs === null || c.seenMs > s.nowMs)
    return { fate: s.nowMs >= c.sentMs + s.dMs ? 'missing' : 'unknown', seenMs: null };
  const delay = c.through - c.sentMs;
  const fate = delay <= s.dMs ? 'arrived' : delay <= s.lMs ? 'late' : 'recovered';
  return { fate, seenMs: c.seenMs };
}

/** As an incident's span is cut: from the first affected canary to the newest, or to now while it lasts. */
export function cut(series: readonly TargetSeries[], open: boolean): TargetSeries[] {
  const affected = series
    .flatMap(t => t.canaries)
    .filter(c => c.fate === 'missing' || c.fate === 'late' || c.fate === 'recovered')
    .map(c => c.slotMs);
  const [from, to] = [
    affected.reduce((a, b) => Math.min(a, b), Infinity),
    affected.reduce((a, b) => Math.max(a, b), 0),
  ];
  return series.map(t => ({
    ...t,
    canaries: t.canaries.filter(c => c.slotMs >= from && (open || c.slotMs <= to)),
  }));
}
