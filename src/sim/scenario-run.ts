/**
 * Runs a scenario: canaries by the schedule, through the path, looked for just after every deadline, judged, fed, told. All that
 * judges is what the engine calls; only the path is a model.
 */
import type { Finding } from '../engine/incident-course.ts';
import { randomOf } from './random.ts';
import type { ScenarioOptions, ScenarioResult } from './scenario.ts';
import { rowsOf } from './scenario-beats.ts';
import { createDetector } from './scenario-detect.ts';
import { type FactsSetting, lossFacts, reachOf } from './scenario-facts.ts';
import { createIncidents, type Incidents } from './scenario-incident.ts';
import { type Row, type Settling, settle } from './scenario-ledger.ts';
import { otherMonitors } from './scenario-minutes.ts';
import { bucketsOf, judgedOf, type Ran } from './scenario-result.ts';

import type { ScenarioSetup } from './scenario-setup.ts';
import { scenarioOf } from './scenarios/index.ts';

/** From the start of a look to what it led to being told. */
export const LOOK_MS = 2_000;
const DEFAULT_SEED = 1;

/**
 * @param options where not given, as the scenario's own file says
 * @param nowMs reads a clock, for `tookMs`
 * @throws RangeError for a name that no scenario has
 */
export function runScenario(
  name: string,
  options: Partial<ScenarioOptions> = {},
  nowMs: () => number = () => 0,
): ScenarioResult {
  const beganMs = nowMs();
  const ran = runSetup(scenarioOf(name), options);
  return resultOf(ran, () => nowMs() - beganMs);
}

export function runSetup(setup: ScenarioSetup, given: Partial<ScenarioOptions> = {}): Ran {
  const options = { seed: DEFAULT_SEED, ...setup.defaults, ...given };
  check(options);
  const path = setup.path(randomOf(options.seed, 'path'));
  const pinned = Math.max(1, Math.round(options.covered * path.agents));
  const all = [
    ...rowsOf({
      ...options,
      path,
      startMs: setup.startMs,
      endMs: setup.endMs,
      canaries: setup.canaries === 'unpinned' ? 'unpinned' : { pinned },
      noise: setup.noise,
      scheduleSeed: setup.scheduleSeed,
    }),
  ];
  const ledger = { all, exceptional: all.filter(row => row.targets.length > 0) };
  const { pipeline } = setup;
  const newest = { lostMs: Number.NEGATIVE_INFINITY };
  const targets = setup.canaries === 'unpinned' ? 1 : pinned;
  const setting: FactsSetting = {
    ledger,
    newestLostMs: () => newest.lostMs,
    targets,
    nameOf: target => (targets === 1 ? pipeline.agent : `${pipeline.agent}-${target}`),
    checkpoint: pipeline.checkpoint,
    everyMs: options.everyMs,
    latencyMs: path.latencyMs,
    onTimeWithinMs: options.onTimeWithinMs,
    lostAfterMs: options.lostAfterMs,
    objective: pipeline.objective,
    holdsMs: pipeline.holdsMs ?? null,
    volumePerHour: pipeline.volume ? setup.eventsPerHour : null,
  };
  const lost = (row: Row): void => {
    newest.lostMs = Math.max(newest.lostMs, row.slotMs);
  };
  const incidents = judge({ setup, options, setting, lost });
  return { setup, options, path, ledger, incidents, setting };
}

interface Judging {
  readonly setup: ScenarioSetup;
  readonly options: ScenarioOptions;
  readonly setting: FactsSetting;
  /** Hears of every canary that is declared lost. */
  readonly lost: (row: Row) => void;
}

/** Steps through the deadlines of all canaries in order; at each is a look that sees everything. */
function judge({ setup, options, setting, lost }: Judging): Incidents {
  const { latencyMs, targets } = setting;
  const rows = setting.ledger.all;
  const { onTimeWithinMs, lostAfterMs } = options;
  const of = { deadlines: options, latencyMs, keepsMs: Number.MAX_SAFE_INTEGER, lost };
  const detecting = { ...options, targets, latencyMs, ...setup.pipeline, deadlines: options };
  const onTime = createDetector('on_time', detecting);
  const delivered = createDetector('delivered', detecting);
  const moment = { wMs: Number.NEGATIVE_INFINITY };
  const incidents = createIncidents({
    pipeline: setup.pipeline,
    checkpoint: setup.pipeline.checkpoint,
    everyMs: options.everyMs,
    reachOf: alarms => reachOf(setting, { alarms, open: true, nowMs: moment.wMs + LOOK_MS, wMs: moment.wMs }),
    factsOf: (alarms, open, depth) =>
      lossFacts(setting, { alarms, open, depth, nowMs: moment.wMs + LOOK_MS, wMs: moment.wMs }),
  });
  const returns = createReturns();
  let beforeMs = Number.NEGATIVE_INFINITY;
  let [d, l] = [0, 0];
  while (l < rows.length) {
    const dMs = d < rows.length ? rows[d]!.dueMs + onTimeWithinMs : Number.POSITIVE_INFINITY;
    const lMs = rows[l]!.dueMs + lostAfterMs;
    const wMs = Math.min(dMs, lMs);
    moment.wMs = wMs;
    for (const { row, positions } of returns.until(wMs))
      settle(row, positions, { wMs, beforeMs, whole: false }, of);
    const findings: Finding[] = [];
    if (lMs === wMs) {
      const row = rows[l++]!;
      settle(
        row,
        row.targets.map((_, i) => i),
        { wMs, beforeMs, whole: true },
        of,
      );
      findings.push(...delivered.feed(row, wMs));
    }
    if (dMs === wMs) {
      const row = rows[d++]!;
      settle(
        row,
        row.targets.map((_, i) => i),
        { wMs, beforeMs, whole: true },
        of,
      );
      findings.push(...onTime.feed(row, wMs));
      returns.expect(row);
    }
    if (findings.length > 0 || incidents.isDue(wMs + LOOK_MS)) incidents.revise(findings, wMs + LOOK_MS);
    beforeMs = wMs;
  }
  drain(incidents, moment, returns, { beforeMs, of, setting });
  return incidents;
}

