/** Gathers what a report is made of, as of one moment: the accounts of a period, its incidents, its targets, and the record. */
import { INCIDENT_KINDS, type Incident } from '../domain/incident.ts';
import type { IncidentFacts, PipelineFacts, ReportData, TargetsFacts } from '../domain/report/data.ts';
import { newWatch } from '../domain/watermark.ts';
import { formatDuration } from '../domain/words.ts';
import { type IncidentWithNotes, readIncident } from '../store/incident.ts';
import type { Sql, Tx } from '../store/open.ts';
import { snapshot } from '../store/read.ts';
import { readNotices } from '../store/read-notices.ts';
import { readWatches } from '../store/register.ts';
import { readIncidentsIn, readInventory, readRanges, readSentTargets } from '../store/report.ts';
import { type Account, type Place, periodMs, readAccounts } from './accounts.ts';
import { incidentView } from './incident-view.ts';
import type { Engine, LivePipeline } from './live.ts';
import { checkpointFacts, type Period } from './report-checkpoint.ts';
import { verifyChain } from './verify-chain.ts';

const HOUR_MS = 3_600_000;
/** So many incidents are told in full, and so many more counted. */
const INCIDENTS_MAX = 50;
const INCIDENTS_READ_MAX = 1_000;
const TROUBLES_MAX = 100;
const RANGES_MAX = 200;
const NOTICES_MAX = 100;
const WITHOUT_MAX = 100;
/** Arrivals of a Poisson process are rarely so many periods apart. */
const POISSON_GAP = 8;

export interface ReportAsked {
  readonly sinceMs: number;
  /** Exclusive. */
  readonly untilMs: number;
  /** Names of pipelines; all unless given. */
  readonly only?: readonly string[];
  /** coalmine's own version. */
  readonly version: string;
}

/** The report of a period. */
export const reportOf = (engine: Engine, asked: ReportAsked): Promise<ReportData> =>
  snapshot(engine.sql, async tx => {
    const pipelines = engine.pipelines.filter(p => asked.only?.includes(p.config.name) ?? true);
    const period = wholeHours(asked);
    const found = await readIncidentsIn(
      tx,
      pipelines.map(p => p.number),
      period,
      INCIDENTS_READ_MAX,
    );
    const told = {
      sinceMs: asked.sinceMs,
      untilMs: asked.untilMs,
      incident: null,
      pipelines: asked.only ?? null,
    };
    return await gather(engine, tx, { pipelines, period, found, asked: told, version: asked.version });
  }).then(data => withRecord(engine, data));

/** The report of one incident: its own hours, and all that is on record for its pipeline in them. null: there is none. */
export async function incidentReportOf(
  engine: Engine,
  asked: { readonly incident: number; readonly version: string },
): Promise<ReportData | null> {
  const data = await snapshot(engine.sql, async tx => {
    const row = await readIncident(tx, asked.incident);
    const pipelines = engine.pipelines.filter(p => p.number === row?.pipeline);
    const [pipeline] = pipelines;
    if (!row || !pipeline) return null;
    const sinceMs = row.began_ms;
    const untilMs = Math.max(sinceMs + 1, row.ended_ms ?? engine.ctx.clock.now());
    const period = wholeHours({ sinceMs, untilMs });
    const told = { sinceMs, untilMs, incident: row.number, pipelines: [pipeline.config.name] };
    const all = await readIncidentsIn(tx, [pipeline.number], period, INCIDENTS_READ_MAX);
    // What clouded our own sight in those hours belongs to it; other losses have reports of their own.
    const ours = all.rows.filter(i => INCIDENT_KINDS[i.kind].concerns === 'ours' && i.number !== row.number);
    const found = { rows: [row, ...ours], more: 0 };
    return await gather(engine, tx, { pipelines, period, found, asked: told, version: asked.version });
  });
  return data && (await withRecord(engine, data));
}

const wholeHours = ({ sinceMs, untilMs }: { sinceMs: number; untilMs: number }): Period => ({
  fromMs: Math.floor(sinceMs / HOUR_MS) * HOUR_MS,
  toMs: Math.ceil(untilMs / HOUR_MS) * HOUR_MS,
});

type WithoutRecord = Omit<ReportData, 'record'>;

async function withRecord(engine: Engine, data: WithoutRecord): Promise<ReportData> {
  const record = await verifyChain(engine.sql, {
    nowMs: data.asOfMs,
    retention: engine.config.retention,
    only: data.pipelines.map(p => p.name),
  });
  return { ...data, record };
}

interface Work {
  readonly pipelines: readonly LivePipeline[];
  readonly period: Period;
  readonly found: { readonly rows: readonly IncidentWithNotes[]; readonly more: number };
  readonly asked: ReportData['asked'];
  readonly version: string;
}

