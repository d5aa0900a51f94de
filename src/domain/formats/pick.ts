/** Takes fields out of an event by their paths, as text. */
import { leavesOf } from '../leaves.ts';

/** A function that gives the scalars at and below each path; a path that isn't there gives nothing. */
export function picker(
  paths: readonly string[],
): (json: Readonly<Record<string, unknown>>) => Record<string, string> {
  // Split once: events are rebuilt for each sighting.
  const steps = paths.map(path => [path, path.split('.')] as const);
  return json => {
    const fields: Record<string, string> = {};
    for (const [path, keys] of steps) {
      let value: unknown = json;
      for (const key of keys) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
      for (const leaf of leavesOf(value))
        fields[leaf.path === '' ? path : `${path}.${leaf.path}`] = leaf.text;
    }
    return fields;
  };
}
