/** What screen, picture and guide say in the same words. */
import { count, plural } from '../../domain/saying.ts';
import { DAY_MS, formatDuration, formatPercent } from '../../domain/words.ts';
import type { Judged, ScenarioResult } from '../scenario.ts';
import { type Fate, isGood, type Speaker } from './account.ts';
import { day, dayMinute, daySpan } from './times.ts';

export const FATE_WORDS: Readonly<Record<Fate, string>> = {
  onTime: 'in time',
  late: 'late',
  recovered: 'declared lost, back since',
  gone: 'never arrived',
};

/** For people: whole seconds, from ten minutes up whole minutes. */
export const span = (ms: number): string => {
  const unitMs = Math.abs(ms) < 600_000 ? 1_000 : 60_000;
  return formatDuration(Math.round(ms / unitMs) * unitMs);
};

/** `1,000 agents, a canary each every minute, uniformly in its minute`. */
export function settingLine({ targets, options, canaries, startMs, endMs }: ScenarioResult): string {
  const { everyMs, covered, sampling, onTimeWithinMs, lostAfterMs } = options;
  const each = targets === 1 ? 'a canary' : 'a canary each';
  const share = covered < 1 ? ` (${formatPercent(covered)} of the agents)` : '';
  const how = sampling === 'uniform' ? '' : `, ${sampling}`;
  return [
    daySpan(startMs, endMs),
    `${plural(targets, 'target')}${share}, ${each} every ${formatDuration(everyMs)}${how}: ${count(canaries)}`,
    `in time within ${formatDuration(onTimeWithinMs)}, lost after ${formatDuration(lostAfterMs)}`,
  ].join(' · ');
}

/** `6 min`, `6 min before`, `never`; for what stands in a column “after coalmine”. */
export function afterCoalmine({ who, saidMs, afterCoalmineMs }: Speaker): string {
  if (who === 'coalmine' || saidMs === null || afterCoalmineMs === null) return '–';
  if (afterCoalmineMs === 0) return 'at once';
  return afterCoalmineMs > 0 ? `${span(afterCoalmineMs)} later` : `${span(-afterCoalmineMs)} sooner`;
}

/** Whose sources say on which day people noticed, and no hour: the day's first minute is the earliest that it can have been. */
const NOTICED_ON_A_DAY: readonly string[] = ['microsoft-2024-09', 'microsoft-2024-09-customer'];

export interface Noticed {
  readonly at: string;
  readonly after: string;
}

/** When people noticed it in fact; null: not known. */
export function noticedWords({ name, noticedMs, onsetMs }: ScenarioResult): Noticed | null {
  if (noticedMs === null || onsetMs === null) return null;
  const dayOnly = NOTICED_ON_A_DAY.includes(name) && noticedMs % DAY_MS === 0;
  return {
    at: dayOnly ? day(noticedMs) : dayMinute(noticedMs),
    after: `${span(noticedMs - onsetMs)} after it began${dayOnly ? ' at the earliest' : ''}`,
  };
}

export const falseWords = (n: number | null): string => (n === null ? '–' : n === 0 ? 'none' : count(n));

export interface Compared {
  readonly what: string;
  readonly said: string;
  readonly truly: string;
  /** null: it isn't a question of right or wrong. */
  readonly right: boolean | null;
}

/** What an incident claims, beside the truth. */
export function comparedOf({ targets, rate, lost, recovered }: Judged): Compared[] {
  return [
    {
      what: 'targets touched',
      said: `${count(targets.n)} of ${count(targets.of)}`,
      truly: count(targets.truly),
      right: targets.n === targets.truly,
    },
    {
      what: 'missing on those',
      said: `${formatPercent(round3(rate.share))} (95%: ${formatPercent(round3(rate.low))} to ${formatPercent(round3(rate.high))})`,
      truly: formatPercent(round3(rate.truly)),
      right: rate.truly >= rate.low && rate.truly <= rate.high,
    },
    {
      what: 'lost, not back',
      said: count(lost.said),
      truly: count(lost.truly),
      right: lost.said === lost.truly,
    },
    {
      what: 'lost, and back since',
      said: count(recovered.said),
      truly: count(recovered.truly),
      right: recovered.said === recovered.truly,
    },
  ];
}

const round3 = (share: number): number => Math.round(share * 1e3) / 1e3;

/** The result in one sentence. */
export function verdictLine(result: ScenarioResult): string {
  const { falseAlarms, onsetMs } = result;
  const cried = `${plural(falseAlarms, 'false alarm')}`;
  if (onsetMs === null)
    return falseAlarms === 0 ? 'Nothing happened, and nothing was said.' : `Nothing happened: ${cried}.`;
  if (isGood(result)) return 'Found, and nothing false said.';
  return falseAlarms === 0 ? 'Missed: it happened, and nothing was said.' : `Bad: ${cried}.`;
}
