/** What each of the other monitors is given, and what it answers. */
import type { OtherMonitor, PathMinute } from '../scenario.ts';
import type { Explained } from './alarm.ts';

export interface MonitorSetting {
  /** Of the first minute that is fed. */
  readonly startMs: number;
  /** An alarm in this time is the incident's; any other is false. null: nothing happens. */
  readonly explained: Explained;
  /**
   * Real events that a healthy path carries in the minute that ends then, on average: what whoever sets a threshold knows of
   * the weeks before.
   */
  readonly usualEvents: (atMs: number) => number;
}

export interface Monitor {
  /** Minutes in order, none left out. */
  feed(minute: PathMinute): void;
  result(): OtherMonitor;
}
