/** The monitors that most places have, set up as a competent person would, on the same events as coalmine. */
import type { OtherMonitor, PathMinute } from '../scenario.ts';
import { createLastEvent } from './last-event.ts';
import type { MonitorSetting } from './monitor.ts';
import { createThreeInARow } from './three-in-a-row.ts';
import { createUptime } from './uptime.ts';
import { createVolumeDrop } from './volume-drop.ts';

export type { MonitorSetting } from './monitor.ts';

export interface Monitors {
  /** Minutes in order, none left out. */
  feed(minute: PathMinute): void;
  results(): OtherMonitor[];
}

export function createMonitors(setting: MonitorSetting): Monitors {
  const all = [createUptime, createLastEvent, createVolumeDrop, createThreeInARow].map(make => make(setting));
  return {
    feed(minute) {
      for (const monitor of all) monitor.feed(minute);
    },
    results: () => all.map(monitor => monitor.result()),
  };
}
