/** Finding one's way in a YAML document: from a path to the nodes on it, and from node to node. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { Path } from './diagnostic.ts';

export interface Step {
  /** Absent for an item of a list. */
  readonly key?: Node;
  readonly value: Node | null;
}

/** The nodes along a path, as far as it exists. What a merge (`<<`) brought in doesn't stand at its path. */
export const stepsTo = (doc: Document, path: Path): readonly Step[] => {
  const steps: Step[] = [];
  let at = doc.contents as Node | null;
  for (const part of path) {
    if (isAlias(at)) at = at.resolve(doc) ?? null;
    let step: Step | undefined;
    if (isMap(at)) {
      const pair = at.items.find(p => isScalar(p.key) && String(p.key.value) === String(part));
      if (pair) step = { key: pair.key as Node, value: pair.value as Node | null };
    } else if (isSeq(at) && typeof part === 'number' && at.items[part]) {
      step = { value: at.items[part] as Node };
    }
    if (!step) return steps;
    steps.push(step);
    at = step.value;
  }
  return steps;
};

/** Where to point for a step: at a scalar itself; at the key of anything larger, or of nothing. */
export const offsetOf = (step: Step, atKey: boolean): number => {
  const { key, value } = step;
  const isText = isScalar(value) && value.range && value.range[1] > value.range[0];
  const node = key && (atKey || !isText) ? key : value;
  return node?.range?.[0] ?? 0;
};

/** Every scalar that is a value, with its path; keys are left out, and an alias is met where its anchor stands. */
export const eachScalar = (
  node: unknown,
  visit: (scalar: Scalar, path: Path) => void,
  path: Path = [],
): void => {
  if (isScalar(node)) visit(node, path);
  else if (isMap(node)) {
    for (const pair of node.items) eachScalar(pair.value, visit, [...path, String(pair.key)]);
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) eachScalar(item, visit, [...path, i]);
  }
};
