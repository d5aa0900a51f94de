/**
 * How the lab recognises a canary in a line: by its own pattern, so that a mistake in the judge's decoder can't
 * hide in its oracle as well.
 */
const PATTERN = /coalmine1[a-z2-7]{40}/gi;

/** The distinct tokens in a line, in lower case. */
export function tokensIn(line: string): readonly string[] {
  const found = line.match(PATTERN);
  if (found === null) return NONE;
  return [...new Set(found.map(token => token.toLowerCase()))];
}

/** Where tokens stand in a line: [start, end) pairs. */
export const tokenSpans = (line: string): readonly (readonly [number, number])[] =>
  [...line.matchAll(PATTERN)].map(match => [match.index, match.index + match[0].length] as const);

const NONE: readonly string[] = [];
