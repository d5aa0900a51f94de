/** Results made by hand, as no runner would have to make them: what is shown doesn't depend on how it came about. */
import type { Bucket, ScenarioResult } from '../../../src/sim/scenario.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const startMs = Date.UTC(2024, 8, 2, 0, 0);
const endMs = startMs + 24 * DAY_MS;
const onsetMs = Date.UTC(2024, 8, 2, 23, 0);
const BUCKETS = 96;

const bucketsOf = (fate: (atMs: number) => { late: number; recovered: number; gone: number }): Bucket[] =>
  Array.from({ length: BUCKETS }, (_, i) => {
    const fromMs = startMs + (i * (endMs - startMs)) / BUCKETS;
    const shares = fate(fromMs);
    const sent = 360_000;
    const late = Math.round(shares.late * sent);
    const recovered = Math.round(shares.recovered * sent);
    const gone = Math.round(shares.gone * sent);
    return { fromMs, sent, onTime: sent - late - recovered - gone, late, recovered, gone };
  });

/** A growing stall until a restart on day 17, what the caches held back after it, the rest gone. */
const stall = (atMs: number) => {
  const days = (atMs - onsetMs) / DAY_MS;
  if (days < 0 || days >= 17.5) return { late: 0, recovered: 0, gone: 0 };
  if (days >= 17) return { late: 0.4, recovered: 0, gone: 0 };
  const stuck = 1 - Math.exp(-days / 12);
  return days > 13.5 ? { late: 0, recovered: stuck, gone: 0 } : { late: 0, recovered: 0, gone: stuck };
};

const title =
  'Entra sign-ins → Log Analytics: canaries of 2 of 1,000 targets have been lost between sending and workspace since 2024-09-02 23:01 UTC';

export const gradual: ScenarioResult = {
  name: 'microsoft-2024-09',
  title: 'Agents stop uploading, a few more each day (the vendor’s view)',
  options: {
    seed: 1,
    everyMs: 60_000,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 300_000,
    lostAfterMs: 2 * HOUR_MS,
  },
  facts: [
    {
      text: 'From about 2 Sep 2024 23:00 UTC some agents malfunctioned when they uploaded logs; service uptime was never affected.',
      source: 'Microsoft’s preliminary post-incident review, https://example.org/a?b=1&c=2',
      standing: 'established',
    },
    {
      text: 'It was noticed on 5 Sep; from 19 Sep agents were restarted.',
      source: 'Microsoft’s preliminary post-incident review, https://example.org/a?b=1&c=2',
      standing: 'established',
    },
    {
      text: 'Part of the data could not be recovered.',
      source: 'press, https://example.org/press',
      standing: 'reported',
    },
  ],
  assumptions: [
    '1,000 agents; each stalls once, at a time drawn from an exponential distribution with a mean of 12 days.',
    'An agent’s cache holds three and a half days; what is older is overwritten.',
  ],
  startMs,
  endMs,
  onsetMs,
  noticedMs: Date.UTC(2024, 8, 5, 12, 0),
  canaries: 34_560_000,
  targets: 1_000,
  buckets: bucketsOf(stall),
  said: [
    {
      atMs: onsetMs + 9 * 60_000,
      event: 'opened',
      incident: '1',
      title,
      text: 'Of 12 canaries so far: 6 overdue, 2 arrived, 4 not decided yet.\nOn the targets touched, 6 of 8 were missing at their deadline: 75% (95% interval 41% to 93%). The objective is 99% on time.\nThey were sent, and not seen at workspace. Targets touched: 2 of 1,000 (agent-17 and agent-404).\nSince 2024-09-02 23:01:12 UTC; detected 2024-09-02 23:09:00 UTC, 7 min 48 s later.\nIt looks like a stall: the newest that arrived was sent before the first that is missing.',
    },
    {
      atMs: onsetMs + 12 * DAY_MS,
      event: 'worsened',
      incident: '1',
      title: title.replace('2 of 1,000', '632 of 1,000'),
      text: 'It got worse. 512 targets touched now, 256 when last told.',
    },
    {
      atMs: onsetMs + 18 * DAY_MS,
      event: 'resolved',
      incident: '1',
      title: title.replace('have been lost', 'were lost').replace('since', 'from'),
      text: 'It is over since 2024-09-20 23:00:00 UTC, after 18 d.\nOf 9,000,000 canaries declared lost, 3,100,000 came back and 5,900,000 were not back by 2024-09-26 00:00:00 UTC.',
    },
  ],
  incidents: [
    {
      incident: '1',
      kind: 'loss',
      hop: 'sending → workspace',
      pattern: 'stall and overwrite',
      detectedMs: onsetMs + 9 * 60_000,
      endedMs: onsetMs + 18 * DAY_MS,
      targets: { n: 757, of: 1_000, truly: 757 },
      rate: { share: 0.612, low: 0.598, high: 0.626, truly: 0.6117 },
      lost: { said: 5_900_000, truly: 5_900_000 },
      recovered: { said: 3_100_000, truly: 3_100_000 },
    },
  ],
  falseAlarms: 0,
  others: [
    {
      name: 'uptime check',
      setUp: 'Asks every agent over HTTP once a minute.',
      saidMs: null,
      said: null,
      falseAlarms: 0,
    },
    {
      name: 'last event seen',
      setUp: 'Alarms when nothing has arrived for 15 min.',
      saidMs: null,
      said: null,
      falseAlarms: 0,
    },
    {
      name: 'volume drop',
      setUp: 'Counts events by 15 min.',
      saidMs: onsetMs + 7 * DAY_MS,
      said: '42% fewer events than at this time of the 4 weeks before, 3 times in a row',
      falseAlarms: 1,
    },
    {
      name: '3 in a row',
      setUp: 'Sends one canary a minute.',
      saidMs: onsetMs + 31 * HOUR_MS,
      said: '3 canaries in a row are missing',
      falseAlarms: 0,
    },
  ],
  tookMs: 41_000,
};

