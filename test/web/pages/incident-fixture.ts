/** Incidents in every state, and a desk that hands them out. For the pages' own tests, the browser suite and design work. */
import type { Incident, LossFacts } from '../../../src/domain/incident.ts';
import type { IncidentBars } from '../../../src/engine/incident-bars.ts';
import type { IncidentStory } from '../../../src/engine/incidents.ts';
import type { Bar, Counts } from '../../../src/engine/overview.ts';
import type { IncidentDesk } from '../../../src/web/pages/incident-routes.tsx';
import { NOW_MS } from './fixture.ts';

const MINUTE = 60_000;
const BEGAN = NOW_MS - 22 * MINUTE - 24_000;
const ssh = { name: 'ssh-to-loki', title: 'SSH sign-ins → Loki' };
const entra = { name: 'entra-sign-ins', title: 'Entra sign-ins' };

export const lossFacts: LossFacts = {
  counts: {
    scheduled: 402,
    overdue: 15,
    lost: 34,
    recovered: 12,
    late: 4,
    arrived: 331,
    refused: 0,
    pending: 5,
    unknown: 1,
  },
  phase: 'lost',
  hop: { after: 'archive', checkpoint: 'loki' },
  checkpoints: ['loki'],
  targets: { touched: ['web-1'], n: 1, of: 3 },
  firstMs: BEGAN,
  lastMs: NOW_MS - 20_000,
  rate: { share: 61 / 132, low: 0.3754, high: 0.5506, n: 132 },
  realEvents: { n: 51_234, low: 36_100, high: 69_870 },
  heldUntilMs: BEGAN + 6 * 60 * MINUTE,
  holdsMs: 6 * 60 * MINUTE,
  hunt: {
    eventFromMs: BEGAN,
    eventToMs: NOW_MS - 5_000,
    ingestFromMs: BEGAN,
    ingestToMs: NOW_MS,
    query: '{job="auth", host="web-1"} |= "sshd" | json | line_format "{{.time}} {{.message}}"',
  },
  pattern: {
    name: 'stall then burst',
    evidence:
      'web-1 missed 46 canaries in a row, 12 of them came back within 4 s, faster than they were sent: something stood still and then shipped what it had kept.',
  },
  objective: { onTime: 0.99, delivered: 0.999 },
  onTimeWithinMs: 15_000,
  lostAfterMs: 600_000,
};

export const losing: Incident = {
  id: 7,
  kind: 'loss',
  pipeline: ssh,
  checkpoint: 'loki',
  state: 'open',
  beganMs: BEGAN,
  detectedMs: BEGAN + 52_000,
  endedMs: null,
  reopened: 1,
  loss: lossFacts,
  condition: null,
  notes: [
    {
      atMs: NOW_MS - 9 * MINUTE,
      by: 'Alex <img src=x onerror=alert(1)>',
      kind: 'note',
      text: 'The dispatcher on web-1 hangs.\nRestarting it <b>now</b>.',
    },
  ],
};

export const overdue: Incident = {
  ...losing,
  id: 9,
  pipeline: { name: 'vpn', title: 'VPN sign-ins' },
  beganMs: NOW_MS - 3 * MINUTE,
  detectedMs: NOW_MS - 2 * MINUTE,
  reopened: 0,
  loss: {
    ...lossFacts,
    phase: 'overdue',
    counts: {
      ...lossFacts.counts,
      scheduled: 40,
      overdue: 31,
      lost: 0,
      recovered: 0,
      late: 0,
      arrived: 8,
      pending: 1,
      unknown: 0,
    },
    hop: { after: null, checkpoint: 'loki' },
    targets: { touched: Array.from({ length: 100 }, (_, i) => `edge-${i}.fra.example.com`), n: 240, of: 240 },
    rate: { share: 31 / 39, low: 0.6354, high: 0.907, n: 39 },
    realEvents: null,
    heldUntilMs: null,
    holdsMs: null,
    pattern: null,
    hunt: { ...lossFacts.hunt, query: null },
  },
  notes: [],
};

export const blind: Incident = {
  id: 8,
  kind: 'blind',
  pipeline: entra,
  checkpoint: 'sentinel',
  state: 'open',
  beganMs: NOW_MS - 20 * MINUTE,
  detectedMs: NOW_MS - 18 * MINUTE,
  endedMs: null,
  reopened: 0,
  loss: null,
  condition: {
    reason: 'the last 7 looks failed: HTTP 500 from the log store',
    count: 7,
    sample: { status: 500, body: '<script>alert("x")</script>' },
  },
  notes: [{ atMs: NOW_MS - 16 * MINUTE, by: 'Sam (key oncall)', kind: 'ack', text: '' }],
};

