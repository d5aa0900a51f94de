/** Times on a scenario's screen and picture: UTC, as short as the span allows; the year stands in the heading. */
import { scaleUtc } from 'd3-scale';
import { DAY_MS } from '../../domain/words.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

const pad = (n: number): string => String(n).padStart(2, '0');

/** `2 Sep`. */
export const day = (ms: number): string => {
  const at = new Date(ms);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
};

/** `23:04`. */
export const minute = (ms: number): string => {
  const at = new Date(ms);
  return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
};

/** `2 Sep 23:04`. */
export const dayMinute = (ms: number): string => `${day(ms)} ${minute(ms)}`;

/** `2 Sep to 26 Sep 2024`, without the years where they are one; a single day once. */
export function daySpan(fromMs: number, toMs: number): string {
  const last = toMs - 1;
  const [a, b] = [new Date(fromMs).getUTCFullYear(), new Date(last).getUTCFullYear()];
  if (day(fromMs) === day(last) && a === b) return `${day(fromMs)} ${a}`;
  return `${day(fromMs)}${a === b ? '' : ` ${a}`} to ${day(last)} ${b}`;
}

export interface Tick {
  /** 0–1 of the span. */
  readonly x: number;
  readonly label: string;
}

/** About so many round times within the span. */
export function ticksOf(fromMs: number, toMs: number, about: number): Tick[] {
  const across = scaleUtc([new Date(fromMs), new Date(toMs)], [0, 1]);
  const times = across.ticks(about);
  const daily = times.every(t => t.getTime() % DAY_MS === 0);
  return times.map(t => ({ x: across(t), label: daily ? day(t.getTime()) : labelOf(t.getTime()) }));
}

/** Midnight says which day begins. */
const labelOf = (ms: number): string => (ms % DAY_MS === 0 ? day(ms) : minute(ms));
