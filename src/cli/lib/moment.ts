/** A moment as a user writes it: how long ago, or a date and time. */
import { parseDuration, WordsError } from '../../domain/words.ts';
import { usageError } from './exit.ts';

const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Unix milliseconds; `30d` is that long before `beforeMs`. Without a time zone it is UTC. Throws CliError. */
export function momentOf(option: string, given: string, beforeMs: number): number {
  const text = given.trim();
  if (DATE.test(text)) {
    const iso = text.replace(' ', 'T');
    const zoned = iso.length === 10 || /(?:Z|[+-]\d\d:\d\d)$/.test(iso) ? iso : `${iso}Z`;
    const ms = Date.parse(zoned);
    // 31 November would become December.
    const day = Date.parse(iso.slice(0, 10));
    const isDay = !Number.isNaN(day) && new Date(day).toISOString().startsWith(iso.slice(0, 10));
    if (isDay && !Number.isNaN(ms)) return ms;
  }
  try {
    return beforeMs - parseDuration(text);
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    throw usageError(
      `${option}: expected how long ago, such as 30d, or a time such as 2026-11-01 or 2026-11-01T14:00Z, found ${JSON.stringify(given)}`,
    );
  }
}
