/**
 * Quantities as people write them: durations, percentages, rates and byte sizes, read and printed. `parse*`
 * throws `WordsError`; `print*` gives back what `parse*` reads, exactly; `format*` is for people and rounds.
 */

/** A quantity that can't be read. `message` says what was expected and found, and what to write instead. */
export class WordsError extends Error {
  override readonly name = 'WordsError';
  readonly expected: string;
  readonly found: string;
  /** What to write instead, where that can be guessed. */
  readonly fix: string | undefined;
  constructor(what: { expected: string; found: unknown; fix?: string | undefined }) {
    const found = JSON.stringify(what.found) ?? String(what.found);
    super(`expected ${what.expected}, found ${found}${what.fix ? `; write ${what.fix}` : ''}`);
    this.expected = what.expected;
    this.found = found;
    this.fix = what.fix;
  }
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** 365 days: a span, not a calendar year. */
const YEAR = 365 * DAY;

const DURATION_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['y', YEAR],
  ['w', WEEK],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
];
/** No duration is longer: sums of a few stay exact integers. */
export const DURATION_MAX_MS = 100 * YEAR;
/** The durations that are read, as a JSON-schema pattern: the largest unit first, each at most once. */
export const DURATION_PATTERN = `^(?=.)${DURATION_UNITS.map(([unit]) => `(\\d{1,13}${unit})?`).join('')}$`;
export const DURATION_EXPECTED = 'a duration such as 10s, 5m or 1h30m';

const durationForm = new RegExp(DURATION_PATTERN);

/**
 * A duration in milliseconds from `500ms`, `10s`, `1h30m`, `7d`, `2w`, `5y` (a year is 365 days).
 * @throws WordsError
 */
export const parseDuration = (text: string): number => {
  const parts = durationForm.exec(text);
  if (!parts) throw new WordsError({ expected: DURATION_EXPECTED, found: text, fix: guessDuration(text) });
  let ms = 0;
  for (const [i, [, unitMs]] of DURATION_UNITS.entries())
    ms += Number.parseInt(parts[i + 1] ?? '0', 10) * unitMs;
  if (ms > DURATION_MAX_MS) throw new WordsError({ expected: 'a duration of at most 100y', found: text });
  return ms;
};

const guessDuration = (text: string): string | undefined => {
  const parts = /^\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]*)\.?\s*$/i.exec(text);
  if (!parts) return undefined;
  const word = parts[2]?.toLowerCase() ?? '';
  const unit = /^(ms|milli)/.test(word) ? 'ms' : word === '' ? 's' : word.startsWith('mo') ? '' : word[0];
  const unitMs = DURATION_UNITS.find(([u]) => u === unit)?.[1];
  const ms = Number(parts[1]) * (unitMs ?? Number.NaN);
  return Number.isInteger(ms) && ms <= DURATION_MAX_MS ? printDuration(ms) : undefined;
};

const mustBeWhole = (n: number): void => {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`not a whole, non-negative number: ${n}`);
};

/** The duration as `parseDuration` reads it, exactly: 7800000 → `2h10m`. Takes whole, non-negative milliseconds. */
export const printDuration = (ms: number): string => {
  mustBeWhole(ms);
  if (ms === 0) return '0s';
  if (ms % YEAR === 0) return `${ms / YEAR}y`;
  let left = ms;
  let text = '';
  for (const [unit, unitMs] of DURATION_UNITS.slice(2)) {
    const count = Math.floor(left / unitMs);
    if (count > 0) text += `${count}${unit}`;
    left -= count * unitMs;
  }
  return text;
};

/** The larger unit, how many of the smaller make one, the smaller. Minutes and more are told in two units. */
const PAIRS: readonly (readonly [unit: string, ms: number, smaller: string, smallerMs: number])[] = [
  ['y', YEAR, 'd', DAY],
  ['d', DAY, 'h', HOUR],
  ['h', HOUR, 'min', MINUTE],
  ['min', MINUTE, 's', SECOND],
];

