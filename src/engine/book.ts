/** Booking what has been settled: the rollups' hours, the orphans, and what is to be said about it. */
import { mergeSketches, parseSketch, type Sketch, sketchOf } from '../stats/sketch.ts';
import { commitFindings } from '../store/finding.ts';
import type { CheckpointKey } from '../store/lease.ts';
import type { Tx } from '../store/open.ts';
import { loadRollups, parkOrphans, type RollupKey, saveRollups } from '../store/rollup.ts';
import { INBOX_KINDS } from '../store/sight.ts';
import type { Case } from './case.ts';
import type { Engine } from './live.ts';

const HOUR_MS = 3_600_000;

interface HourDelta extends RollupKey {
  readonly counts: Record<string, number>;
  readonly delaysMs: number[];
}

const keyOf = (k: RollupKey): string => `${k.pipeline} ${k.checkpoint} ${k.hour_ms}`;

/** Folds what has closed, in the hour of its slot. */
export async function bookRollups(tx: Tx, cases: readonly Case[]): Promise<void> {
  const deltas = cases.flatMap(hoursOf);
  if (deltas.length === 0) return;
  const keys = deltas.map(({ pipeline, checkpoint, hour_ms }) => ({ pipeline, checkpoint, hour_ms }));
  const known = new Map((await loadRollups(tx, keys)).map(r => [keyOf(r), r]));
  const rows = deltas.map(({ delaysMs, ...delta }) => {
    const old = known.get(keyOf(delta));
    const counts: Record<string, number> = { ...(old?.counts ?? {}) };
    for (const [bucket, n] of Object.entries(delta.counts)) {
      counts[bucket] = (counts[bucket] ?? 0) + n;
      if (counts[bucket] === 0) delete counts[bucket];
    }
    const before: Sketch[] = old?.delays ? [parseSketch(old.delays)] : [];
    return { ...delta, counts, delays: mergeSketches(...before, sketchOf(delaysMs)) };
  });
  await saveRollups(tx, rows);
}

function hoursOf({ at: { lease }, settled, inbox }: Case): HourDelta[] {
  const { pipeline, checkpoint } = lease;
  const deltas = new Map<number, HourDelta>();
  const hour = (ms: number): HourDelta => {
    const hour_ms = ms - (ms % HOUR_MS);
    const d = deltas.get(hour_ms) ?? { pipeline, checkpoint, hour_ms, counts: {}, delaysMs: [] };
    deltas.set(hour_ms, d);
    return d;
  };
  for (const { row, result } of settled) {
    // A canary sent by hand would bias a rate: whoever sends one already doubts the pipeline.
    if (row.kind === 'test') continue;
    if (Object.keys(result.delta).length === 0 && result.delaysMs.length === 0) continue;
    const d = hour(row.slot);
    for (const [bucket, n] of Object.entries(result.delta)) d.counts[bucket] = (d.counts[bucket] ?? 0) + n;
    for (const ms of result.delaysMs) d.delaysMs.push(ms);
  }
  for (const r of inbox) {
    if (INBOX_KINDS[r.kind] !== 'skipped') continue;
    const d = hour(r.seen_ms);
    d.counts.unsent = (d.counts.unsent ?? 0) + r.copies;
  }
  return [...deltas.values()];
}

/** Valid names that no row knows: parked, ours to explain (law 5). A copy of what was folded away long ago isn't one. */
export async function parkStrays(engine: Engine, tx: Tx, cases: readonly Case[]): Promise<void> {
  const nowMs = engine.ctx.clock.now();
  const floorMs = nowMs - engine.config.retention.canariesMs;
  const orphans = cases.flatMap(({ at: { lease }, rows, inbox }) => {
    const key = placeOf(lease);
    const known = new Map<string, Set<number>>();
    for (const r of rows) {
      const name = `${r.slot} ${r.index}`;
      known.set(name, new Set([...(known.get(name) ?? []), ...r.targets]));
    }
    return inbox
      .filter(r => INBOX_KINDS[r.kind] === 'seen' && r.slot > floorMs)
      .filter(r => !known.get(`${r.slot} ${r.index}`)?.has(r.target))
      .map(({ target, slot, index, seen_ms }) => ({ ...key, target, slot, index, seen_ms }));
  });
  if (orphans.length === 0) return;
  engine.instruments.add('orphans', orphans.length);
  await parkOrphans(tx, orphans);
  await commitFindings(
    tx,
    orphans.map(o => ({ ...placeOf(o), kind: 'orphan', at_ms: nowMs, count: 1, sample: null })),
  );
}

const placeOf = ({ pipeline, checkpoint }: CheckpointKey): CheckpointKey => ({ pipeline, checkpoint });

export async function reportRemarks(engine: Engine, tx: Tx, cases: readonly Case[]): Promise<void> {
  const at_ms = engine.ctx.clock.now();
  await commitFindings(
    tx,
    cases.flatMap(({ at: { lease }, settled }) =>
      settled.flatMap(({ result }) =>
        Object.entries(result.remarks).map(([kind, count]) => ({
          ...placeOf(lease),
          kind,
          at_ms,
          count,
          sample: null,
        })),
      ),
    ),
  );
}
