/**
 * The step `settle`: turns evidence and what the looks have proven into verdicts, folds what has closed, and tells the
 * checkpoints before this one what they missed. One transaction under the checkpoint's lease.
 */
import type { CheckpointConfig } from '../config/config.ts';
import { type NewEvidence, type Proof, type Settled, settleRow } from '../domain/settlement.ts';
import type { Deadlines } from '../domain/verdict.ts';
import { VERDICTS } from '../domain/verdict.ts';
import { addGap, advanceReceive, type Watch } from '../domain/watermark.ts';
import { mergeSketches, parseSketch, type Sketch, sketchOf } from '../stats/sketch.ts';
import type { Lease } from '../store/lease.ts';
import type { Tx } from '../store/open.ts';
import { readGeneration } from '../store/register.ts';
import {
  awaitSettling,
  loadMarks,
  loadRollups,
  type MarkRow,
  type MarkUpdate,
  missingAt,
  parkOrphans,
  saveMarks,
  saveRollups,
  saveWatch,
  seenAt,
  takeIdentities,
  takeInbox,
  tellUpstream,
  underLease,
} from '../store/settle.ts';
import { commitFindings, INBOX_KINDS, type InboxRow } from '../store/sight.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import type { Round } from './look.ts';
import { mayHaveAliases } from './sight.ts';

const INBOX_MAX = 20_000;
const DUE_ROWS_MAX = 200;
const HOUR_MS = 3_600_000;

/** Where to settle: a live checkpoint, or what is left of a retired one. */
export interface SettleAt {
  readonly lease: Lease;
  readonly pipeline: Pick<LivePipeline, 'number' | 'drill' | 'generation' | 'source'>;
  readonly checkpoint: Pick<LiveCheckpoint, 'rules' | 'upstream' | 'downstream'> & {
    readonly config: Pick<CheckpointConfig, 'id' | 'onTimeWithinMs' | 'lostAfterMs'>;
  };
}

/** How much a settling did, and whether there is more to do at once. */
export interface SettleResult {
  readonly rows: number;
  readonly more: boolean;
  readonly watch: Watch;
}

export async function settle(engine: Engine, at: SettleAt, seconds: Round['seconds']): Promise<SettleResult> {
  const nowMs = engine.ctx.clock.now();
  const result = await underLease(engine.sql, at.lease, async (tx, committed) => {
    const found = await takeInbox(tx, at.lease, INBOX_MAX);
    const known = await takeSelfEvidence(tx, at, committed, found);
    // What is left in the inbox may be the sighting of what would be called absent: nothing is, until it is empty.
    const isEmptied = found.length < INBOX_MAX;
    const loaded = await loadMarks(tx, at.lease, {
      slots: [...groupBySlot(found).keys()],
      dueUntilMs: isEmptied
        ? Math.max(known.proven ? (known.wMs ?? 0) : 0, nowMs - at.checkpoint.rules.keepsMs)
        : null,
      dueLimit: DUE_ROWS_MAX,
    });
    const claimed = mayHaveAliases(at.pipeline) ? await takeIdentities(tx, at.lease) : [];
    const watch = await takeSelfEvidence(tx, at, known, claimed);
    const rows = await withMarksOf(tx, at.lease, loaded, claimed);
    const inbox = [...found, ...claimed];
    const evidence = groupBySlot(inbox);
    const { keepsMs, way, chained, secondLook } = at.checkpoint.rules;
    const proof = {
      ...(isEmptied ? { watch, nowMs } : { watch: { ...watch, wMs: null }, nowMs: 0 }),
      keepsMs,
      way,
      chained,
      secondLook,
      seconds,
    };
    const settled = await settleRows(engine, tx, at, rows, evidence, proof);
    await saveMarks(tx, at.lease, settled.map(toUpdate));
    await foldRollups(tx, at.lease, settled, inbox);
    await keepOrphans(engine, tx, at, rows, inbox);
    await passUpstream(tx, at, settled);
    await countRemarks(tx, at, settled, engine.ctx.clock.now());
    const waiting = settled.filter(s => s.result.waits).length;
    const more =
      found.length === INBOX_MAX ||
      (rows.length - waiting >= DUE_ROWS_MAX && settled.some(s => !s.result.waits));
    return { rows: settled.length, more, watch };
  });
  engine.instruments.add('rows_settled', result.rows);
  return result;
}

/** Also the rows of what was known by an alias only. */
async function withMarksOf(
  tx: Tx,
  lease: Lease,
  loaded: readonly MarkRow[],
  claimed: readonly InboxRow[],
): Promise<readonly MarkRow[]> {
  if (claimed.length === 0) return loaded;
  const rowOf = (r: MarkRow) => `${r.slot} ${r.part}`;
  const known = new Set(loaded.map(rowOf));
  const slots = [...new Set(claimed.map(r => r.slot))];
  const more = await loadMarks(tx, lease, { slots, dueUntilMs: null, dueLimit: 0 });
  return [...loaded, ...more.filter(r => !known.has(rowOf(r)))];
}

interface SettledRow {
  readonly row: MarkRow;
  readonly result: Settled;
}

