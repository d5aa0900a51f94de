/** How a line is damaged on its way: a value changed, or the end cut off. */
import { tokenSpans } from './tokens.ts';

/**
 * The line with a value changed and every token left whole: each IPv4 address gets another last octet, as an
 * anonymiser would do; where there is none, one letter or digit outside the tokens is changed. Undefined where
 * there is nothing to change.
 */
export function altered(line: string, random: () => number): string | undefined {
  const anonymised = line.replace(
    /\b(\d{1,3}\.\d{1,3}\.\d{1,3}\.)(\d{1,3})\b/g,
    (_, head: string, octet: string) => `${head}${(Number(octet) + 1) % 256}`,
  );
  if (anonymised !== line) return anonymised;
  const spans = tokenSpans(line);
  const places = [...line.matchAll(/[a-z0-9]/gi)]
    .map(match => match.index)
    .filter(at => !spans.some(([start, end]) => at >= start && at < end));
  const at = places[Math.floor(random() * places.length)];
  if (at === undefined) return undefined;
  return `${line.slice(0, at)}${line[at] === 'x' ? 'y' : 'x'}${line.slice(at + 1)}`;
}

/** The line cut at a place drawn uniformly; at least one character goes. */
export const truncated = (line: string, random: () => number): string =>
  line.slice(0, Math.floor(random() * line.length));
