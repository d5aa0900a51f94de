/** An overview that shows every state there is, drawn from a seed. For the pages' own tests and the browser suite. */
import type {
  Bar,
  CheckpointView,
  Counts,
  Overview,
  PipelineState,
  PipelineView,
} from '../../../src/engine/overview.ts';
import { completeness, completenessSentence } from '../../../src/stats/completeness.ts';
import { emptySketch } from '../../../src/stats/sketch.ts';

export const NOW_MS = Date.UTC(2026, 8, 2, 12, 3, 24);
const WINDOW_MS = 3_600_000;
const BARS = 60;
const FROM_MS = NOW_MS - WINDOW_MS;

type Mutable = Record<string, number>;
type Some = Readonly<Record<string, number | undefined>>;

/** What befalls bar i of 60, of `n` canaries. */
type Fate = (i: number, n: number) => Some;

const calm: Fate = (i, n) => (i === BARS - 1 ? { on_time: n - 2, pending: 2 } : { on_time: n });

const fates: Record<string, Fate> = {
  calm,
  losing: (i, n) => {
    if (i < 38) return i === 20 ? { on_time: n - 1, late: 1 } : { on_time: n };
    if (i < 55) return { on_time: n - 3, lost: 2, late: 1 };
    return { on_time: n - 5, overdue: 3, pending: 2 };
  },
  late: (i, n) => (i < 30 ? { on_time: n } : { on_time: n - 4, late: 4 }),
  blind: (i, n) => {
    if (i < 12) return { on_time: n };
    if (i < 18) return { delivered: n - 2, unproven: 2 };
    return i < 40 ? { on_time: n } : { unproven: n };
  },
  unproven: (_i, n) => ({ unproven: n }),
  everything: (i, n) => ({
    on_time: n - 11,
    late: 1,
    delivered: 1,
    overdue: i > 50 ? 1 : 0,
    lost: i % 7 === 0 ? 1 : 0,
    recovered: 1,
    missed_here: i % 5 === 0 ? 2 : 0,
    refused: i % 11 === 0 ? 2 : 0,
    maybe_sent: i % 9 === 0 ? 1 : 0,
    unsent: i > 56 ? 6 : 0,
    unproven: i % 13 === 0 ? 3 : 0,
    pending: i === 59 ? 3 : 0,
    drill_lost: i % 10 === 0 ? 1 : 0,
  }),
};

export function barsOf(fate: Fate, n: number): Bar[] {
  return Array.from({ length: BARS }, (_, i) => ({
    fromMs: FROM_MS + (i * WINDOW_MS) / BARS,
    toMs: FROM_MS + ((i + 1) * WINDOW_MS) / BARS,
    counts: Object.fromEntries(Object.entries(fate(i, n)).filter(([, v]) => (v ?? 0) > 0)) as Counts,
  }));
}

export interface CheckpointSketch {
  name: string;
  after: string | null;
  fate: keyof typeof fates;
  state: CheckpointView['state'];
  reason?: string;
  n?: number;
  kind?: string;
}

export function checkpointOf(s: CheckpointSketch): CheckpointView {
  const bars = barsOf(fates[s.fate] ?? calm, s.n ?? 24);
  const sum: Mutable = {};
  for (const bar of bars) for (const [k, v] of Object.entries(bar.counts)) sum[k] = (sum[k] ?? 0) + v;
  const of = (...keys: string[]): number => keys.reduce((t, k) => t + (sum[k] ?? 0), 0);
  const c = completeness({
    delivered: of('on_time', 'late', 'delivered', 'missed_here'),
    recovered: of('recovered'),
    lost: of('lost'),
    refused: of('refused'),
    unsent: of('unsent'),
    maybeSent: of('maybe_sent'),
    unproven: of('unproven'),
    pending: of('pending', 'overdue'),
  });
  const blindMs = NOW_MS - 20 * 60_000;
  const failed = s.state === 'blind' || s.state === 'not_yet_proven';
  return {
    name: s.name,
    after: s.after,
    way: 'query',
    kind: s.kind ?? 'loki',
    state: s.state,
    stateReason: s.reason ?? 'nothing lost beyond what the objective allows',
    sight:
      s.state === 'blind'
        ? { state: 'blind', sinceMs: blindMs, reason: 'failed: HTTP 500 from the log store' }
        : s.state === 'not_yet_proven'
          ? { state: 'not_yet_proven', reason: 'no canary has been seen here yet' }
          : { state: 'sees', asOfMs: NOW_MS - 4_000 },
    watermarkMs: s.state === 'not_yet_proven' ? null : s.state === 'blind' ? blindMs : NOW_MS - 4_000,
    coverage: s.state === 'blind' ? 0.5667 : s.state === 'not_yet_proven' ? 0 : 1,
    onTimeWithinMs: 15_000,
    lostAfterMs: 600_000,
    holdsMs: s.name === 'loki' ? 6 * 3_600_000 : null,
    counts: sum as Counts,
    scheduled: of(...Object.keys(sum).filter(k => !k.startsWith('drill'))),
    completeness: c,
    sentence: completenessSentence(c),
    delays:
      s.state === 'not_yet_proven'
        ? { p50: null, p95: null, p99: null, n: 0, arrived: emptySketch }
        : {
            p50: 420,
            p95: 1_900,
            p99: s.state === 'losing' ? { above: 900_000 } : 4_200,
            n: of('on_time'),
            arrived: emptySketch,
          },
    bars,
    lastLook: {
      startedMs: NOW_MS - 4_200,
      endedMs: NOW_MS - 4_000,
      end: failed ? 'failed' : 'exhausted',
      reason: failed ? 'HTTP 500 from the log store' : null,
      records: failed ? 0 : 26,
      found: failed ? 0 : 24,
    },
    failures: failed ? 7 : 0,
    gaps:
      s.state === 'blind'
        ? [{ fromMs: FROM_MS + 12 * 60_000, toMs: FROM_MS + 18 * 60_000, reason: 'the server was down' }]
        : [],
  };
}