/** Gaps and probes that came through the inbox change the watch, not a canary. Push proves itself here. */
async function takeSelfEvidence(
  tx: Tx,
  at: SettleAt,
  watch: Watch,
  inbox: readonly InboxRow[],
): Promise<Watch> {
  const kind = (r: InboxRow) => INBOX_KINDS[r.kind];
  let next = watch;
  if (!next.proven && inbox.some(r => kind(r) === 'seen')) next = { ...next, proven: true };
  for (const r of inbox) {
    if (kind(r) === 'gap') {
      next = {
        ...next,
        gaps: addGap(next.gaps, {
          fromMs: r.seen_after_ms ?? r.seen_ms,
          toMs: r.seen_ms + 1,
          reason: String(r.detail ?? 'turned away'),
        }),
      };
    }
  }
  const probes = inbox.filter(r => kind(r) === 'probe').map(r => r.seen_ms);
  for (const sentMs of probes.sort((a, b) => a - b)) next = advanceReceive(next, sentMs, at.checkpoint.rules);
  if (next !== watch) await saveWatch(tx, at.lease, next);
  return next;
}

function groupBySlot(inbox: readonly InboxRow[]): Map<number, (NewEvidence & { readonly index: number })[]> {
  const out = new Map<number, (NewEvidence & { readonly index: number })[]>();
  for (const r of inbox) {
    const kind = INBOX_KINDS[r.kind];
    if (kind !== 'seen' && kind !== 'downstream') continue;
    const list = out.get(r.slot) ?? [];
    if (list.length === 0) out.set(r.slot, list);
    list.push({
      kind,
      index: r.index,
      target: r.target,
      seenMs: r.seen_ms,
      seenAfterMs: r.seen_after_ms,
      record: r.record,
      copies: r.copies,
      integrity: r.integrity,
      detail: r.detail,
      ingestedMs: r.ingested_ms,
    });
  }
  return out;
}

async function settleRows(
  engine: Engine,
  tx: Tx,
  at: SettleAt,
  rows: readonly MarkRow[],
  evidence: ReadonlyMap<number, readonly (NewEvidence & { readonly index: number })[]>,
  { seconds, ...proof }: Omit<Proof, 'second'> & Pick<Round, 'seconds'>,
): Promise<SettledRow[]> {
  const further = await seenAt(
    tx,
    at.lease,
    at.checkpoint.downstream,
    rows.filter(r => r.next_due_ms !== null && (proof.watch.wMs ?? 0) >= r.next_due_ms),
  );
  const downstream = new Map<string, Set<number>>();
  for (const f of further) {
    const key = `${f.slot} ${f.part}`;
    const seen = downstream.get(key) ?? new Set();
    for (const [i, off] of f.seen_offs.entries()) if (off !== null) seen.add(i);
    downstream.set(key, seen);
  }
  const out: SettledRow[] = [];
  for (const row of rows) {
    const own = (evidence.get(row.slot) ?? []).filter(
      e => e.index === row.index && row.targets.includes(e.target),
    );
    const told = [...(downstream.get(`${row.slot} ${row.part}`) ?? [])].map(i => downstreamEvidence(row, i));
    const deadlines = await deadlinesOf(engine, at, row.generation);
    const second = seconds.find(s => s.firstMs <= row.slot && row.slot <= s.lastMs) ?? null;
    const options = { deadlines, drill: at.pipeline.drill };
    out.push({ row, result: settleRow(row, [...own, ...told], { ...proof, second }, options) });
  }
  return out;
}

const downstreamEvidence = (row: MarkRow, i: number): NewEvidence => ({
  kind: 'downstream',
  target: row.targets[i] ?? 0,
  seenMs: 0,
  seenAfterMs: null,
  record: null,
  copies: 0,
  integrity: 0,
  detail: null,
  ingestedMs: null,
});

const pinned = new WeakMap<SettleAt['checkpoint'], Map<number, Deadlines>>();

/** A beat keeps the deadlines of the generation that planned it. */
async function deadlinesOf(engine: Engine, at: SettleAt, generation: number): Promise<Deadlines> {
  const { checkpoint, pipeline } = at;
  if (generation === pipeline.generation) return checkpoint.config;
  const known = pinned.get(checkpoint) ?? new Map<number, Deadlines>();
  pinned.set(checkpoint, known);
  const cached = known.get(generation);
  if (cached) return cached;
  const spec = await readGeneration<{ checkpoints?: readonly Partial<CheckpointConfig>[] }>(
    engine.sql,
    pipeline.number,
    generation,
  );
  const old = spec?.checkpoints?.find(c => c.id === checkpoint.config.id);
  const deadlines = {
    onTimeWithinMs: old?.onTimeWithinMs ?? checkpoint.config.onTimeWithinMs,
    lostAfterMs: old?.lostAfterMs ?? checkpoint.config.lostAfterMs,
  };
  known.set(generation, deadlines);
  return deadlines;
}

const toUpdate = ({ row, result }: SettledRow): MarkUpdate => ({
  slot: row.slot,
  part: row.part,
  next_due_ms: result.next_due_ms,
  counts: result.counts,
  folded: result.folded,
  exceptional: result.exceptional,
  verdicts: result.verdicts,
  seen_offs: result.seen_offs,
  seen_after_offs: result.seen_after_offs,
  flags: result.flags,
  records: result.records,
  notes: result.notes,
});

