/** A volume-drop alert: compares what arrived with the same time of the weeks before. */
import { formatDuration } from '../../domain/words.ts';
import { createAlarm } from './alarm.ts';
import type { Monitor, MonitorSetting } from './monitor.ts';
import { quietestUsual } from './usual.ts';

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;
/** The median of four outlives a public holiday, and a burst of what was late, in one of them. */
const WEEKS = 4;
const DROP = 0.4;
const INTERVALS = 3;
/** Below this, chance alone moves a count by a tenth and more. */
const EVENTS_MIN = 100;

export function createVolumeDrop(setting: MonitorSetting): Monitor {
  const alarm = createAlarm(setting.explained);
  const minutes = quietestUsual(setting) * 15 >= EVENTS_MIN ? 15 : 60;
  const past = createPast(setting, minutes);
  let events = 0;
  let fed = 0;
  let low = 0;
  return {
    feed(minute) {
      events += minute.events;
      if (++fed % minutes !== 0) return;
      const usual = past.median();
      // Too few to be compared: neither an alarm nor the end of one.
      if (usual >= EVENTS_MIN) {
        low = events < usual * (1 - DROP) ? low + 1 : 0;
        const down = 1 - events / usual;
        alarm.set(
          low >= INTERVALS,
          minute.atMs,
          () =>
            `${Math.round(down * 100)}% fewer events than at this time of the ${WEEKS} weeks before, ${INTERVALS} times in a row`,
        );
      }
      past.push(events);
      events = 0;
    },
    result: () => ({
      name: 'volume drop',
      setUp: `Counts events by ${formatDuration(minutes * MINUTE_MS)}; alarms when ${INTERVALS} in a row are ${DROP * 100}% below the median of the same time in the ${WEEKS} weeks before. That is the middle of the usual 30 to 50%; times that usually bring under ${EVENTS_MIN} events are left out.`,
      ...alarm.result(),
    }),
  };
}

/** The same interval of the weeks before, in a ring as long as they are. */
function createPast({ startMs, usualEvents }: MonitorSetting, minutes: number) {
  const perWeek = WEEK_MS / (minutes * MINUTE_MS);
  const ring = Float64Array.from({ length: WEEKS * perWeek }, (_, i) => {
    const endMs = startMs + (i + 1 - WEEKS * perWeek) * minutes * MINUTE_MS;
    return usualEvents(endMs - (minutes * MINUTE_MS) / 2) * minutes;
  });
  let next = 0;
  return {
    median(): number {
      const same = Array.from({ length: WEEKS }, (_, week) => ring[(next + week * perWeek) % ring.length]!);
      same.sort((a, b) => a - b);
      return (same[WEEKS / 2 - 1]! + same[WEEKS / 2]!) / 2;
    },
    /** In the place of the oldest. */
    push(events: number): void {
      ring[next] = events;
      next = (next + 1) % ring.length;
    },
  };
}
