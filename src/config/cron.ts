/** Six-field cron expressions and time zones: whether they can be kept. */
import { Cron } from 'croner';
import type { Loading } from './adapters.ts';
import type { Path } from './diagnostic.ts';

/** Any time does; a leap day is ahead. */
const REFERENCE_MS = Date.UTC(2028, 0, 1);
const RUNS = 50;
const INTERVAL_MIN_MS = 1000;

/**
 * The shortest time between two of the first runs, milliseconds; Infinity for a single run. Undefined, and reported,
 * for what isn't a six-field expression, or never fires, or fires more than once a second.
 */
export const checkCron = (
  { report }: Loading,
  given: { readonly expression: string; readonly timezone: string },
  path: Path,
): number | undefined => {
  let runs: Date[];
  try {
    const cron = new Cron(given.expression, { paused: true, mode: '6-part', timezone: given.timezone });
    runs = cron.nextRuns(RUNS, new Date(REFERENCE_MS));
  } catch (e) {
    const fields = given.expression.trim().split(/\s+/).length;
    const why = e instanceof Error ? e.message.replace(/^\w+: /, '') : String(e);
    report.error(
      path,
      fields === 6
        ? {
            message: `this cron expression cannot be kept: ${why}`,
            fix: 'the fields are second minute hour day month weekday',
          }
        : {
            expected: 'six cron fields: second minute hour day month weekday',
            fix: fields === 5 ? `write "0 ${given.expression.trim()}"` : 'write such as "*/10 * * * * *"',
          },
    );
    return undefined;
  }
  if (runs.length === 0) {
    report.error(path, { message: 'this cron expression never fires', fix: 'name a date that exists' });
    return undefined;
  }
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < runs.length; i++)
    shortest = Math.min(shortest, runs[i]!.getTime() - runs[i - 1]!.getTime());
  if (shortest >= INTERVAL_MIN_MS) return shortest;
  report.error(path, {
    message: 'this cron expression fires more than once a second',
    fix: 'use every: instead',
  });
  return undefined;
};

export const checkTimezone = ({ report }: Loading, timezone: string, path: Path): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return true;
  } catch {
    report.error(path, { expected: 'a time zone of the IANA list, such as Europe/Berlin or UTC' });
    return false;
  }
};