async function foldRollups(
  tx: Tx,
  lease: Lease,
  settled: readonly SettledRow[],
  inbox: readonly InboxRow[],
): Promise<void> {
  const deltas = new Map<number, { counts: Record<string, number>; delaysMs: number[] }>();
  const hour = (ms: number) => {
    const at = ms - (ms % HOUR_MS);
    const d = deltas.get(at) ?? { counts: {}, delaysMs: [] };
    deltas.set(at, d);
    return d;
  };
  for (const { row, result } of settled) {
    // A canary sent by hand would bias a rate: whoever sends one already doubts the pipeline.
    if (row.kind === 'test') continue;
    if (Object.keys(result.delta).length === 0 && result.delaysMs.length === 0) continue;
    const d = hour(row.slot);
    for (const [bucket, n] of Object.entries(result.delta)) d.counts[bucket] = (d.counts[bucket] ?? 0) + n;
    d.delaysMs.push(...result.delaysMs);
  }
  for (const r of inbox) {
    if (INBOX_KINDS[r.kind] !== 'skipped') continue;
    const d = hour(r.seen_ms);
    d.counts.unsent = (d.counts.unsent ?? 0) + r.copies;
  }
  if (deltas.size === 0) return;
  const known = new Map((await loadRollups(tx, lease, [...deltas.keys()])).map(r => [r.hour_ms, r]));
  const rows = [...deltas].map(([hour_ms, d]) => {
    const old = known.get(hour_ms);
    const counts: Record<string, number> = { ...(old?.counts ?? {}) };
    for (const [bucket, n] of Object.entries(d.counts)) {
      counts[bucket] = (counts[bucket] ?? 0) + n;
      if (counts[bucket] === 0) delete counts[bucket];
    }
    const before: Sketch[] = old?.delays ? [parseSketch(old.delays)] : [];
    return { hour_ms, counts, delays: mergeSketches(...before, sketchOf(d.delaysMs)) };
  });
  await saveRollups(tx, lease, rows);
}

/** Valid names that no row knows: parked, ours to explain (law 5). A copy of what was folded away long ago isn't one. */
async function keepOrphans(
  engine: Engine,
  tx: Tx,
  at: SettleAt,
  rows: readonly MarkRow[],
  inbox: readonly InboxRow[],
): Promise<void> {
  const known = new Set(rows.flatMap(r => r.targets.map(t => `${r.slot} ${r.index} ${t}`)));
  const floorMs = engine.ctx.clock.now() - engine.config.retention.canariesMs;
  const orphans = inbox.filter(
    r => INBOX_KINDS[r.kind] === 'seen' && r.slot > floorMs && !known.has(`${r.slot} ${r.index} ${r.target}`),
  );
  if (orphans.length === 0) return;
  engine.instruments.add('orphans', orphans.length);
  await parkOrphans(tx, at.lease, orphans);
  await commitFindings(tx, at.lease, [
    { kind: 'orphan', at_ms: engine.ctx.clock.now(), count: orphans.length, sample: null },
  ]);
}

/** What arrived here although a checkpoint before says it is missing was missed by us there, not by the path. */
async function passUpstream(tx: Tx, at: SettleAt, settled: readonly SettledRow[]): Promise<void> {
  const arrived = settled.filter(s => s.result.arrived.length > 0);
  if (arrived.length === 0 || at.checkpoint.upstream.length === 0) return;
  const keys = arrived.map(s => ({ slot: s.row.slot, part: s.row.part }));
  // One of them that is concluding that it misses what arrived here can't see it yet: wait until it has.
  await awaitSettling(tx, at.lease.pipeline, at.checkpoint.upstream);
  const missing = await missingAt(tx, at.lease.pipeline, at.checkpoint.upstream, keys);
  const gone = new Set([VERDICTS.indexOf('lost'), VERDICTS.indexOf('overdue'), VERDICTS.indexOf('unproven')]);
  const told = missing.flatMap(m => {
    const s = arrived.find(a => a.row.slot === m.slot && a.row.part === m.part);
    if (!s) return [];
    return s.result.arrived
      .filter(i => gone.has(m.verdicts[i] ?? -1))
      .map(i => ({
        checkpoint: m.checkpoint,
        slot: m.slot,
        target: s.row.targets[i] ?? 0,
        index: s.row.index,
        seen_ms: 0,
      }));
  });
  await tellUpstream(tx, at.lease.pipeline, told);
}

async function countRemarks(
  tx: Tx,
  at: SettleAt,
  settled: readonly SettledRow[],
  nowMs: number,
): Promise<void> {
  const total: Record<string, number> = {};
  for (const { result } of settled)
    for (const [k, n] of Object.entries(result.remarks)) total[k] = (total[k] ?? 0) + n;
  await commitFindings(
    tx,
    at.lease,
    Object.entries(total).map(([kind, count]) => ({ kind, at_ms: nowMs, count, sample: null })),
  );
}