export const quiet: ScenarioResult = {
  ...gradual,
  name: 'quiet-year',
  title: 'A year in which nothing happens',
  facts: [],
  assumptions: ['Traffic follows the day and the week; nothing breaks.'],
  startMs: Date.UTC(2025, 0, 1),
  endMs: Date.UTC(2026, 0, 1),
  onsetMs: null,
  noticedMs: null,
  buckets: bucketsOf(() => ({ late: 0, recovered: 0, gone: 0 })).map((b, i) => ({
    ...b,
    fromMs: Date.UTC(2025, 0, 1) + (i * 365 * DAY_MS) / BUCKETS,
  })),
  said: [],
  incidents: [],
  others: gradual.others.map(o => ({ ...o, saidMs: null, said: null })),
};

/** Fifteen hours and a half late, and nothing lost. */
export const delay: ScenarioResult = {
  ...gradual,
  name: 'duo-2023-09',
  title: 'Certificates expire: half a day late, nothing lost',
  startMs: onsetMs - 6 * HOUR_MS,
  endMs: onsetMs + 30 * HOUR_MS,
  noticedMs: null,
  targets: 1,
  canaries: 2_160,
  buckets: Array.from({ length: BUCKETS }, (_, i) => {
    const fromMs = onsetMs - 6 * HOUR_MS + (i * 36 * HOUR_MS) / BUCKETS;
    const hours = (fromMs - onsetMs) / HOUR_MS;
    const [late, recovered] = hours < 0 || hours > 15.5 ? [0, 0] : hours > 13.5 ? [22, 0] : [0, 22];
    return { fromMs, sent: 22, onTime: 22 - late - recovered, late, recovered, gone: 0 };
  }),
  incidents: gradual.incidents.map(i => ({
    ...i,
    pattern: 'stall then burst',
    targets: { n: 1, of: 1, truly: 1 },
    rate: { share: 1, low: 0.996, high: 1, truly: 1 },
    lost: { said: 0, truly: 0 },
    recovered: { said: 810, truly: 810 },
  })),
  others: gradual.others.map((o, i) =>
    i === 1
      ? { ...o, saidMs: onsetMs + 16 * 60_000, said: 'no event for 15 min' }
      : { ...o, saidMs: null, said: null },
  ),
};

/** It happened, and nobody was told. */
export const missed: ScenarioResult = { ...gradual, said: [], incidents: [], noticedMs: null };
