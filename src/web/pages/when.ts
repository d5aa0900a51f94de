/** Times and quantities as the pages print them: UTC, the day only where it isn't today, ages in whole units. */
import { DAY_MS, formatDuration } from '../../domain/words.ts';

const pad = (n: number): string => String(n).padStart(2, '0');

/** `12:03:20`. */
export const clockTime = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** `12:03`, or `2 Sep 12:03` where it isn't the day of `nowMs`, with the year where that differs too. */
export function when(ms: number, nowMs: number, seconds = false): string {
  const at = new Date(ms);
  const time = seconds ? clockTime(ms) : `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
  if (Math.floor(ms / DAY_MS) === Math.floor(nowMs / DAY_MS)) return time;
  const day = `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
  const year = at.getUTCFullYear();
  return `${day}${year === new Date(nowMs).getUTCFullYear() ? '' : ` ${year}`} ${time}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** For `datetime=`. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

/** `4 s ago`; `in 4 s` where clocks disagree. */
export const ago = (ms: number, nowMs: number): string => {
  const age = nowMs - ms;
  if (age < -1_500) return `in ${formatDuration(-age)}`;
  return age < 1_000 ? 'just now' : `${wholeSpan(age)} ago`;
};

const wholeSpan = (ms: number): string => formatDuration(ms < 3_600_000 ? Math.floor(ms / 1000) * 1000 : ms);

/** `1,234,567`. */
export const count = (n: number): string => n.toLocaleString('en-US');

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/** `web-1`, `web-1 and web-2`, `web-1, web-2 and 3 more`. */
export function listed(names: readonly string[], max = 3): string {
  if (names.length <= 1) return names.join('');
  if (names.length <= max) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return `${names.slice(0, max - 1).join(', ')} and ${names.length - max + 1} more`;
}

/** Decimals that show one canary in n, so that a loss never rounds to 100 %. */
export const percentDigits = (n: number): number => Math.max(0, Math.ceil(Math.log10(Math.max(1, n))) - 2);

/** `99.9988 %` with a narrow no-break space; `–` for a rate of nothing. */
export function percent(
  share: number | undefined,
  digits: number,
  towards: 'nearest' | 'down' = 'nearest',
): string {
  if (share === undefined) return '–';
  const scaled = share * 100;
  const factor = 10 ** digits;
  return `${(towards === 'down' ? Math.floor(scaled * factor) / factor : scaled).toFixed(digits)}\u202f%`;
}
