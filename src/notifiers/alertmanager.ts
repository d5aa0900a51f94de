// Keeps alerts in Prometheus' Alertmanager. It forgets an alert when it restarts and holds one until its endsAt, so that an
// open one is posted again every minute, always to end only after `hold`: our own death must not resolve it.
//
// Several Alertmanagers of a cluster share silences and what has been told, never alerts: each gets each alert. An alert is
// delivered once one has it, since the others get it a minute later; a resolution only once each has it, since one that
// missed it would go on telling people for as long as `hold`.
import { z } from 'zod';
import { duration } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import { type Notice, type Notifier, Permanent, type Receipt, Retry } from '../contracts/notifier.ts';
import { credentials, headersOf, secretsIn } from './lib/credentials.ts';
import { notifierOf } from './lib/deliver.ts';
import { type Channel, send } from './lib/http.ts';
import { factsOf, headline, isoTime, linkOf, textOf } from './lib/notice.ts';
import { scrubber } from './lib/scrub.ts';
import { plainUrl, timeout } from './lib/settings.ts';
import { cut, oneLine } from './lib/text.ts';

const OWN_LABELS = ['alertname', 'pipeline', 'checkpoint', 'severity', 'concerns', 'incident'];
const LABEL_MAX = 1024;
const REPEAT_EVERY_MS = 60_000;

const schema = z.strictObject({
  urls: z
    .array(plainUrl)
    .min(1)
    .max(10)
    .describe('Base URL of each Alertmanager of the cluster; /api/v2/alerts is added'),
  labels: z
    .record(
      z
        .string()
        .regex(/^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/, 'expected the name of a label')
        .refine(name => !OWN_LABELS.includes(name), `expected another name than ${OWN_LABELS.join(', ')}`),
      z.string().min(1).max(LABEL_MAX),
    )
    .default({})
    .describe(`Labels of every alert, beside ${OWN_LABELS.join(', ')}`),
  hold: duration
    .refine(ms => ms >= 2 * REPEAT_EVERY_MS && ms <= 366 * 86_400_000, 'expected between 2m and 366d')
    .prefault('7d')
    .describe('How long an alert stays, should coalmine die while it is open'),
  ...credentials,
  timeout,
});
type Settings = z.output<typeof schema>;

/** What has no end to come (a summary, a test) fires for this long: longer than a usual group_wait. */
const BRIEFLY_MS = 300_000;
const TEXT_MAX = 8000;
const FACTS_MAX = 30;

type Labels = Readonly<Record<string, string>>;

/** What tells an alert from all others, and what routes go by. A summary is over: it wakes nobody as what it was. */
const labelsOf = (notice: Notice, s: Settings): Labels => {
  const quiet = notice.event === 'summary' || notice.event === 'test';
  const own = {
    alertname: notice.event === 'test' ? 'coalmine_test' : `coalmine_${notice.kind}`,
    pipeline: notice.pipeline.name,
    checkpoint: notice.checkpoint ?? '',
    severity: quiet ? 'info' : notice.severity,
    concerns: notice.concerns,
    incident: notice.incident,
  };
  const told = Object.entries({ ...s.labels, ...own }).map(
    ([k, v]) => [k, cut(oneLine(v), LABEL_MAX)] as const,
  );
  // An empty label is no label to Alertmanager.
  return Object.fromEntries(told.filter(([, value]) => value !== ''));
};

const annotationsOf = (notice: Notice): Labels => ({
  summary: headline(notice, 300),
  description: textOf(notice, TEXT_MAX),
  facts: factsOf(notice, FACTS_MAX)
    .map(f => `${f.label}: ${f.value}`)
    .join('\n'),
  ...(linkOf(notice) === undefined ? {} : { url: linkOf(notice)! }),
});

const alertsOf = (notice: Notice, previous: Receipt | null, s: Settings, nowMs: number) => {
  const labels = labelsOf(notice, s);
  const startsMs = Math.min(notice.beganMs, nowMs);
  const endsMs =
    notice.event === 'resolved'
      ? nowMs
      : nowMs + (notice.event === 'summary' || notice.event === 'test' ? BRIEFLY_MS : s.hold);
  const alert = (as: Labels, untilMs: number) => ({
    labels: as,
    annotations: annotationsOf(notice),
    startsAt: isoTime(startsMs),
    endsAt: isoTime(untilMs),
    ...(linkOf(notice) === undefined ? {} : { generatorURL: linkOf(notice) }),
  });
  const before = previous?.labels as Labels | undefined;
  // Other labels are another alert (a severity or the settings have changed): the old one would stay for `hold`.
  const isOther = before !== undefined && JSON.stringify(before) !== JSON.stringify(labels);
  return { labels, alerts: [...(isOther ? [alert(before, nowMs)] : []), alert(labels, endsMs)] };
};

/** What all of them answered, as one answer. */
const judge = (ended: readonly PromiseSettledResult<unknown>[], mustAll: boolean): void => {
  const errors = ended.flatMap(e => (e.status === 'rejected' ? [e.reason as unknown] : []));
  const passing = errors.filter((e): e is Retry => e instanceof Retry);
  const taken = ended.length - errors.length;
  if (taken > 0 && (!mustAll || passing.length === 0)) return;
  const words = errors.map(e => (e instanceof Error ? e.message : String(e))).join(' | ');
  const told = taken === 0 ? words : `resolved at ${taken} of ${ended.length} Alertmanagers: ${words}`;
  const waits = passing.flatMap(e => (e.afterMs === null ? [] : [e.afterMs]));
  if (passing.length > 0) throw new Retry(told, waits.length === 0 ? null : Math.min(...waits));
  throw new Permanent(told);
};

const create = (s: Settings, ctx: Context): Notifier => {
  const scrub = scrubber(secretsIn(s));
  const headers = headersOf(s);
  const ends = s.urls.map(base => ({
    url: `${base.replace(/\/+$/, '')}/api/v2/alerts`,
    host: new URL(base).host,
  }));
  return notifierOf(scrub, async (notice, previous, signal) => {
    const { labels, alerts } = alertsOf(notice, previous, s, ctx.clock.now());
    const body = JSON.stringify(alerts);
    const posted = await Promise.allSettled(
      ends.map(({ url, host }) => {
        const channel: Channel = { ctx, name: `Alertmanager ${host}`, timeoutMs: s.timeout, scrub };
        return send(channel, { url, headers, body }, signal);
      }),
    );
    judge(posted, notice.event === 'resolved');
    for (const e of posted) {
      if (e.status === 'rejected')
        ctx.log('warn', 'notify.alertmanager.missed', { reason: scrub(String(e.reason?.message)) });
    }
    return { labels };
  });
};

export default defineNotifier({
  kind: 'alertmanager',
  summary: 'Keeps alerts in one or more Alertmanagers of Prometheus',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { repeatEveryMs: REPEAT_EVERY_MS },
  create,
});
