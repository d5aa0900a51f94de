/** JSON values that stand in a row: one, one a line, or one after the other with anything or nothing between. Pure. */

/**
 * The values, less lines without a mark where there is one a line; undefined: the text isn't JSON values and nothing
 * else.
 */
export function parsedValues(text: string, marks: (part: string) => boolean): unknown[] | undefined {
  const whole = parsed(text);
  if (whole !== undefined) return [whole];
  const lines = text.split(/\r?\n/).filter(marks).map(parsed);
  if (lines.length > 0 && !lines.includes(undefined)) return lines;
  return valuesInRow(text);
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // A lone number or string is no record.
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `{…}{…}`, as Splunk's HEC has them, also over many lines. */
function valuesInRow(text: string): unknown[] | undefined {
  const values: unknown[] = [];
  let start = -1;
  let depth = 0;
  // Strings whole, so that a brace in one isn't counted; anything else but brackets is passed over.
  for (const match of text.matchAll(/"(?:[^"\\]|\\[\s\S])*"|[{}[\]]|[^\s,{}[\]"]+|"/g)) {
    const [piece] = match;
    // A string without an end: gone on with, every further quote would be read to the end too.
    if (piece === '"') return undefined;
    if (piece === '{' || piece === '[') {
      if (depth++ === 0) start = match.index;
    } else if (piece === '}' || piece === ']') {
      if (--depth < 0) return undefined;
      if (depth > 0) continue;
      const value = parsed(text.slice(start, match.index + 1));
      if (value === undefined) return undefined;
      values.push(value);
    } else if (depth === 0) {
      return undefined;
    }
  }
  return depth === 0 && values.length > 0 ? values : undefined;
}