const FINDINGS: PipelineView['findings'] = [
  'echo',
  'forged',
  'orphan',
  'duplicate',
  'altered',
  'clock_step',
  'vanished',
  'false_absence',
  'something_new',
].map((kind, i) => ({
  kind,
  checkpoint: kind === 'clock_step' ? null : 'loki',
  count: i + 1,
  firstMs: NOW_MS - 1_800_000,
  lastMs: NOW_MS - 60_000 * (i + 1),
  sample: kind === 'echo' ? { record: '<script>alert("x")</script> dropped event coalmine1…' } : null,
}));

function pipelineOf(
  name: string,
  title: string,
  state: PipelineState,
  reason: string,
  checkpoints: readonly CheckpointView[],
): PipelineView {
  const targets = ['web-1', 'web-2', 'web-3'];
  return {
    name,
    title,
    state,
    stateReason: reason,
    targets: { n: targets.length, quiet: 1 },
    every: 'every 10 s',
    inject: 'http',
    lastBeatMs: state === 'silent' ? NOW_MS - 95_000 : NOW_MS - 3_000,
    superseded: state === 'silent',
    objective: { onTime: 0.99, delivered: 0.999 },
    checkpoints,
    targetsView: targets.map((t, i) => ({
      name: t,
      state: i === 2 ? 'quiet' : 'active',
      checkpoints: checkpoints.map(c => ({
        name: c.name,
        verdicts:
          state === 'losing' && i === 1
            ? { on_time: 310, lost: 34, late: 17, overdue: 15 }
            : { on_time: 360, pending: 1 },
        lastSeenMs: i === 2 ? null : NOW_MS - 6_000,
      })),
    })),
    targetsFromMs: FROM_MS,
    findings: state === 'losing' ? FINDINGS : [],
    drill:
      state === 'blind'
        ? { state: 'unproven', lastMs: null }
        : { state: 'found lost', lastMs: NOW_MS - 40_000 },
  };
}

const ok = (name: string, after: string | null, kind = 'loki', n = 24): CheckpointView =>
  checkpointOf({ name, after, fate: 'calm', state: 'healthy', kind, n });

export const fixture: Overview = {
  asOfMs: NOW_MS,
  windowMs: WINDOW_MS,
  fromMs: FROM_MS,
  toMs: NOW_MS,
  pipelines: [
    pipelineOf('ssh-to-loki', 'SSH sign-ins → Loki', 'losing', '34 of 1,440 canaries lost since 11:41', [
      ok('archive', null, 'file'),
      checkpointOf({
        name: 'loki',
        after: 'archive',
        fate: 'losing',
        state: 'losing',
        reason: '34 of 1,440 canaries lost since 11:41; the objective allows 1 in 1,000',
      }),
    ]),
    pipelineOf('entra-sign-ins', 'Entra sign-ins', 'blind', 'the log store answers HTTP 500 since 11:43', [
      ok('event-hub', null, 'kafka'),
      checkpointOf({
        name: 'sentinel',
        after: null,
        fate: 'blind',
        state: 'blind',
        reason: 'failed: HTTP 500 since 11:43',
      }),
    ]),
    pipelineOf('okta', 'Okta system log', 'healthy', 'all deadlines met', [
      ok('collector', null, 'receive', 2_400),
      ok('lake', 'collector', 'http', 2_400),
      ok('siem', 'collector', 'http', 2_400),
    ]),
    pipelineOf('vpn', 'VPN sign-ins', 'late', '120 of 1,440 later than 15 s since 11:33', [
      checkpointOf({
        name: 'loki',
        after: null,
        fate: 'late',
        state: 'late',
        reason: '120 of 1,440 later than 15 s',
      }),
    ]),
    pipelineOf('badge-readers', 'Badge readers', 'not_yet_proven', 'no canary has been seen yet', [
      checkpointOf({
        name: 'loki',
        after: null,
        fate: 'unproven',
        state: 'not_yet_proven',
        reason: 'no canary has been seen here yet',
      }),
    ]),
    pipelineOf(
      'mainframe',
      'Mainframe RACF',
      'silent',
      'three beats were missed: our emitter, not the pipeline',
      [checkpointOf({ name: 'store', after: null, fate: 'everything', state: 'healthy' })],
    ),
  ],
};

/** The same with so many pipelines, for the page's weight. */
export const manyPipelines = (n: number): Overview => ({
  ...fixture,
  pipelines: Array.from({ length: n }, (_, i) => ({
    ...fixture.pipelines[i % fixture.pipelines.length]!,
    name: `pipeline-${i}`,
    title: `Pipeline number ${i}`,
  })),
});
