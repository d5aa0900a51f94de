/**
 * A shell command that shows a log file's lines of some days, from its rotated siblings too. How lines are stamped isn't
 * known, nor in which time zone: it goes by the day, and by every zone's, so that it shows too much rather than too little.
 */
import { basename, dirname } from 'node:path';
import { quoted, remark } from './shell.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Clocks stand up to 12 h behind UTC, and up to 14 h ahead. */
const BEHIND_MS = 12 * HOUR_MS;
const AHEAD_MS = 14 * HOUR_MS;
/** Of more days all lines are shown. */
const DAYS_MAX = 31;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
/** Seconds whose Unix times begin with the same five digits of ten. */
const EPOCH_STEP_S = 100_000;

/** Range in Unix milliseconds. */
export const huntFiles = (
  path: string,
  range: { readonly fromMs: number; readonly toMs: number },
): string => {
  const first = Math.floor((range.fromMs - BEHIND_MS) / DAY_MS);
  const last = Math.floor((range.toMs + AHEAD_MS) / DAY_MS);
  const days = Array.from(
    { length: Math.min(last - first + 1, DAYS_MAX + 1) },
    (_, i) => (first + i) * DAY_MS,
  );
  const all = days.length > DAYS_MAX;
  const said = all
    ? 'All lines: the time is too long to go by the day.'
    : 'Lines stamped with these days, or a Unix time near them, in any time zone; lines with other stamps are not shown.';
  const dir = dirname(path);
  const base = basename(path).replace(/[\\*?[\]]/g, '\\$&');
  const names = ['', '[.-][0-9]*', '[.-]old', '[.-]prev', '[.-]bak'].map(
    end => `-name ${quoted(base + end)}`,
  );
  const where = dir.startsWith('/') ? dir : `./${dir}`;
  return [
    remark(`${said} Reads plain files and .gz, no other compression.`),
    `find -L ${quoted(where)} -maxdepth 1 -type f \\( ${names.join(' -o ')} \\) -exec gzip -cdfq -- {} +`,
    ...(all ? [] : [`| LC_ALL=C grep -aE ${quoted(stamps(days, range))}`]),
  ].join(' ');
};

/** ISO 8601, syslog (RFC 3164), the common log format, mail dates, and Unix times of any unit. */
const stamps = (
  days: readonly number[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
) => {
  const ofDay = (ms: number): string => {
    const [year, month, day] = new Date(ms).toISOString().slice(0, 10).split('-') as [string, string, string];
    const name = MONTHS[Number(month) - 1];
    const short = Number(day) < 10 ? `[ 0]?${Number(day)}` : day;
    return `${year}[-/]?${month}[-/]?${day}|${name} ${short}([^0-9]|$)|(^|[^0-9])${day}[/ ]${name}[/ ]${year}`;
  };
  const from = Math.floor(fromMs / 1000 / EPOCH_STEP_S);
  const to = Math.floor(toMs / 1000 / EPOCH_STEP_S);
  const epochs = Array.from({ length: to - from + 1 }, (_, i) => `(^|[^0-9])${from + i}[0-9]{5}`);
  return [...days.map(ofDay), ...epochs].join('|');
};
