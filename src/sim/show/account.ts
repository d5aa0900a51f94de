/** What is drawn from a scenario's result before it is shown anywhere: who spoke when, which incident is the one, how it went. */
import type { Bucket, Judged, OtherMonitor, Said, ScenarioResult } from '../scenario.ts';

export interface Speaker {
  readonly who: 'coalmine' | OtherMonitor['name'] | 'people, in fact';
  /** When it first spoke of the incident; null: never. */
  readonly saidMs: number | null;
  readonly afterOnsetMs: number | null;
  /** Against coalmine; null: one of the two never spoke. */
  readonly afterCoalmineMs: number | null;
  readonly said: string | null;
  /** null: nobody knows. */
  readonly falseAlarms: number | null;
}

/** The notice by which people would have heard first; null: never, or nothing happened. */
export function firstSaid({ said, onsetMs }: ScenarioResult): Said | null {
  if (onsetMs === null) return null;
  return said.find(s => s.event === 'opened' && s.atMs >= onsetMs) ?? null;
}

/** coalmine first, then the others as they are, then what happened in fact where that is known. */
export function speakersOf(result: ScenarioResult): Speaker[] {
  const first = firstSaid(result);
  const speaker = (
    who: Speaker['who'],
    saidMs: number | null,
    said: string | null,
    falseAlarms: number | null,
  ): Speaker => ({
    who,
    saidMs,
    said,
    falseAlarms,
    afterOnsetMs: saidMs === null || result.onsetMs === null ? null : saidMs - result.onsetMs,
    afterCoalmineMs: saidMs === null || first === null ? null : saidMs - first.atMs,
  });
  return [
    speaker('coalmine', first?.atMs ?? null, first?.title ?? null, result.falseAlarms),
    ...result.others.map(o => speaker(o.name, o.saidMs, o.said, o.falseAlarms)),
    ...(result.noticedMs === null ? [] : [speaker('people, in fact', result.noticedMs, null, null)]),
  ];
}

/** The incident that the scenario is about: the one that coalmine spoke of first, else the largest. */
export function mainIncident(result: ScenarioResult): Judged | null {
  const first = firstSaid(result);
  const named = result.incidents.find(i => i.incident === first?.incident);
  const size = (i: Judged): number => i.lost.truly + i.recovered.truly + i.targets.truly;
  return named ?? [...result.incidents].sort((a, b) => size(b) - size(a))[0] ?? null;
}

/** Nothing false was said, and what happened was found. */
export const isGood = (result: ScenarioResult): boolean =>
  result.falseAlarms === 0 && (result.onsetMs === null || firstSaid(result) !== null);

export const FATES = ['onTime', 'late', 'recovered', 'gone'] as const;
export type Fate = (typeof FATES)[number];

/** Sums of all buckets that touch each of so many columns: fewer columns join buckets, more repeat them. */
export function inColumns(buckets: readonly Bucket[], columns: number): Bucket[] {
  return Array.from({ length: columns }, (_, i) => {
    const from = Math.floor((i * buckets.length) / columns);
    const to = Math.max(from + 1, Math.floor(((i + 1) * buckets.length) / columns));
    return buckets.slice(from, to).reduce(joined);
  });
}

const joined = (a: Bucket, b: Bucket): Bucket => ({
  fromMs: a.fromMs,
  sent: a.sent + b.sent,
  onTime: a.onTime + b.onTime,
  late: a.late + b.late,
  recovered: a.recovered + b.recovered,
  gone: a.gone + b.gone,
});

export const totalOf = (buckets: readonly Bucket[], of: Fate | 'sent'): number =>
  buckets.reduce((sum, b) => sum + b[of], 0);
