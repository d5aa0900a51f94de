/** A “last event seen” monitor: alarms when the newest event at the destination is too old. */
import { formatDuration } from '../../domain/words.ts';
import { createAlarm } from './alarm.ts';
import type { Monitor, MonitorSetting } from './monitor.ts';
import { quietestUsual } from './usual.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** What people set it to. */
const THRESHOLDS_MS = [15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS];
/** So many events usually come within the threshold in the quietest hour: that none does has then a chance of e^-30. */
const EVENTS = 30;

export function createLastEvent(setting: MonitorSetting): Monitor {
  const alarm = createAlarm(setting.explained);
  const perMs = quietestUsual(setting) / MINUTE_MS;
  const thresholdMs = THRESHOLDS_MS.find(ms => ms * perMs >= EVENTS) ?? THRESHOLDS_MS.at(-1)!;
  return {
    feed({ atMs, lastEventAgeMs }) {
      alarm.set(
        lastEventAgeMs > thresholdMs,
        atMs,
        () => `no event for ${formatDuration(Math.floor(lastEventAgeMs / MINUTE_MS) * MINUTE_MS)}`,
      );
    },
    result: () => ({
      name: 'last event seen',
      setUp: `Alarms when nothing has arrived for ${formatDuration(thresholdMs)}: ${
        thresholdMs === THRESHOLDS_MS[0]
          ? 'even in its quietest hour this path carries events every minute.'
          : 'in its quietest hours this path is silent for minutes on end, so that a shorter time would cry wolf.'
      }`,
      ...alarm.result(),
    }),
  };
}