/** After the last canary's deadline the looks go on: what still comes back is seen, and what is over ends. */
function drain(
  incidents: Incidents,
  moment: { wMs: number },
  returns: Returns,
  at: { beforeMs: number; readonly of: Settling; readonly setting: FactsSetting },
): void {
  const untilMs = at.beforeMs + 90 * 60_000;
  for (let wMs = at.beforeMs + at.setting.everyMs; wMs <= untilMs; wMs += at.setting.everyMs) {
    moment.wMs = wMs;
    for (const { row, positions } of returns.until(wMs))
      settle(row, positions, { wMs, beforeMs: at.beforeMs, whole: false }, at.of);
    incidents.revise([], wMs + LOOK_MS);
    at.beforeMs = wMs;
  }
}

/** Canaries that are missing and will come: asked for what has by now. */
interface Returns {
  expect(row: Row): void;
  until(wMs: number): { readonly row: Row; readonly positions: readonly number[] }[];
}

const SLICE_MS = 60_000;

function createReturns(): Returns {
  const slices = new Map<number, { readonly row: Row; readonly position: number }[]>();
  let next = Number.POSITIVE_INFINITY;
  return {
    expect(row) {
      for (let i = 0; i < row.targets.length; i++) {
        const visibleMs = row.visibleMs[i]!;
        if (visibleMs === Number.POSITIVE_INFINITY) continue;
        const slice = Math.floor(visibleMs / SLICE_MS);
        const list = slices.get(slice) ?? [];
        if (list.length === 0) slices.set(slice, list);
        list.push({ row, position: i });
        next = Math.min(next, slice);
      }
    },
    until(wMs) {
      const byRow = new Map<Row, number[]>();
      const last = Math.floor(wMs / SLICE_MS);
      for (; next <= last; next++) {
        const list = slices.get(next) ?? [];
        const later = list.filter(({ row, position }) => row.visibleMs[position]! > wMs);
        for (const { row, position } of list) {
          if (row.visibleMs[position]! > wMs) continue;
          const positions = byRow.get(row) ?? [];
          if (positions.length === 0) byRow.set(row, positions);
          positions.push(position);
        }
        if (later.length > 0) {
          slices.set(next, later);
          break;
        }
        slices.delete(next);
      }
      return [...byRow].map(([row, positions]) => ({ row, positions }));
    },
  };
}

function check({ everyMs, covered, onTimeWithinMs, lostAfterMs, seed }: ScenarioOptions): void {
  const wrong = (what: string, found: unknown): never => {
    throw new RangeError(`expected ${what}; found ${String(found)}`);
  };
  if (!(Number.isSafeInteger(everyMs) && everyMs >= 1_000)) wrong('a canary at most every second', everyMs);
  if (!(covered > 0 && covered <= 1)) wrong('a share of agents covered above 0 and at most 1', covered);
  if (!(onTimeWithinMs > 0 && lostAfterMs >= onTimeWithinMs))
    wrong('deadlines above 0, the one for lost no sooner', `${onTimeWithinMs} and ${lostAfterMs}`);
  if (!Number.isSafeInteger(seed)) wrong('a whole number as seed', seed);
}

export function resultOf(ran: Ran, tookMs: () => number): ScenarioResult {
  const { setup, options, path, ledger, incidents, setting } = ran;
  const incidentsJudged = judgedOf(ran);
  return {
    name: setup.name,
    title: setup.title,
    options,
    facts: setup.facts,
    assumptions: setup.assumptions,
    startMs: setup.startMs,
    endMs: setup.endMs,
    onsetMs: setup.onsetMs,
    noticedMs: setup.noticedMs,
    canaries: ledger.all.length * setting.targets,
    targets: setting.targets,
    buckets: bucketsOf(ran),
    said: incidents.said,
    incidents: incidentsJudged.all,
    falseAlarms: incidentsJudged.falseAlarms,
    others: otherMonitors(setup, options, path),
    tookMs: tookMs(),
  };
}
