/**
 * The checkpoint tree as lanes, the way a version history is drawn: a chain stays in its lane, a branch leaves to the
 * right and is finished before the lane goes on. Pure geometry.
 */

export interface Placed {
  readonly name: string;
  readonly after: string | null;
}

export interface LaneRow<T extends Placed> {
  readonly node: T;
  readonly lane: number;
  /** The lane it comes from; the same as `lane` where it goes straight on. */
  readonly from: number;
  /** Lanes that pass by, without its own. */
  readonly passing: readonly number[];
  /** Whether its own lane goes on below. */
  readonly goesOn: boolean;
  readonly leaf: boolean;
}

/** Rows in drawing order: depth first, every checkpoint after the one before it. Those of a circle are left out. */
export function lanesOf<T extends Placed>(nodes: readonly T[]): LaneRow<T>[] {
  const names = new Set(nodes.map(n => n.name));
  const childrenOf = (name: string | null): T[] =>
    nodes.filter(n => (n.after === null || !names.has(n.after) ? null : n.after) === name);
  const rows: LaneRow<T>[] = [];
  const visit = (
    node: T,
    lane: number,
    from: number,
    passing: readonly number[],
    belowFrom: boolean,
  ): void => {
    const children = childrenOf(node.name);
    const kept = lane === from || !belowFrom ? passing : [...passing, from];
    rows.push({ node, lane, from, passing: kept, goesOn: children.length > 0, leaf: children.length === 0 });
    place(children, lane, kept);
  };
  const place = (children: readonly T[], lane: number, passing: readonly number[]): void => {
    for (const [i, child] of children.entries()) {
      const last = i === children.length - 1;
      visit(child, last ? lane : lane + 1, lane, passing, !last);
    }
  };
  place(childrenOf(null), 0, []);
  return rows;
}
