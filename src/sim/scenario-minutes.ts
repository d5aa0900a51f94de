/** A scenario's path as other monitors see it, minute by minute: real traffic, health checks, a canary with a fixed threshold. */
import { createMonitors } from './monitors/index.ts';
import { below, randomOf } from './random.ts';
import type { OtherMonitor, PathMinute, ScenarioOptions } from './scenario.ts';
import type { ScenarioPath } from './scenario-path.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type ScenarioSetup } from './scenario-setup.ts';

/** Of the mean, up by day and down by night, and down at weekends. */
const DAILY_SWING = 0.6;
const WEEKEND = 0.55;
const BUSIEST_HOUR = 14;
/** How much of it counts move beyond chance, from one minute to the next. */
const JITTER = 0.03;
/** What is late by chance stands out for a while after the end of a spell: alarms then are still the incident's. */
const AFTER_MS = HOUR_MS;

export const usualEvents =
  (eventsPerHour: number) =>
  (atMs: number): number => {
    const hour = (atMs % DAY_MS) / HOUR_MS;
    const weekday = new Date(atMs).getUTCDay();
    const daily = 1 + DAILY_SWING * Math.cos(((hour - BUSIEST_HOUR) / 24) * 2 * Math.PI);
    return (eventsPerHour / 60) * daily * (weekday === 0 || weekday === 6 ? WEEKEND : 1);
  };

export function otherMonitors(
  setup: ScenarioSetup,
  options: ScenarioOptions,
  path: ScenarioPath,
): OtherMonitor[] {
  const { startMs, onsetMs, overMs } = setup;
  const explained = onsetMs === null || overMs === null ? null : { fromMs: onsetMs, toMs: overMs + AFTER_MS };
  const monitors = createMonitors({ startMs, explained, usualEvents: usualEvents(setup.eventsPerHour) });
  for (const minute of minutesOf(setup, options, path)) monitors.feed(minute);
  return monitors.results();
}

export function* minutesOf(
  setup: ScenarioSetup,
  options: ScenarioOptions,
  path: ScenarioPath,
): Generator<PathMinute> {
  const minutes = Math.floor((setup.endMs - setup.startMs) / MINUTE_MS);
  const arrivals = arrivalsOf(setup, options.seed, path, minutes);
  const random = randomOf(options.seed, 'probe');
  let lastEventMs = setup.startMs;
  for (let i = 0; i < minutes; i++) {
    const atMs = setup.startMs + (i + 1) * MINUTE_MS;
    const sentMs = atMs - Math.ceil(random() * MINUTE_MS);
    const events = Math.round(arrivals[i]!);
    if (events > 0) lastEventMs = atMs - Math.min(MINUTE_MS, MINUTE_MS / events);
    yield {
      atMs,
      agentsAnswering: answering(setup, atMs),
      lastEventAgeMs: atMs - lastEventMs,
      events,
      probeCanary: probe(setup, options, path, sentMs, random),
      probeJudgedMs: sentMs + options.onTimeWithinMs,
    };
  }
}

function answering({ unhealthy = [] }: ScenarioSetup, atMs: number): number {
  const spell = unhealthy.find(u => u.fromMs <= atMs && atMs < u.toMs);
  return spell ? 1 - spell.share : 1;
}

function probe(
  { noise }: ScenarioSetup,
  { onTimeWithinMs }: ScenarioOptions,
  path: ScenarioPath,
  sentMs: number,
  random: () => number,
): PathMinute['probeCanary'] {
  const agent = below(random, path.agents);
  const unlucky = random() < noise.late + noise.lost;
  const spell = path.at(sentMs).find(s => s.agent === agent);
  const visibleMs = spell ? spell.visibleMs(sentMs) + path.latencyMs : sentMs;
  return unlucky || visibleMs > sentMs + onTimeWithinMs ? 'missing' : 'arrived';
}

/** Real events by the minute in which they arrive: each minute's are spread over the agents alike. */
function arrivalsOf(setup: ScenarioSetup, seed: number, path: ScenarioPath, minutes: number): Float64Array {
  const usual = usualEvents(setup.eventsPerHour);
  const random = randomOf(seed, 'events');
  const arrivals = new Float64Array(minutes);
  const add = (atMs: number, n: number): void => {
    const i = Math.floor((atMs - setup.startMs) / MINUTE_MS);
    if (i >= 0 && i < minutes) arrivals[i] = arrivals[i]! + n;
  };
  for (let i = -60; i < minutes; i++) {
    const atMs = setup.startMs + (i + 0.5) * MINUTE_MS;
    const mean = usual(atMs);
    const events = Math.max(0, mean + gauss(random) * (Math.sqrt(mean) + JITTER * mean));
    const spells = path.at(atMs);
    add(atMs + path.latencyMs, (events * (path.agents - spells.length)) / path.agents);
    for (const spell of spells) add(spell.visibleMs(atMs) + path.latencyMs, events / path.agents);
  }
  return arrivals;
}

/** Normal enough: the sum of three uniform ones. */
const gauss = (random: () => number): number => (random() + random() + random() - 1.5) * 2;
