/** A year in which nothing happens but chance, at nearly what the objectives allow: how often is somebody woken for it? */
import { createPath } from '../scenario-path.ts';
import { HOUR_MS, MINUTE_MS, type Scale, type ScenarioSetup } from '../scenario-setup.ts';

const HOSTS = 20;

export const quietYear = ({ agents = HOSTS, endMs = Date.UTC(2026, 0, 1) }: Scale = {}): ScenarioSetup => ({
  name: 'quiet-year',
  title: 'A quiet year: nothing but chance, at nearly what the objectives allow',
  facts: [],
  assumptions: [
    'Made up. Twenty hosts, a canary in each every minute of 2025; 0.8% of them come late and 0.09% never, each by itself, where the objectives allow 1% that are not on time and 0.1% that are not delivered.',
    'One false alarm a year is allowed.',
  ],
  startMs: Date.UTC(2025, 0, 1),
  endMs,
  onsetMs: null,
  overMs: null,
  noticedMs: null,
  pattern: null,
  canaries: 'pinned',
  noise: { late: 0.008, lost: 0.0009 },
  eventsPerHour: 100_000,
  pipeline: {
    name: 'ssh-sign-ins',
    title: 'SSH sign-ins',
    checkpoint: 'siem',
    agent: 'host',
    objective: { onTime: 0.99, delivered: 0.999 },
    falseAlarmsPerYear: 1,
    volume: true,
  },
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 5 * MINUTE_MS,
    lostAfterMs: HOUR_MS,
  },
  path: () => createPath({ agents, latencyMs: 20_000, spells: [] }),
});
