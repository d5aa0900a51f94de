/** Numbers, times and lists as people are told them: thousands separated, UTC, ISO-like. */

/** `1,234,567`. */
export const count = (n: number): string => n.toLocaleString('en-US');

/** `1 canary`, `1,200 canaries`. */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

export const canaries = (n: number): string => plural(n, 'canary', 'canaries');
export const targets = (n: number): string => plural(n, 'target');

const iso = (ms: number): string => new Date(ms).toISOString().replace('T', ' ');

/** `2026-11-23 14:02:10 UTC`. */
export const utc = (ms: number): string => `${iso(ms).slice(0, -5)} UTC`;

/** `2026-11-23 14:02 UTC`. */
export const utcMinute = (ms: number): string => `${iso(ms).slice(0, -8)} UTC`;

/** `2026-11-23 14:02:10 to 14:09:31 UTC`; the day is said again where it is another. */
export const utcSpan = (fromMs: number, toMs: number): string => between(utc(fromMs), utc(toMs));
export const utcMinuteSpan = (fromMs: number, toMs: number): string =>
  between(utcMinute(fromMs), utcMinute(toMs));

function between(from: string, to: string): string {
  const dayEnds = from.indexOf(' ', 1) + 1;
  const sameDay = from.slice(0, dayEnds) === to.slice(0, dayEnds);
  return `${from.slice(0, -4)} to ${sameDay ? to.slice(dayEnds) : to}`;
}

/** `web-1`, `web-1 and web-2`, `web-1, web-2 and 3 more`. `n`: how many there are, where not all are named. */
export function listed(names: readonly string[], { max = 3, n = names.length } = {}): string {
  const all = Math.max(n, names.length);
  const shown = names.slice(0, all <= max ? max : max - 1);
  if (shown.length === all) {
    return all < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
  }
  return `${shown.join(', ')} and ${count(all - shown.length)} more`;
}

/** One line of at most `max` UTF-16 units; what is cut off is shown by `…`. */
export function clip(text: string, max: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= max) return line;
  // A surrogate pair isn't cut in two.
  return `${line.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The estimate to three digits: more would claim what isn't known. */
export const roughly = (n: number): string => count(Number(n.toPrecision(3)));
