// What a notice is called, and how much of it a channel gets: never a canary's identity, and never more than fits.
import type { Notice, NoticeEvent } from '../../contracts/notifier.ts';
import type { Json } from '../../contracts/observer.ts';
import { TOKEN_PREFIX } from '../../domain/token.ts';
import { cut, oneLine, printable } from './text.ts';

const UUID8 = '[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
const IDENTITIES = new RegExp(`${TOKEN_PREFIX}[0-9a-z]{16,}|${UUID8}`, 'gi');
const clean = (text: string): string => text.replace(IDENTITIES, '[canary]');

/** The net under the promise that a notice holds no whole token. Its own ids stay as they are. */
export const withoutIdentities = (notice: Notice): Notice => {
  const cleaned = (value: Json): Json => {
    if (typeof value === 'string') return clean(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(cleaned);
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [clean(key), cleaned(v)]));
  };
  return {
    ...notice,
    title: clean(notice.title),
    text: clean(notice.text),
    facts: notice.facts.map(f => ({ label: clean(f.label), value: clean(f.value) })),
    details: cleaned(notice.details),
  };
};

const WORDS: Readonly<Record<Exclude<NoticeEvent, 'opened'>, string>> = {
  worsened: 'Worse',
  reminder: 'Still open',
  resolved: 'Resolved',
  summary: 'Began and ended',
  test: 'Test',
};
const SEVERITIES = { critical: 'Critical', error: 'Error', warning: 'Warning', info: 'Info' } as const;

/** The title, after a word that says what this notice is: how bad it is when it opens, then what has changed. */
export const headline = (notice: Notice, charsMax: number): string => {
  const word = notice.event === 'opened' ? SEVERITIES[notice.severity] : WORDS[notice.event];
  return cut(`${word}: ${oneLine(notice.title)}`, charsMax);
};

/** The text; where it is cut it says so, and where the whole is. */
export const textOf = (notice: Notice, charsMax: number): string =>
  cut(printable(notice.text), charsMax, cutRemark(notice));

export const cutRemark = (notice: Notice): string =>
  notice.url === null ? ' … (cut)' : ' … (cut: the whole is on the incident’s page)';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** At most `count` facts, each on one line. */
export const factsOf = (notice: Notice, count: number, valueCharsMax = 500): readonly Fact[] =>
  notice.facts
    .slice(0, count)
    .map(f => ({ label: cut(oneLine(f.label), 80), value: cut(oneLine(f.value), valueCharsMax) }))
    .filter(f => f.label !== '' && f.value !== '');

/** The address of the incident's page, where it is one that may stand in a link. */
export const linkOf = (notice: Notice): string | undefined =>
  notice.url !== null && notice.url.length <= 2000 && /^https?:\/\/[^\s<>"'|]+$/i.test(notice.url)
    ? notice.url
    : undefined;

export const isoTime = (ms: number): string => new Date(ms).toISOString();

const DETAILS_CHARS_MAX = 200_000;
const TEXT_CHARS_MAX = 20_000;
const FACTS_MAX = 100;

/** The notice as programs read it (`webhook`, `command`), in the API's spelling, at most some 400 KB. */
export const noticeJson = (notice: Notice): { readonly [key: string]: Json } => ({
  id: notice.id,
  incident: notice.incident,
  event: notice.event,
  sequence: notice.sequence,
  kind: notice.kind,
  concerns: notice.concerns,
  severity: notice.severity,
  pipeline: { name: notice.pipeline.name, title: notice.pipeline.title },
  checkpoint: notice.checkpoint,
  title: cut(oneLine(notice.title), 1000),
  text: textOf(notice, TEXT_CHARS_MAX),
  facts: factsOf(notice, FACTS_MAX, 1000).map(({ label, value }) => ({ label, value })),
  url: notice.url,
  began_ms: notice.beganMs,
  detected_ms: notice.detectedMs,
  ended_ms: notice.endedMs,
  at_ms: notice.atMs,
  chain_head: notice.chainHead,
  // Left out whole rather than cut: half an incident would pass for one.
  details: JSON.stringify(notice.details).length > DETAILS_CHARS_MAX ? null : notice.details,
});

/** The type of event that a program tells notices by. */
export const eventType = (notice: Notice): string =>
  notice.event === 'test' ? 'coalmine.test' : `coalmine.incident.${notice.event}`;
