/**
 * The step `detect`: feeds the detectors of a checkpoint with every beat whose outcome is known, strictly by slot, and hands
 * what they conclude to `incident`, all in one transaction.
 */

import { meetsMaintenance } from '../domain/maintenance.ts';
import { FLAG } from '../domain/settlement.ts';
import { joinTrials, type Objective, type TrialContext, type Trials, trialsOf } from '../domain/trials.ts';
import type { Deadlines } from '../domain/verdict.ts';
import { newWatch, type Watch } from '../domain/watermark.ts';
import { familyThreshold } from '../stats/alarm-delay.ts';
import {
  type Change,
  type DetectorRules,
  type DetectorState,
  detectorRules,
  dropTargets,
  feed,
  newDetector,
  trackedTargets,
} from '../stats/detector.ts';
import {
  type DetectorRow,
  type FeedRow,
  type FeedSpan,
  lockDetectors,
  readFeed,
  readFlagsAt,
  readSent,
  saveDetectors,
} from '../store/detect.ts';
import type { Tx } from '../store/open.ts';
import { periodMs } from './accounts.ts';
import { deadlinesOf } from './deadlines.ts';
import { type DetectAt, reviseLosses } from './incident.ts';
import type { Finding } from './incident-course.ts';
import type { Engine } from './live.ts';

/** Rows of one transaction; what is left comes at once in the next. */
const ROWS_MAX = 400;
const YEAR_MS = 365 * 86_400_000;

export interface Detected {
  /** There is more to feed at once. */
  readonly more: boolean;
  /** An incident of this pipeline is open: it wants to be revised again. */
  readonly open: boolean;
}

const LOSS: readonly Objective[] = ['delivered', 'on_time'];
const REFUSED: readonly Objective[] = ['refused'];

export async function detect(engine: Engine, at: DetectAt): Promise<Detected> {
  const { pipeline, checkpoint } = at;
  const key = { pipeline: pipeline.number, checkpoint: checkpoint?.key.checkpoint ?? 0 };
  const nowMs = engine.ctx.clock.now();
  const result = await engine.sql.begin(async tx => {
    const objectives = checkpoint ? LOSS : REFUSED;
    const rulesBy = new Map(objectives.map(o => [o, rulesOf(at, o, nowMs)]));
    const locked = await lockDetectors<DetectorState>(tx, key, objectives);
    if (!locked) return { more: false, open: false };
    const watch = { ...newWatch, ...(locked.watch ?? {}) };
    const detectors = locked.detectors.map(d => ({
      ...d,
      state: d.state ?? newDetector(rulesOf(at, d.objective, nowMs)),
    }));
    const spans = spansOf(at, detectors, watch, nowMs);
    const rows = checkpoint
      ? await readFeed(tx, key, spans, ROWS_MAX)
      : (await readSent(tx, key, spans[0] as FeedSpan, ROWS_MAX)).map(r => ({
          ...r,
          objective: 'refused' as const,
        }));
    const before = checkpoint ? await missingBefore(tx, at, rows) : new Map<string, number[]>();
    const findings: Finding[] = [];
    const moved: DetectorRow[] = [];
    let more = false;
    for (const detector of detectors) {
      const own = rows.filter(r => r.objective === detector.objective);
      const rules = rulesBy.get(detector.objective);
      if (!rules) continue;
      const fed = await feedRows(engine, at, { detector, rows: own, rules, watch, before });
      findings.push(...fed.findings);
      more ||= fed.more;
      if (fed.row) moved.push(fed.row);
    }
    await saveDetectors(tx, key, moved);
    const { open } = await reviseLosses(engine, tx, at, { findings, caughtUp: !more, nowMs });
    return { more, open };
  });
  return result as Detected;
}

/** No later slot can be decided: W hasn't passed its deadline, nor has the backend dropped it. */
function spansOf(
  { pipeline, checkpoint }: DetectAt,
  detectors: readonly DetectorRow[],
  watch: Watch,
  nowMs: number,
): FeedSpan[] {
  return detectors.map(({ objective, fed_ms }) => {
    const deadlineMs =
      objective === 'delivered' ? checkpoint?.config.lostAfterMs : checkpoint?.config.onTimeWithinMs;
    // A longer deadline of an older generation makes its beats wait; a shorter one is passed by then.
    const passedMs = checkpoint ? (watch.wMs ?? 0) - (deadlineMs ?? 0) : nowMs;
    const forgottenMs = checkpoint ? nowMs - checkpoint.rules.keepsMs : 0;
    return {
      objective,
      after_ms: fed_ms ?? 0,
      until_ms: Math.max(passedMs, forgottenMs),
      round: pipeline.round,
    };
  });
}