/** For people, to two units or three digits: `350 ms`, `1.5 s`, `2 h 10 min`, `400 d`. Takes finite milliseconds. */
export const formatDuration = (ms: number): string => {
  if (!Number.isFinite(ms)) throw new RangeError(`not a finite number of ms: ${ms}`);
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 999.5) return `${ms < 10 ? trimZeros(ms.toFixed(1)) : ms.toFixed(0)} ms`;
  if (ms < 59.95 * SECOND) return `${trimZeros((ms / SECOND).toFixed(ms < 9995 ? 2 : 1))} s`;
  for (const [unit, unitMs, smaller, smallerMs] of PAIRS) {
    const rounded = Math.round(ms / smallerMs) * smallerMs;
    // Up to two years, days say more than a year and days.
    if (rounded < (unit === 'y' ? 2 * unitMs : unitMs)) continue;
    const whole = Math.floor(rounded / unitMs);
    const rest = Math.round((rounded - whole * unitMs) / smallerMs);
    return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${smaller}`;
  }
  return '1 min';
};

const trimZeros = (digits: string): string =>
  digits.includes('.') ? digits.replace(/0+$/, '').replace(/\.$/, '') : digits;

export const PERCENT_PATTERN = '^\\d{1,3}(\\.\\d{1,12})?\\s?%$|^[01](\\.\\d{1,14})?$';
export const PERCENT_EXPECTED = 'a percentage such as 99.9%, or a fraction such as 0.999';

const percentForm = new RegExp(PERCENT_PATTERN);

/**
 * A fraction in [0, 1] from `99.9%` or `0.999`, exactly the nearest number.
 * @throws WordsError
 */
export const parsePercent = (word: string | number): number => {
  const text = String(word);
  const fraction = text.endsWith('%') ? Number(`${text.slice(0, -1).trim()}e-2`) : Number(text);
  if (percentForm.test(text) && fraction >= 0 && fraction <= 1) return fraction;
  const plain = /^\d{1,3}(\.\d+)?$/.test(text) && Number(text) <= 100;
  throw new WordsError({ expected: PERCENT_EXPECTED, found: word, fix: plain ? `${text}%` : undefined });
};

const PERCENT_DECIMALS_MAX = 10;

/**
 * A fraction as a percentage, with as many digits as keep two of what is missing (to 100% or to 0%):
 * 0.999988 → `99.9988%`. Never `100%` or `0%` unless exact.
 */
export const formatPercent = (fraction: number): string => {
  if (!Number.isFinite(fraction)) throw new RangeError(`not a finite fraction: ${fraction}`);
  const nearest = Math.min(Math.abs(fraction), Math.abs(1 - fraction)) * 100;
  if (nearest === 0) return fraction === 0 ? '0%' : '100%';
  const decimals = Math.min(PERCENT_DECIMALS_MAX, Math.max(1, 1 - Math.floor(Math.log10(nearest))));
  const text = trimZeros((fraction * 100).toFixed(decimals));
  if (text === '100')
    return fraction < 1 ? `99.${'9'.repeat(decimals)}%` : `100.${'0'.repeat(decimals - 1)}1%`;
  return /^-?0$/.test(text) ? `${text}.${'0'.repeat(decimals - 1)}1%` : `${text}%`;
};

const RATE_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['second', SECOND],
  ['minute', MINUTE],
  ['hour', HOUR],
  ['day', DAY],
  ['week', WEEK],
  ['month', YEAR / 12],
  ['year', YEAR],
];

export const RATE_PATTERN = `^\\d{1,15}(\\.\\d{1,6})? per (${RATE_UNITS.map(([unit]) => unit).join('|')})$`;
export const RATE_EXPECTED = 'a rate such as 1 per year or 1200000 per hour';
const rateForm = new RegExp(RATE_PATTERN);

/** So many per so long. A month is a twelfth of 365 days. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/**
 * A rate from `1 per year`, `1200000 per hour`, `0.5 per day`.
 * @throws WordsError
 */
export const parseRate = (text: string): Rate => {
  const parts = rateForm.exec(text);
  if (!parts) throw new WordsError({ expected: RATE_EXPECTED, found: text, fix: guessRate(text) });
  const unit = RATE_UNITS.find(([name]) => name === parts[2]);
  return { count: Number.parseFloat(text), perMs: unit![1] };
};

const guessRate = (text: string): string | undefined => {
  const parts = /^\s*(\d[\d_, ']*(?:\.\d+)?)\s*(?:per|an?|\/)\s*(s|m|h|d|w|y)([a-z]*)\s*$/i.exec(text);
  if (!parts) return undefined;
  const word = `${parts[2]}${parts[3]}`.toLowerCase();
  const unit = RATE_UNITS.find(([name]) => (word.startsWith('mo') ? name === 'month' : name[0] === word[0]));
  const guess = `${parts[1]!.replace(/[_, ']/g, '')} per ${unit![0]}`;
  return rateForm.test(guess) ? guess : undefined;
};

/** The rate as `parseRate` reads it. `perMs` must be a unit's length, as `parseRate` gives it. */
export const printRate = (rate: Rate): string => {
  const unit = RATE_UNITS.find(([, ms]) => ms === rate.perMs);
  if (!unit) throw new RangeError(`not a unit of rates: ${rate.perMs} ms`);
  return `${rate.count} per ${unit[0]}`;
};

/** How many in `ms` milliseconds: `ratePer(parseRate('2 per month'), YEAR_MS)` is 24. */
export const ratePer = (rate: Rate, ms: number): number => (rate.count * ms) / rate.perMs;

export const HOUR_MS = HOUR;
export const DAY_MS = DAY;
export const YEAR_MS = YEAR;

const BYTE_UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['TiB', 2 ** 40],
  ['TB', 1e12],
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
  ['KB', 1e3],
  ['B', 1],
];

export const BYTES_PATTERN = '^\\d{1,12} ?([KMGT]i?B|B)?$';
export const BYTES_EXPECTED = 'a size such as 64KiB or 10MB';
const bytesForm = new RegExp(BYTES_PATTERN);

/**
 * Bytes from `512`, `64KB` (64,000), `64KiB` (65,536).
 * @throws WordsError
 */
export const parseBytes = (word: string | number): number => {
  const text = String(word);
  const unit = bytesForm.exec(text)?.[1] ?? 'B';
  const bytes = Number.parseInt(text, 10) * (BYTE_UNITS.find(([name]) => name === unit)?.[1] ?? Number.NaN);
  if (bytesForm.test(text) && Number.isSafeInteger(bytes)) return bytes;
  throw new WordsError({ expected: BYTES_EXPECTED, found: word });
};

/** Bytes as `parseBytes` reads them, exactly: 65536 → `64KiB`. */
export const printBytes = (bytes: number): string => {
  mustBeWhole(bytes);
  const unit = BYTE_UNITS.find(([, size]) => bytes >= size && bytes % size === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : '0B';
};

/** For people, decimal units, three digits: `1.4 MB`. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (Math.abs(size) >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${trimZeros(unit === 0 || Math.abs(size) >= 99.95 ? size.toFixed(0) : size.toFixed(1))} ${units[unit]}`;
};