export const ended: Incident = {
  ...losing,
  id: 3,
  state: 'ended',
  beganMs: NOW_MS - 26 * 60 * MINUTE,
  detectedMs: NOW_MS - 26 * 60 * MINUTE + 50_000,
  endedMs: NOW_MS - 25 * 60 * MINUTE,
  loss: {
    ...lossFacts,
    counts: { ...lossFacts.counts, lost: 20, recovered: 26, overdue: 0, pending: 0 },
    heldUntilMs: null,
    firstMs: NOW_MS - 26 * 60 * MINUTE,
    lastMs: NOW_MS - 25 * 60 * MINUTE,
  },
};

export const incidents: readonly Incident[] = [overdue, blind, losing, ended];

const BARS = 64;

/** Calm, then what an incident of this kind does to a checkpoint. */
export function barsFor(incident: Incident): IncidentBars {
  const endMs = incident.endedMs ?? NOW_MS;
  const pad = (endMs - incident.beganMs) / 5;
  const fromMs = Math.floor(incident.beganMs - pad);
  const toMs = Math.floor(Math.min(NOW_MS, endMs + pad));
  const width = (toMs - fromMs) / BARS;
  const bars = Array.from({ length: BARS }, (_, i): Bar => {
    const at = fromMs + i * width;
    const inside = at >= incident.beganMs && at < endMs;
    const newest = i > BARS - 6 && incident.endedMs === null;
    const bad: Counts = newest
      ? { on_time: 3, overdue: 3, pending: 1 }
      : i % 9 < 3
        ? { on_time: 4, recovered: 2 }
        : { on_time: 4, lost: 2 };
    const counts = incident.kind === 'blind' && inside ? { unproven: 6 } : inside ? bad : { on_time: 6 };
    return { fromMs: at, toMs: at + width, counts };
  });
  const blind = incident.kind === 'blind' ? [{ fromMs: incident.beganMs, toMs: NOW_MS }] : [];
  return { checkpoint: incident.checkpoint ?? 'loki', fromMs, toMs, bars, blind };
}

const notice = { sequence: 1, nextMs: null, attempts: 0, error: null, insteadOf: null };

export const noticesOf = (incident: Incident): IncidentStory['notices'] => [
  {
    ...notice,
    notifier: 'security',
    event: 'opened',
    state: 'sent',
    createdMs: incident.detectedMs,
    doneMs: incident.detectedMs + 900,
  },
  {
    ...notice,
    notifier: 'pager',
    event: 'opened',
    state: 'failed',
    createdMs: incident.detectedMs,
    doneMs: incident.detectedMs + 5 * MINUTE,
    attempts: 3,
    error: 'HTTP 403: the routing key isn’t known',
  },
  {
    ...notice,
    notifier: 'mail',
    event: 'opened',
    state: 'sent',
    createdMs: incident.detectedMs + 5 * MINUTE,
    doneMs: incident.detectedMs + 5 * MINUTE + 400,
    insteadOf: 'pager',
  },
  {
    ...notice,
    notifier: 'mail',
    event: 'worsened',
    state: 'waiting',
    sequence: 2,
    createdMs: NOW_MS - MINUTE,
    doneMs: null,
    attempts: 2,
    nextMs: NOW_MS + MINUTE,
    error: 'no end within 30 s',
  },
];

export interface FakeDesk extends IncidentDesk {
  mayAct: boolean;
  nowMs: number;
  internal: boolean;
  readonly said: { id: number; kind: string; text: string; by: string }[];
}

export function deskWith(all: readonly Incident[] = incidents): FakeDesk {
  const desk: FakeDesk = {
    mayAct: true,
    nowMs: NOW_MS,
    internal: true,
    said: [],
    page: async (_request, only, q) => {
      const fit = all
        .filter(i => only.includes(i.pipeline.name) && (q.state === undefined || i.state === q.state))
        .filter(i => q.kinds?.includes(i.kind) ?? true)
        .filter(i => q.before === undefined || i.id < q.before)
        .toSorted((a, b) => b.id - a.id);
      const page = fit.slice(0, q.limit);
      return {
        asOfMs: NOW_MS,
        incidents: page,
        next: fit.length > q.limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
    story: async (_request, only, id) => {
      const incident = all.find(i => i.id === id && only.includes(i.pipeline.name));
      if (!incident) return null;
      const sees = { state: 'sees' as const, asOfMs: NOW_MS - 4_000 };
      const unseen = { state: 'blind' as const, sinceMs: incident.beganMs, reason: 'HTTP 500' };
      const isBlind = incident.kind === 'blind';
      return {
        story: {
          asOfMs: desk.nowMs,
          incident: desk.internal ? incident : { ...incident, notes: [] },
          seen: {
            checkpoint: incident.checkpoint ?? 'loki',
            sight: isBlind ? unseen : sees,
            watermarkMs: NOW_MS - 4_000,
          },
          notices: desk.internal ? noticesOf(incident) : [],
        },
        drawn: barsFor(incident),
      };
    },
    say: async (_request, id, said) => void desk.said.push({ id, ...said }),
    mayWrite: () => desk.mayAct,
    isInternal: () => desk.internal,
  };
  return desk;
}