function rulesOf({ pipeline, checkpoint }: DetectAt, objective: Objective, nowMs: number): DetectorRules {
  const { config } = pipeline;
  const targets = Math.max(1, pipeline.targets.length);
  const batch = config.batch ?? 1;
  const beatsPerYear = YEAR_MS / periodMs(pipeline, nowMs);
  const deadlines = {
    on_time: checkpoint?.config.onTimeWithinMs,
    delivered: checkpoint?.config.lostAfterMs,
    refused: 0,
  };
  return detectorRules({
    objective: objective === 'on_time' ? config.objective.onTime : config.objective.delivered,
    deadlineMs: deadlines[objective] ?? 0,
    targets,
    batch,
    threshold: familyThreshold({
      checkpoints: config.checkpoints.length,
      beatsPerYear,
      targets,
      batch,
      falseAlarmsPerYear: config.falseAlarmsPerYear,
    }),
  });
}

interface Feeding {
  readonly detector: DetectorRow & { readonly state: DetectorState };
  readonly rows: readonly FeedRow[];
  readonly rules: DetectorRules;
  readonly watch: Watch;
  /** Flags at the checkpoints before this one, by row. */
  readonly before: ReadonlyMap<string, readonly number[]>;
}

async function feedRows(
  engine: Engine,
  at: DetectAt,
  { detector, rows, rules, watch, before }: Feeding,
): Promise<{ findings: Finding[]; more: boolean; row: DetectorRow | null }> {
  const { objective } = detector;
  const findings: Finding[] = [];
  const keep = (changes: readonly Change[]) => void findings.push(...changes.map(c => ({ ...c, objective })));
  let { state, fed_ms } = detector;
  const retired = trackedTargets(state).filter(t => !at.pipeline.targetByNumber.has(t));
  if (retired.length > 0) {
    const dropped = dropTargets(state, retired, fed_ms ?? 0);
    state = dropped.state;
    keep(dropped.changes);
  }
  const beats = wholeBeats(rows);
  for (const parts of beats) {
    const trials = await trialsOfBeat(engine, at, objective, { parts, watch, before });
    if (trials === null) break;
    const present = new Set(trials.targets);
    const fed = feed(
      state,
      {
        slotMs: parts[0]?.slot ?? 0,
        n: trials.targets.length,
        losses: trials.losses,
        skipped: trackedTargets(state).filter(t => !present.has(t)),
      },
      rules,
    );
    state = fed.state;
    fed_ms = parts[0]?.slot ?? fed_ms;
    keep(fed.changes);
  }
  const stuck = fed_ms === detector.fed_ms;
  const changed = !stuck || state !== detector.state;
  const row = changed ? { objective, fed_ms, state, log_threshold: Math.log(state.threshold) } : null;
  // Cut off at the bound, with everything before it fed: there is more.
  const more = !stuck && rows.length >= ROWS_MAX && fed_ms === beats.at(-1)?.[0]?.slot;
  return { findings, more, row };
}

/** Rows by beat. The last may have parts beyond the bound: it waits, unless it is all there is. */
function wholeBeats(rows: readonly FeedRow[]): FeedRow[][] {
  const beats: FeedRow[][] = [];
  for (const row of rows) {
    const last = beats.at(-1);
    if (last?.[0]?.slot === row.slot) last.push(row);
    else beats.push([row]);
  }
  if (rows.length >= ROWS_MAX && beats.length > 1) beats.pop();
  return beats;
}

async function trialsOfBeat(
  engine: Engine,
  { pipeline, checkpoint }: DetectAt,
  objective: Objective,
  of: { readonly parts: readonly FeedRow[]; readonly watch: Watch; readonly before: Feeding['before'] },
): Promise<Trials | null> {
  const windows = engine.config.maintenance
    .filter(m => m.pipelines.includes(pipeline.config.name))
    .map(m => m.window);
  const bit = objective === 'on_time' ? FLAG.absentAtD : FLAG.absentAtL;
  const all: Trials[] = [];
  for (const row of of.parts) {
    const deadlines: Deadlines = checkpoint
      ? await deadlinesOf(engine, { pipeline, checkpoint }, row.generation)
      : { onTimeWithinMs: 0, lostAfterMs: 0 };
    const flags = of.before.get(`${row.slot} ${row.part}`);
    const context: TrialContext = {
      watch: of.watch,
      deadlines,
      drill: pipeline.drill,
      missingBefore: i => ((flags?.[i] ?? 0) & bit) !== 0,
      inMaintenance: (fromMs, toMs) => windows.length > 0 && meetsMaintenance(windows, fromMs, toMs),
    };
    const trials = trialsOf(row, objective, context);
    if (trials === null) return null;
    all.push(trials);
  }
  return joinTrials(all);
}

/** Only rows that miss something need to be looked up further up the branch. */
async function missingBefore(tx: Tx, { pipeline, checkpoint }: DetectAt, rows: readonly FeedRow[]) {
  const missing = FLAG.absentAtD | FLAG.absentAtL;
  const those = rows.filter(r => r.flags?.some(f => (f & missing) !== 0));
  return await readFlagsAt(tx, pipeline.number, checkpoint?.upstream ?? [], those);
}
