/** What came of a scenario, said beside true: the truth is read from the path and from what became of each canary, never from verdicts. */

import type { LossFacts } from '../domain/incident.ts';
import { countsLate } from '../engine/loss-facts-of.ts';
import type { IncidentRow } from '../store/incident.ts';
import type { Bucket, Judged, ScenarioOptions } from './scenario.ts';
import type { FactsSetting } from './scenario-facts.ts';
import { countedOf } from './scenario-facts.ts';
import type { Incidents } from './scenario-incident.ts';
import { CODES } from './scenario-ledger.ts';
import type { ScenarioPath } from './scenario-path.ts';
import type { Rows } from './scenario-reads.ts';
import { readRows, rowFrom } from './scenario-reads.ts';
import type { ScenarioSetup } from './scenario-setup.ts';

/** What was run, beside its result: for tests that hold it against something else. */
export interface Ran {
  readonly setup: ScenarioSetup;
  readonly options: ScenarioOptions;
  readonly path: ScenarioPath;
  readonly ledger: Rows;
  readonly incidents: Incidents;
  readonly setting: FactsSetting;
}

const BUCKETS = 120;

/** What truly happened to all canaries, by when they were sent. */
export function bucketsOf({ ledger, setup, setting }: Ran): Bucket[] {
  const { startMs, endMs } = setup;
  const widthMs = (endMs - startMs) / BUCKETS;
  const buckets = Array.from({ length: BUCKETS }, (_, i) => ({
    fromMs: Math.round(startMs + i * widthMs),
    sent: 0,
    onTime: 0,
    late: 0,
    recovered: 0,
    gone: 0,
  }));
  for (const row of ledger.all) {
    const bucket = buckets[Math.min(BUCKETS - 1, Math.floor((row.dueMs - startMs) / widthMs))]!;
    bucket.sent += setting.targets;
    bucket.onTime += row.ordinary;
    for (const visibleMs of row.visibleMs) {
      if (visibleMs === Number.POSITIVE_INFINITY) bucket.gone++;
      else if (visibleMs > row.dueMs + setting.lostAfterMs) bucket.recovered++;
      else bucket.late++;
    }
  }
  return buckets;
}

export function judgedOf(ran: Ran): { readonly all: Judged[]; readonly falseAlarms: number } {
  const incidents = ran.incidents.rows();
  const explained = incidents.filter(row => isExplained(ran, row));
  return { all: incidents.map(row => judged(ran, row)), falseAlarms: incidents.length - explained.length };
}

/** An incident that meets what happened, and began no earlier than noise may have begun it. */
function isExplained({ setup, options }: Ran, row: IncidentRow<LossFacts>): boolean {
  const { onsetMs, overMs } = setup;
  if (onsetMs === null || overMs === null) return false;
  return row.detected_ms >= onsetMs && row.facts.firstMs <= overMs + options.lostAfterMs;
}

function judged(ran: Ran, row: IncidentRow<LossFacts>): Judged {
  const { facts } = row;
  const truth = truthOf(ran, row);
  const { after, checkpoint } = facts.hop;
  return {
    incident: String(row.number),
    kind: row.kind,
    hop: `${after ?? 'sending'} → ${checkpoint}`,
    pattern: facts.pattern?.name ?? null,
    detectedMs: row.detected_ms,
    endedMs: row.ended_ms,
    targets: { n: facts.targets.n, of: facts.targets.of, truly: truth.targets },
    rate: { share: facts.rate.share, low: facts.rate.low, high: facts.rate.high, truly: truth.rate },
    lost: { said: facts.counts.lost, truly: truth.lost },
    recovered: { said: facts.counts.recovered, truly: truth.recovered },
  };
}

function truthOf(ran: Ran, row: IncidentRow<LossFacts>) {
  const { setting } = ran;
  const rows = ran.ledger.all;
  const { firstMs, lastMs } = row.facts;
  let [lost, recovered] = [0, 0];
  const touched = new Set<number>();
  const end = row.ended_ms === null ? rows.length : rowFrom(rows, lastMs + 1);
  for (let r = rowFrom(rows, firstMs); r < end; r++) {
    const { dueMs, visibleMs } = rows[r]!;
    for (const ms of visibleMs) {
      if (ms === Number.POSITIVE_INFINITY) lost++;
      else if (ms > dueMs + setting.lostAfterMs) recovered++;
    }
    for (const agent of missingAt(ran, dueMs)) touched.add(agent);
  }
  const unpinned = ran.setup.canaries === 'unpinned';
  const targets = unpinned ? Math.min(1, touched.size) : [...touched].filter(a => a < setting.targets).length;
  return { lost, recovered, targets, rate: chanceOf(ran, row) };
}

/** Agents of which nothing that is taken in then is there by its deadline. */
const missingAt = ({ path, setting }: Ran, atMs: number): number[] =>
  path
    .at(atMs)
    .filter(spell => spell.visibleMs(atMs) + path.latencyMs > atMs + setting.onTimeWithinMs)
    .map(spell => spell.agent);

/**
 * The mean chance, over the very canaries that the rate was counted on (of each target those after its first that was missing),
 * that a canary sent then is missing by its deadline.
 */
function chanceOf(ran: Ran, row: IncidentRow<LossFacts>): number {
  const { path, setup, setting } = ran;
  const { alarms } = row.state;
  const wMs = Number.MAX_SAFE_INTEGER;
  const { touched, span } = countedOf(setting, { alarms, nowMs: row.facts.lastMs, wMs });
  const late = countsLate(alarms);
  const counted = new Set(touched.map(t => t.target));
  const begun = new Set<number>();
  const noise = setup.noise.late + setup.noise.lost;
  let [sum, n] = [0, 0];
  for (const { dueMs, targets, verdicts } of readRows(ran.ledger, span)) {
    const agents = begun.size === 0 ? [] : missingAt(ran, dueMs);
    const hit =
      setup.canaries === 'unpinned'
        ? (begun.size * agents.length) / path.agents
        : agents.filter(a => begun.has(a + 1)).length;
    sum += hit + (begun.size - hit) * noise;
    n += begun.size;
    for (let i = 0; i < targets.length; i++)
      if (counted.has(targets[i]!) && (late || verdicts[i] !== CODES.late)) begun.add(targets[i]!);
  }
  return n === 0 ? row.facts.rate.share : sum / n;
}
