/** What is known of the traffic before: its quietest hour, from the week before the start. */
import type { MonitorSetting } from './monitor.ts';

const HOUR_MS = 3_600_000;
const HOURS_OF_A_WEEK = 168;

/** Events a minute in the quietest hour of the week. */
export function quietestUsual({ startMs, usualEvents }: MonitorSetting): number {
  let least = Number.POSITIVE_INFINITY;
  for (let hour = 1; hour <= HOURS_OF_A_WEEK; hour++)
    least = Math.min(least, usualEvents(startMs - hour * HOUR_MS));
  return least;
}
