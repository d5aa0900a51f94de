// What a status page is told: which status, and in which words. A status page is public, the details of a security log
// pipeline are not: `plain` says only that events of it are missing or late, and since when.
import type { Notice } from '../../contracts/notifier.ts';
import { factsOf, headline, isoTime, textOf } from './notice.ts';
import { cut, oneLine } from './text.ts';

/** From good to bad. */
export const COMPONENT_STATUSES = [
  'operational',
  'degraded_performance',
  'partial_outage',
  'major_outage',
] as const;
export type ComponentStatus = (typeof COMPONENT_STATUSES)[number];

export const IMPACTS: Readonly<Record<ComponentStatus, string>> = {
  operational: 'none',
  degraded_performance: 'minor',
  partial_outage: 'major',
  major_outage: 'critical',
};

/** The worse of two; what isn't one of ours (under_maintenance, say) counts as good. */
export const worse = (a: ComponentStatus, b: string | undefined): ComponentStatus => {
  const other = COMPONENT_STATUSES.find(status => status === b) ?? 'operational';
  return COMPONENT_STATUSES.indexOf(other) > COMPONENT_STATUSES.indexOf(a) ? other : a;
};

export interface Wording {
  readonly name: string;
  readonly body: string;
}

const NAME_MAX = 250;
const TEXT_MAX = 12_000;
const FACTS_MAX = 30;

const minute = (ms: number): string => `${isoTime(ms).slice(0, 16).replace('T', ' ')} UTC`;

const troubleOf = ({ concerns, kind }: Notice): string => {
  if (concerns === 'ours') return 'monitoring is impaired';
  if (kind === 'loss' || kind === 'refused') return 'events are late or missing';
  return kind === 'altered' ? 'events arrive incomplete' : 'events are being checked';
};

const plain = (notice: Notice): Wording => {
  const trouble = troubleOf(notice);
  const span = `It began at ${minute(notice.beganMs)}${notice.endedMs === null ? '' : ` and ended at ${minute(notice.endedMs)}`}.`;
  const said: Readonly<Record<Notice['event'], string>> = {
    opened: 'We are looking into it.',
    worsened: 'It has become worse. We are working on it.',
    reminder: 'It has not ended yet. We are working on it.',
    resolved: 'This has ended.',
    summary: 'This has ended.',
    test: 'This is a test.',
  };
  const title = oneLine(notice.pipeline.title);
  return {
    name: cut(`${title}: ${trouble}`, NAME_MAX),
    body: `${cut(title, 200)}: ${trouble}. ${said[notice.event]} ${span}`,
  };
};

const full = (notice: Notice): Wording => ({
  name: cut(oneLine(notice.title), NAME_MAX),
  body: [
    headline(notice, NAME_MAX),
    textOf(notice, TEXT_MAX),
    factsOf(notice, FACTS_MAX, 200)
      .map(f => `${f.label}: ${f.value}`)
      .join('\n'),
  ].join('\n\n'),
});

export const wordingOf = (notice: Notice, wording: 'plain' | 'full'): Wording =>
  wording === 'plain' ? plain(notice) : full(notice);
