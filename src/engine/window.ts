/** The window of an overview, made whole to its bars: what is counted is what is drawn. Pure. */

const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** Up to this it is counted canary by canary; longer ones from the rollups' hours, which are all that is kept. */
const FINE_MS = 2 * HOUR_MS;
const BARS_MAX = 120;
export const WINDOW_MIN_MS = MINUTE_MS;
export const WINDOW_MAX_MS = 400 * 24 * HOUR_MS;

/** All divide a day, or are whole days since the epoch. */
const FINE_BARS_MS = [1_000, 2_000, 5_000, 10_000, 15_000, 30_000, MINUTE_MS, 2 * MINUTE_MS];
const COARSE_BARS_MS = [1, 2, 3, 4, 6, 8, 12, 24, 48, 96].map(hours => hours * HOUR_MS);

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  readonly barMs: number;
  /** Counted from the marks rather than from the rollups. */
  readonly fine: boolean;
  /** The whole hours that it touches begin here. */
  readonly hourFromMs: number;
}

/**
 * The bars of a window that ends now, of one width, multiples of it since the epoch. It begins up to one bar earlier
 * than asked. `keptMs` is how long single canaries are kept. Throws RangeError outside 1 minute … 400 days.
 */
export function windowOf(windowMs: number, nowMs: number, keptMs: number): Window {
  if (!(windowMs >= WINDOW_MIN_MS && windowMs <= WINDOW_MAX_MS))
    throw new RangeError(`expected a window of 1 minute to 400 days; found ${windowMs} ms`);
  const fine = windowMs <= FINE_MS && windowMs + 2 * HOUR_MS <= keptMs;
  const widths = fine ? FINE_BARS_MS : COARSE_BARS_MS;
  // One more than fits exactly, since neither end need fall on a bar's.
  const barMs = widths.find(w => windowMs / w <= BARS_MAX - 1) ?? widths.at(-1) ?? HOUR_MS;
  const fromMs = Math.floor((nowMs - windowMs) / barMs) * barMs;
  const toMs = Math.floor(nowMs / barMs) * barMs + barMs;
  return { fromMs, toMs, barMs, fine, hourFromMs: fromMs - (fromMs % HOUR_MS) };
}

/** Counts by bar and bucket, in the making. */
export type Tally = Map<number, Record<string, number>>;

/** Adds to the bar that holds `atMs`; what lies before the window goes to its first bar. */
export function addTo(tally: Tally, window: Window, atMs: number, counts: Readonly<Record<string, number>>) {
  const bar = Math.max(window.fromMs, atMs - (atMs % window.barMs));
  const known = tally.get(bar) ?? {};
  tally.set(bar, known);
  for (const [bucket, n] of Object.entries(counts)) if (n > 0) known[bucket] = (known[bucket] ?? 0) + n;
}