async function gather(engine: Engine, tx: Tx, work: Work): Promise<WithoutRecord> {
  const { pipelines, period, found, asked, version } = work;
  const nowMs = engine.ctx.clock.now();
  const watches = await readWatches(
    tx as unknown as Sql,
    pipelines.map(p => p.number),
  );
  const places: Place[] = pipelines.flatMap(pipeline =>
    pipeline.checkpoints.map(checkpoint => {
      const own = watches.find(
        w => w.pipeline === pipeline.number && w.checkpoint === checkpoint.key.checkpoint,
      );
      return { pipeline, checkpoint, watch: { ...newWatch, ...own?.watermark } };
    }),
  );
  const window = { ...period, barMs: HOUR_MS, fine: false, hourFromMs: period.fromMs };
  const accounts = await readAccounts(tx, places, window, nowMs);
  const isFull = (row: IncidentWithNotes) =>
    row.number === asked.incident || INCIDENT_KINDS[row.kind].concerns === 'loss';
  const full = found.rows.filter(isFull);
  const troubles = found.rows.filter(row => !isFull(row));
  const incidents: IncidentFacts[] = [];
  for (const row of full.slice(0, INCIDENTS_MAX))
    incidents.push(await incidentFacts(tx, row, pipelines, engine.config.retention.exceptionsMs, nowMs));
  const told: PipelineFacts[] = [];
  for (const p of pipelines)
    told.push(await pipelineFacts(tx, p, accounts, { period, nowMs, incidents: found.rows }));
  return {
    version,
    asOfMs: nowMs,
    asked,
    ...period,
    pipelines: told,
    incidents,
    troubles: troubles.slice(0, TROUBLES_MAX).map(row => viewOf(row, pipelines)),
    incidentsMore:
      found.more + Math.max(0, full.length - INCIDENTS_MAX) + Math.max(0, troubles.length - TROUBLES_MAX),
  };
}

function viewOf(row: IncidentWithNotes, pipelines: readonly LivePipeline[]): Incident {
  const pipeline = pipelines.find(p => p.number === row.pipeline);
  if (!pipeline) throw new Error(`an incident of pipeline ${row.pipeline}, which was not asked for`);
  return incidentView(pipeline, row);
}

async function incidentFacts(
  tx: Tx,
  row: IncidentWithNotes,
  pipelines: readonly LivePipeline[],
  keptMs: number,
  nowMs: number,
): Promise<IncidentFacts> {
  const incident = viewOf(row, pipelines);
  const pipeline = pipelines.find(p => p.number === row.pipeline) as LivePipeline;
  const notices = await readNotices(tx, row.number);
  const { loss } = incident;
  const place =
    pipeline.checkpoints.find(c => c.key.checkpoint === row.checkpoint) ?? pipeline.checkpoints[0];
  const everyMs = periodMs(pipeline, nowMs);
  const ranges =
    loss === null || !place
      ? []
      : await readRanges(tx, place.key, {
          fromMs: Math.max(loss.firstMs, nowMs - keptMs),
          toMs: incident.endedMs === null ? nowMs : loss.lastMs,
          verdict: incident.kind === 'refused' ? 'refused' : 'lost',
          drill: pipeline.drill,
          gapMs: Math.round(everyMs * (pipeline.schedule.sampling === 'poisson' ? POISSON_GAP : 1.5)),
          perRow: Math.min(1_000, Math.max(1, pipeline.targets.length)),
          limit: RANGES_MAX,
        });
  const canaries = ranges[0]?.canaries ?? 0;
  return {
    incident,
    lost: {
      canaries,
      ranges: ranges.map(r => ({
        target: pipeline.targetByNumber.get(r.target) ?? `target ${r.target}`,
        fromMs: r.from_ms,
        toMs: r.to_ms,
        n: r.n,
      })),
      rangesMore: (ranges[0]?.ranges ?? 0) - ranges.length,
      canariesMore: canaries - ranges.reduce((n, r) => n + r.n, 0),
    },
    notices: notices.slice(0, NOTICES_MAX).map(n => ({
      notifier: n.notifier,
      event: n.event,
      state: n.state,
      createdMs: n.createdMs,
      doneMs: n.doneMs,
      attempts: n.attempts,
      error: n.error,
      insteadOf: n.insteadOf,
    })),
    noticesMore: Math.max(0, notices.length - NOTICES_MAX),
  };
}

interface Beside {
  readonly period: Period;
  readonly nowMs: number;
  readonly incidents: readonly IncidentWithNotes[];
}

async function pipelineFacts(
  tx: Tx,
  pipeline: LivePipeline,
  accounts: readonly Account[],
  { period, nowMs, incidents }: Beside,
): Promise<PipelineFacts> {
  const { config } = pipeline;
  const { schedule } = config;
  return {
    name: config.name,
    title: config.title,
    every:
      schedule.kind === 'every'
        ? `every ${formatDuration(schedule.everyMs)}`
        : `by the cron schedule ${schedule.expression} (${schedule.timezone})`,
    inject: config.inject.kind,
    checkpoints: accounts
      .filter(a => a.place.pipeline === pipeline)
      .map(a =>
        checkpointFacts(a, {
          period,
          nowMs,
          incidents: incidents.filter(i => i.pipeline === pipeline.number),
        }),
      ),
    targets: await targetsFacts(tx, pipeline, period, nowMs),
  };
}

async function targetsFacts(
  tx: Tx,
  pipeline: LivePipeline,
  period: Period,
  nowMs: number,
): Promise<TargetsFacts> {
  const all = await readInventory(tx, pipeline.number);
  const inventory = all.filter(t => t.state !== 'retired');
  const perRow = Math.min(1_000, Math.max(1, inventory.length));
  const sent = await readSentTargets(tx, pipeline.number, { ...period, perRow });
  const had = new Set(sent.targets);
  const without = inventory.filter(t => !had.has(t.number));
  return {
    lookedFromMs: sent.from_ms,
    lookedToMs: Math.min(period.toMs, nowMs),
    inventory: inventory.length,
    quiet: inventory.filter(t => t.state === 'quiet').length,
    retired: all.length - inventory.length,
    withCanaries: inventory.length - without.length,
    without: without.slice(0, WITHOUT_MAX).map(({ name, state }) => ({ name, state })),
    withoutMore: Math.max(0, without.length - WITHOUT_MAX),
  };
}
