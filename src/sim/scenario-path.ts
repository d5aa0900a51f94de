/**
 * The path of a scenario as truth: when what an agent takes in at some moment becomes visible at the destination. Spells in which
 * it does otherwise than usual are listed, so that healthy stretches cost nothing.
 */

/** A stretch of an agent's life in which what it takes in goes another way. Unix milliseconds, half open. */
export interface Spell {
  readonly agent: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Which fault of the lab's agent does the same; null: none. */
  readonly lab: 'stall' | 'drop' | null;
  /** When what it took in at `atMs` becomes visible; Infinity: never. */
  readonly visibleMs: (atMs: number) => number;
}

export interface ScenarioPath {
  /** How many agents (hosts, partitions, shares of a stream) events go through, each with as many. */
  readonly agents: number;
  /** Ordinarily, from being taken in to being visible. */
  readonly latencyMs: number;
  /** Sorted by beginning; those of one agent don't overlap. */
  readonly spells: readonly Spell[];
  /** The spells that something taken in then falls into, by agent, ascending. */
  at(atMs: number): readonly Spell[];
}

export function createPath(of: {
  readonly agents: number;
  readonly latencyMs: number;
  readonly spells: readonly Spell[];
}): ScenarioPath {
  const spells = of.spells.filter(s => s.fromMs < s.toMs).sort((a, b) => a.fromMs - b.fromMs);
  const edges = [...new Set(spells.flatMap(s => [s.fromMs, s.toMs]))].sort((a, b) => a - b);
  const known = new Map<number, readonly Spell[]>();
  let last = -1;
  return {
    ...of,
    spells,
    at(atMs) {
      const edge = edgeBefore(edges, atMs, last);
      last = edge;
      const cached = known.get(edge);
      if (cached) return cached;
      const found = spells.filter(s => s.fromMs <= atMs && atMs < s.toMs).sort((a, b) => a.agent - b.agent);
      known.set(edge, found);
      return found;
    },
  };
}

/** Index of the last edge at or before a moment, −1 before all; asked in order, the guess is nearly always right. */
function edgeBefore(edges: readonly number[], atMs: number, guess: number): number {
  const fits = (i: number): boolean =>
    (i < 0 || edges[i]! <= atMs) && (i + 1 >= edges.length || atMs < edges[i + 1]!);
  if (fits(guess)) return guess;
  if (fits(guess + 1)) return guess + 1;
  let [low, high] = [-1, edges.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (edges[middle]! <= atMs) low = middle;
    else high = middle - 1;
  }
  return low;
}
